"""What an entry says of a person: from attributes to a DirectoryPerson, and filters that find one. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from connectors.ldap.accounts import DISABLED_BIT, SHUT
from connectors.ldap.client import Entry, escaped
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings
from connectors.ldap.times import filetime
from connectors.ports.people import DirectoryPerson

AUDIENCE = ("country", "department", "office")
"""What audiences select by."""
ESSENTIAL = frozenset({"name", "email"})
"""What Foyer cannot do without."""
_ENTRA = "User_"
"""How msDS-ExternalDirectoryObjectId begins."""


class Entries:
    """Reads entries by a schema and the settings of an installation."""

    def __init__(self, settings: LdapSettings, schema: Schema) -> None:
        self._settings = settings
        self._schema = schema
        self.everybody = f"(&{schema.people_filter}{settings.people.filter or ''})"
        own = ("userAccountControl", "accountExpires", "primaryGroupID", "objectSid", "memberOf", "adminCount", "cn", schema.changed)
        self.attributes = (
            schema.key,
            *schema.attributes.values(),
            *(own if schema.kind == "active_directory" else ("pwdAccountLockedTime",)),
        )
        """All that a person is read from."""

    def by_key(self, key: str) -> str | None:
        """A filter; None where nobody can have such a key."""
        value: str | bytes = key
        if self._schema.guid:
            try:
                value = UUID(key).bytes_le
            except ValueError:
                return None
        elif self._schema.key.lower() == "entryuuid" and not _is_uuid(key):
            return None
        return self._person(f"({self._schema.key}={escaped(value)})") if value else None

    def by_email(self, email: str) -> str | None:
        wanted, attribute, others = email.strip(), self._schema.attribute("email"), self._schema.attribute("addresses")
        if not wanted or attribute is None:
            return None
        other = f"({others}={escaped(f'smtp:{wanted}')})({others}={escaped(wanted)})" if others else ""
        return self._person(f"(|({attribute}={escaped(wanted)}){other})")

    def by_account(self, account: str) -> str | None:
        scheme, _, rest = account.strip().lower().partition(":")
        tenant, _, object_id = rest.partition(":")
        attribute = self._schema.attribute("entra_id")
        if scheme != "entra" or not tenant or not object_id or attribute is None:
            return None
        spellings = (object_id, f"{_ENTRA}{object_id}", f"{tenant}:{object_id}")
        return self._person(f"(|{''.join(f'({attribute}={escaped(spelling)})' for spelling in spellings)})")

    def key(self, entry: Entry) -> str | None:
        """None where the attribute is missing: nobody whom Foyer could tell apart."""
        if not self._schema.guid:
            return entry.text(self._schema.key)
        raw = entry.attributes.get(self._schema.key.lower())
        return str(UUID(bytes_le=raw[0])) if raw and len(raw[0]) == 16 else None

    def name(self, entry: Entry) -> str:
        return self._text(entry, "name") or entry.text("cn") or self._text(entry, "username") or ""

    def email(self, entry: Entry) -> str:
        return self._text(entry, "email")

    def username(self, entry: Entry) -> str | None:
        return self._text(entry, "username") or None

    def addresses(self, entry: Entry) -> frozenset[str]:
        """All of theirs, in lower case: servers find more than was asked for, such as an é for an e."""
        every = [
            *self._texts(entry, "email"),
            *(address.removeprefix("smtp:").removeprefix("SMTP:") for address in self._texts(entry, "addresses")),
        ]
        return frozenset(address.strip().lower() for address in every)

    def enrolled(self, entry: Entry) -> tuple[str, ...]:
        """All the addresses for recovery, of which there is to be one: whose order servers do not keep, none of them can be the one."""
        return tuple(sorted({address for value in self._texts(entry, "enrolled") if (address := value.strip())}))

    def manager_dn(self, entry: Entry) -> str | None:
        return self._text(entry, "manager") or None

    def accounts(self, entry: Entry) -> frozenset[str]:
        """As "entra:<tenant>:<object id>"; the attribute has the object id, alone or after the tenant."""
        found = set()
        for value in self._texts(entry, "entra_id"):
            tenant, _, object_id = value.removeprefix(_ENTRA).strip().rpartition(":")
            tenant = tenant or self._settings.entra_tenant or ""
            if tenant and object_id:
                found.add(f"entra:{tenant}:{object_id}".lower())
        return frozenset(found)

    def person(
        self,
        entry: Entry,
        key: str,
        *,
        now: datetime,
        groups: frozenset[str],
        manager_key: str | None,
        guest: bool,
        privileged: bool,
        inactive: bool,
    ) -> DirectoryPerson:
        """`guest`, `privileged` and `inactive`: what the settings' own groups and filters say."""
        enrolled = self.enrolled(entry)
        attributes = {held: text for held in AUDIENCE if (text := self._text(entry, held))}
        return DirectoryPerson(
            key=key,
            name=self.name(entry),
            email=self.email(entry),
            timezone=self._text(entry, "timezone") or _by_place(self._settings.timezones, attributes) or self._settings.timezone or "",
            locale=_language(self._text(entry, "locale")) or _by_place(self._settings.locales, attributes) or self._settings.locale or "",
            manager_key=manager_key,
            groups=groups,
            attributes=attributes,
            title=self._text(entry, "title"),
            active=not inactive and not _switched_off(entry, now),
            guest=guest,
            # Active Directory marks whoever is or was in one of its groups of administrators.
            privileged=privileged or entry.text("adminCount") == "1",
            accounts=self.accounts(entry),
            enrolled=enrolled[0] if len(enrolled) == 1 else None,
            username=self.username(entry) or "",
        )

    def missing(self, everybody: Iterable[Entry]) -> Mapping[str, str]:
        """Mapped attributes that nobody has, by what they hold."""
        had = {name for entry in everybody for name in entry.attributes}
        return {held: name for held, name in self._schema.attributes.items() if name.lower() not in had}

    def expected(self, held: str) -> bool:
        """Whether it is wrong that nobody has it: foyer.yaml names it, or Foyer cannot do without."""
        return held in ESSENTIAL or self._settings.attributes.get(held) is not None

    def _person(self, filter: str) -> str:
        return f"(&{self.everybody}{filter})"

    def _text(self, entry: Entry, held: str) -> str:
        return next(iter(self._texts(entry, held)), "").strip()

    def _texts(self, entry: Entry, held: str) -> tuple[str, ...]:
        attribute = self._schema.attribute(held)
        return entry.texts(attribute) if attribute else ()


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _switched_off(entry: Entry, now: datetime) -> bool:
    """Disabled for good, or over: a lock that ends is no matter of this."""
    expires = filetime(entry.text("accountExpires"))
    disabled = int(entry.text("userAccountControl") or 0) & DISABLED_BIT
    return bool(disabled) or entry.text("pwdAccountLockedTime") == SHUT or (expires is not None and now >= expires)


def _by_place(told: Mapping[str, str], attributes: Mapping[str, str]) -> str | None:
    """The office says more than the country."""
    return next((told[place] for held in ("office", "country") if (place := attributes.get(held)) in told), None)  # type: ignore[index]


def _language(told: str) -> str:
    """The first of an Accept-Language list, as RFC 2798 has preferredLanguage."""
    return told.split(",")[0].split(";")[0].strip()
