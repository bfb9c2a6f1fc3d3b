"""What `foyer doctor` asks a directory: whether it answers, takes us, and holds what foyer.yaml says, each with how to mend it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from ssl import SSLCertVerificationError
from zoneinfo import available_timezones

from connectors.calling.declared import without_owner
from connectors.errors import ConnectorError, Retry
from connectors.ldap.client import Entry, LdapClient
from connectors.ldap.entries import ESSENTIAL
from connectors.ldap.people import LdapDirectory
from connectors.ldap.results import LOCKED, Missing
from connectors.ldap.rights import check_rights
from connectors.ldap.schema import Kind, Schema
from connectors.ldap.settings import LdapSettings, Marked, Url
from connectors.ldap.times import generalized
from connectors.ldap.wire import described, ends
from connectors.ports.calls import Finding
from connectors.ports.records import Clock

SOON = timedelta(days=21)
"""A certificate that ends within this is told of."""
MOST_NAMED = 10
"""Of those who share an address."""
APART = timedelta(minutes=2)
"""Of clocks: by more, locks and expiries are told wrong."""
_ACTIVE_DIRECTORY = "1.2.840.113556.1.4."
"""How the capabilities of Active Directory begin (MS-ADTS 3.1.1.3.4.3), which Samba tells too."""
_MEND = {
    "unreachable": ("reach", "check the address in `url`, the network between, and whether the server runs"),
    "timeout": ("reach", "check the network between (a firewall that drops?) and the server's load; `timeout` may be raised"),
    "connection_lost": ("reach", "look into the server's log: it hung up"),
    "unavailable": ("reach", "look into the server's log: it takes no requests now"),
    "bad_credentials": (
        "credentials",
        "check `bind_dn` and the password's variable or file, and whether that account is locked or expired; with a wrong password each"
        " start of Foyer, and each foyer doctor while none runs, is a failed try, and most directories lock an account after a few",
    ),
    "misconfigured": ("settings", "correct in foyer.yaml what is named"),
    "not_permitted": ("rights", "give bind_dn the rights that docs/ldap.md lists"),
}

_RENEW, _NAME = "renew it", "call the server by a name that it has"
_CERTIFICATE = {9: "set this machine's clock by NTP, or renew it", 10: _RENEW, 62: _NAME, 64: _NAME}
"""By OpenSSL's number of what is wrong (X509_V_ERR_...): not yet valid, ended, another name, another address."""
_AUTHORITY = "name its authority's certificate in `ca_file`"
_UNLOCK = "let an administrator unlock it, docs/ldap.md says how; then start Foyer anew, or wait until it tries again"


class Checkup:
    def __init__(
        self, name: str, client: LdapClient, directory: LdapDirectory, settings: LdapSettings, schema: Schema, clock: Clock
    ) -> None:
        """`name`: the connector's, as foyer.yaml has it."""
        self._name = name
        self._client = client
        self._directory = directory
        self._settings = settings
        self._schema = schema
        self._clock = clock

    async def findings(self) -> Sequence[Finding]:
        """In the order in which things are to be mended; what cannot be asked for what is broken before is left out."""
        found: list[Finding] = []
        reached = False
        for url in self._settings.url:
            of_server, answered, stop = await self._server(url)
            found += of_server
            reached = reached or answered
            if stop:
                return found
        if not reached:
            return found
        for ask in (self._people, self._groups, self._rights, self._owners):
            try:
                found += await ask()
            except ConnectorError as error:
                found.append(_failed(error))
        return list(dict.fromkeys(found))

    async def _server(self, url: Url) -> tuple[list[Finding], bool, bool]:
        """What is found of one server, whether the directory can be asked further, and whether to ask no other server: a wrong password
        counts towards a lockout, and under the wrong schema nothing is where it is looked for."""
        client = LdapClient(self._settings.model_copy(update={"url": (url,)}), self._clock, self._client.sign_ins)
        try:
            root = await client.root()
            _, certificate = await client.certificate()
        except ConnectorError as error:
            return [_failed(error)], False, error.code == "bad_credentials"
        finally:
            await client.close()
        found = [Finding("reach", True, f"{url} answers{_product(root)}")]
        if certificate is None:
            found.append(Finding("certificate", True, f"{url}: no TLS, and nothing leaves this machine"))
        else:
            left = ends(certificate) - self._clock()
            fine = left >= SOON
            mend = "" if fine else "renew it before then: Foyer does not talk to a server whose certificate has ended"
            found.append(Finding("certificate", fine, f"{url}: {described(certificate)}, {left.days} days left", mend))
        found.append(Finding("credentials", True, f"{url} takes {self._settings.bind_dn}"))
        if (right := kind(root)) != self._schema.kind:
            what = "is an Active Directory" if right == "active_directory" else "is no Active Directory"
            wrong = Finding("schema", False, f"schema: {self._schema.kind}, and {url} {what}", f"write schema: {right}")
            return [*found, wrong], False, True
        return [*found, self._time(url, root)], True, False

    def _time(self, url: Url, root: Entry) -> Finding:
        told = generalized(root.text("currentTime") or "")
        if told is None:
            return Finding("clock", True, f"{url} does not tell its time; nothing to compare")
        apart = abs(told - self._clock())
        mend = "" if apart <= APART else "set both clocks by NTP: since when an account is locked and when one expires is told wrong"
        return Finding("clock", apart <= APART, f"{url}: {apart.total_seconds():.0f} s apart", mend)

    async def _people(self) -> list[Finding]:
        settings, schema, entries = self._settings, self._schema, self._directory.entries
        everybody = await self._client.search(settings.people.base, entries.everybody, entries.attributes)
        where = f"people.base {settings.people.base}, filter {entries.everybody}"
        if not everybody:
            mend = "correct people.base or people.filter, or let bind_dn read there"
            return [Finding("people", False, f"nobody under {where}", mend)]
        found = [Finding("people", True, f"{len(everybody)} under {where}")]
        found.append(self._keys(everybody))
        found += self._attributes(everybody)
        by_address: dict[str, list[str]] = {}
        for entry in everybody:
            if address := entries.email(entry).lower():
                by_address.setdefault(address, []).append(entries.key(entry) or entry.dn)
        shared = [" and ".join(sorted(keys)) for keys in by_address.values() if len(keys) > 1]
        if shared:
            who = f"{'; '.join(sorted(shared)[:MOST_NAMED])}{'; ...' if len(shared) > MOST_NAMED else ''}"
            mend = "Foyer works for none of those who share one, since it cannot tell who they are: give each their own"
            found.append(Finding("addresses", False, f"addresses that two people or more have: {len(shared)} ({schema.key} {who})", mend))
        if schema.attribute("enrolled") is None:
            said = "attributes.enrolled is not set: where an smtp connector serves `enrolled`, nobody gets links or confirmations"
            found.append(Finding("enrolled", True, said))
        elif several := sum(1 for entry in everybody if len(entries.enrolled(entry)) > 1):
            named = f"attributes.enrolled ({schema.attribute('enrolled')})"
            mend = "they get no links and no confirmations, as nobody can tell which is meant: name an attribute that has one value alone"
            found.append(Finding("enrolled", False, f"{named}: {several} people have more than one", mend))
        zone = schema.attribute("timezone")
        unknown = sorted({entry.text(zone) or "" for entry in everybody if zone} - {""} - available_timezones())
        if unknown:
            mend = "write them as Europe/Berlin, or map offices or countries in `timezones` instead"
            found.append(
                Finding("time zones", False, f"attributes.timezone ({zone}): {len(unknown)} values are none: {unknown[0]!r}", mend)
            )
        return found

    def _keys(self, everybody: Sequence[Entry]) -> Finding:
        keys = [self._directory.entries.key(entry) for entry in everybody]
        without = keys.count(None)
        twice = sum(1 for count in Counter(key for key in keys if key is not None).values() if count > 1)
        if without or twice:
            found = f"key ({self._schema.key}): {without} people have none, {twice} are of two people"
            return Finding("key", False, found, "name an attribute that everybody has for good, or let bind_dn read it; see docs/ldap.md")
        return Finding("key", True, f"{self._schema.key}: everybody has one, and nobody another's")

    def _attributes(self, everybody: Sequence[Entry]) -> list[Finding]:
        entries = self._directory.entries
        missing = entries.missing(everybody)
        wrong = {held: name for held, name in missing.items() if entries.expected(held)}
        found = [
            Finding(
                "attributes",
                False,
                f"attributes.{held}: nobody has {name}",
                f"name the right one in foyer.yaml under attributes.{held}{'' if held in ESSENTIAL else ' (null for none)'},"
                f" or let bind_dn read {name}",
            )
            for held, name in sorted(wrong.items())
        ]
        if not found:
            unused = ", ".join(f"{held} ({name})" for held, name in sorted(missing.items()))
            found.append(Finding("attributes", True, f"all are there{f', but for what nobody has: {unused}' if unused else ''}"))
        return found

    async def _groups(self) -> list[Finding]:
        settings = self._settings
        names = await self._directory.memberships.names()
        where = f"groups.base {settings.groups.base}"
        if not names:
            return [Finding("groups", False, f"none under {where}", "correct groups.base or groups.filter, or let bind_dn read there")]
        found = [Finding("groups", True, f"{sum(names.values())} under {where}")]
        if twice := sorted(name for name, count in names.items() if count > 1):
            mend = "what foyer.yaml gives by such a name, nobody has: name the group by its dn there, or set `groups: {name: dn}`"
            found.append(Finding("groups", False, f"{len(twice)} names are of two groups or more: {', '.join(twice[:5])}", mend))
        if self._schema.kind == "openldap" and not settings.privileged.groups and settings.privileged.filter is None:
            mend = "name the administrators' groups there: their accounts are a person's matter, and Foyer cannot tell them from others"
            found.append(Finding("privileged", False, "privileged: nothing is said", mend))
        marked = {"guests": settings.guests, "privileged": settings.privileged, "inactive": settings.inactive}
        for setting, mark in marked.items():
            meant = await self._directory.memberships.meant(frozenset(mark.groups))
            found += [_no_group(f"{setting}.groups", setting, name) for name in mark.groups if not meant[name]]
            found += await self._matches(setting, mark)
        given = await self._directory.memberships.meant(self._directory.memberships.given)
        for name, means in sorted(given.items()):
            if not means:
                found.append(_no_group("roles and assignment_groups", "roles", name))
            elif len(means) > 1:
                mend = "nobody has what foyer.yaml gives by it: write the dn of the one that is meant there instead"
                found.append(Finding("roles", False, f"roles and assignment_groups: {len(means)} groups are called {name!r}", mend))
        return found

    async def _matches(self, setting: str, mark: Marked) -> Iterable[Finding]:
        if mark.filter is None:
            return ()
        everybody = self._directory.entries.everybody
        matching = await self._client.search(self._settings.people.base, f"(&{everybody}{mark.filter})", ("1.1",))
        return (Finding(setting, True, f"{setting}.filter: {len(matching)} people"),)

    async def _rights(self) -> Sequence[Finding]:
        return await check_rights(self._client, self._settings, self._schema, self._name)

    async def _owners(self) -> Sequence[Finding]:
        return await without_owner(self._settings.applications, self._directory)


def _no_group(where: str, setting: str, name: str) -> Finding:
    mend = "name one that is there, or take it out"
    if setting == "privileged":
        mend += "; until then nobody's password is reset and nobody unlocked"
    return Finding(setting, False, f"{where}: there is no group {name!r}", mend)


def kind(root: Entry) -> Kind:
    """Which schema holds, by what the server tells of itself."""
    told = root.texts("supportedCapabilities")
    return "active_directory" if any(one.startswith(_ACTIVE_DIRECTORY) for one in told) else "openldap"


def _product(root: Entry) -> str:
    told = [text for name in ("vendorName", "vendorVersion", "dnsHostName") if (text := root.text(name))]
    return f" ({', '.join(told)})" if told else ""


def _failed(error: ConnectorError) -> Finding:
    if error.code == "bad_credentials" and LOCKED in error.detail:
        return Finding("credentials", False, error.detail, _UNLOCK)
    if error.code == "bad_certificate":
        number = error.__cause__.verify_code if isinstance(error.__cause__, SSLCertVerificationError) else 0
        return Finding("certificate", False, error.detail, _CERTIFICATE.get(number, _AUTHORITY))
    if isinstance(error, Missing):
        return Finding("settings", False, error.detail, "correct it in foyer.yaml, or let bind_dn read it")
    name, mend = _MEND.get(error.code, ("directory", "see the detail" if isinstance(error, Retry) else "look into the server's log"))
    return Finding(name, False, error.detail or error.code, mend)
