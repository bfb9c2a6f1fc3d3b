"""The sandbox company as an Active Directory domain: the same people and keys, kept as such domains keep them.

Names stand the other way round in a DN ("CN=Whitfield\\, Dana"), a person who left is an account that is switched off, groups are in
groups, and what the schema has no attribute for is in the ones that it keeps for the organisation.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from connectors.sandbox import facts
from connectors.sandbox.people import TENANT, object_id
from tests.outside import company

REALM, WORKGROUP = "ACME.EXAMPLE", "ACME"
ROOT = "DC=acme,DC=example"
BASE = f"OU=Acme,{ROOT}"
PEOPLE, GROUPS, APPLICATIONS, SERVICES = (f"OU={unit},{BASE}" for unit in ("People", "Groups", "Applications", "Services"))
SERVICE_DN, SERVICE_PASSWORD = f"CN=svc-foyer,{SERVICES}", "The-service-accounts-0wn"
NESTED = "all-it"
"""A group of groups: whoever is in it-support or knowledge-admins is in it."""
SWITCHED_OFF, ORDINARY, WITHOUT_PASSWORD = 0x202, 0x200, 0x220
"""userAccountControl."""

_USER = "bf967aba-0de6-11d0-a285-00aa003049e2"
_GROUP = "bf967a9c-0de6-11d0-a285-00aa003049e2"
_RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"
_LOCKOUT_TIME = "28630ebf-41d5-11d1-a9c1-0000f80367c1"
_MEMBER = "bf9679c0-0de6-11d0-a285-00aa003049e2"
RESET = f"(OA;CI;CR;{_RESET_PASSWORD};{_USER};{{sid}})"
UNLOCK = f"(OA;CI;WP;{_LOCKOUT_TIME};{_USER};{{sid}})"
JOIN = f"(OA;CI;WP;{_MEMBER};{_GROUP};{{sid}})"
READ = f"(OA;CI;RP;;{_USER};{{sid}})"
"""All of people, where not everybody may."""
Rights = tuple[tuple[str, str], ...]
RIGHTS: Rights = ((PEOPLE, RESET + UNLOCK), (APPLICATIONS, JOIN))
"""Where the service account may do what: the least that it needs, as `samba-tool dsacl set --sddl` takes it."""

Pair = tuple[str, str]


@cache
def dns() -> dict[str, str]:
    """Person's key -> DN."""
    people = company.employees().values()
    shared = {name for name, count in Counter(person.name for person in people).items() if count > 1}
    return {person.key: f"CN={_common(person.name, person.key if person.name in shared else '')},{PEOPLE}" for person in people}


def dn_of(person_key: str) -> str:
    return dns()[person_key]


def account_of(person_key: str) -> str:
    """The name to sign in with (sAMAccountName)."""
    return company.dn_of(person_key).split(",")[0].removeprefix("uid=")


def group_dn(name: str) -> str:
    return f"CN={name},{GROUPS}"


def role_dn(application: str, role: str) -> str:
    return f"CN={application}-{role},{APPLICATIONS}"


def ldif() -> str:
    """The whole company, for a domain that is empty yet; only those whom tests call by name have a password."""
    people = company.employees()
    groups = sorted({group for person in people.values() for group in person.groups})
    entries = [
        *([("dn", unit), ("objectClass", "organizationalUnit")] for unit in (BASE, PEOPLE, GROUPS, APPLICATIONS, SERVICES)),
        _service(),
        *(_person(person) for person in people.values()),
        *(_group(group_dn(group), [dn_of(key) for key, person in people.items() if group in person.groups]) for group in groups),
        _group(group_dn(NESTED), [group_dn("it-support"), group_dn("knowledge-admins")]),
        *(_group(role_dn(role.application, role.role), [dn_of(key) for key in role.members]) for role in company.held()),
    ]
    return written(entries)


def managers() -> str:
    """Who manages whom, as changes to what `ldif` made."""
    changes = [
        [("dn", dn_of(person.key)), ("changetype", "modify"), ("add", "manager"), ("manager", dn_of(person.row["manager_key"]))]
        for person in company.employees().values()
        if person.row["manager_key"]
    ]
    return written(changes)


def hardened() -> str:
    """The change by which signing in alone does not let anybody read all of people any more."""
    everybody, former = f"CN=S-1-5-11,CN=ForeignSecurityPrincipals,{ROOT}", f"CN=Pre-Windows 2000 Compatible Access,CN=Builtin,{ROOT}"
    return written([[("dn", former), ("changetype", "modify"), ("delete", "member"), ("member", everybody)]])


def crowd(count: int) -> str:
    """That many people more, in an organisational unit of their own: more than a domain controller tells at once."""
    unit = f"OU=Crowd,{BASE}"
    entries: list[list[Pair]] = [[("dn", unit), ("objectClass", "organizationalUnit")]]
    entries += [
        [
            ("dn", f"CN=Crowd {number:04},{unit}"),
            ("objectClass", "user"),
            ("sAMAccountName", f"crowd{number:04}"),
            ("displayName", f"Crowd {number:04}"),
            ("employeeNumber", f"c{number:04}"),
            ("mail", f"crowd{number:04}@acme.example"),
            ("userAccountControl", str(WITHOUT_PASSWORD)),
        ]
        for number in range(count)
    ]
    return written([*entries, _group(group_dn("crowd"), [f"CN=Crowd {number:04},{unit}" for number in range(count)])])


def settings(url: str, ca_file: Path | None = None, applications: Sequence[str] = ()) -> dict[str, Any]:
    """What foyer.yaml says of this domain, without the password. Groups are looked for in the whole of it, as Domain Users is no unit's.

    `applications`: keys of those whose roles are its groups.
    """
    return {
        "use": "ldap",
        "url": url,
        **({"ca_file": str(ca_file)} if ca_file else {}),
        "schema": "active_directory",
        "bind_dn": SERVICE_DN,
        "people": {"base": PEOPLE},
        "groups": {"base": ROOT},
        "key": "employeeNumber",
        "attributes": {
            "timezone": "msDS-cloudExtensionAttribute1",
            "entra_id": "msDS-cloudExtensionAttribute2",
            "enrolled": "otherMailbox",
        },
        "entra_tenant": TENANT,
        "guests": {"filter": "(employeeType=guest)"},
        "privileged": {"groups": [company.PRIVILEGED]},
        "applications": company.settings(url, applications=applications)["applications"],
    }


def unicode_password(password: str) -> bytes:
    """As the attribute unicodePwd takes it (MS-ADTS 3.1.1.3.1.5.1)."""
    return f'"{password}"'.encode("utf-16-le")


def written(entries: Iterable[Iterable[tuple[str, str | bytes]]]) -> str:
    return "\n".join("".join(_line(name, value) for name, value in entry) for entry in entries)


def _line(name: str, value: str | bytes) -> str:
    if name in ("changetype", "add", "replace", "delete"):
        return f"{name}: {value!s}\n"
    if name == "-":
        return "-\n"
    return f"{name}:: {base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()}\n"


def _common(name: str, key: str) -> str:
    first, _, last = name.partition(" ")
    return f"{last}\\, {first}" + (f" ({key})" if key else "")


def _service() -> list[tuple[str, str | bytes]]:
    return [
        ("dn", SERVICE_DN),
        ("objectClass", "user"),
        ("sAMAccountName", "svc-foyer"),
        ("userPrincipalName", "svc-foyer@acme.example"),
        ("userAccountControl", str(ORDINARY)),
        ("unicodePwd", unicode_password(SERVICE_PASSWORD)),
    ]


def _person(person: company.Employee) -> Iterator[tuple[str, str | bytes]]:
    row = person.row
    first, _, last = person.name.partition(" ")
    yield from (("dn", dn_of(person.key)), ("objectClass", "user"), ("sAMAccountName", account_of(person.key)))
    yield from (("userPrincipalName", f"{account_of(person.key)}@acme.example"), ("displayName", person.name), ("mail", person.email))
    yield from (("givenName", first), ("sn", last), ("employeeNumber", person.key), ("title", row["title"]))
    yield from (("department", row["department"]), ("physicalDeliveryOfficeName", row["office"]), ("c", row["country"]))
    yield from (("preferredLanguage", row["locale"]), ("msDS-cloudExtensionAttribute1", row["timezone"]))
    yield ("msDS-cloudExtensionAttribute2", object_id(person.key))
    yield ("employeeType", "guest" if row["guest"] else "employee")
    if person.enrolled:
        yield ("otherMailbox", person.enrolled)
    known = person.key in {named.key for named in facts.NAMED} or person.key == company.leaver().key
    if known:
        yield ("unicodePwd", unicode_password(person.password))
    usual = ORDINARY if known else WITHOUT_PASSWORD
    yield ("userAccountControl", str(usual if person.active else SWITCHED_OFF))


def _group(dn: str, members: Iterable[str]) -> list[Pair]:
    name = dn.split(",")[0].removeprefix("CN=")
    return [("dn", dn), ("objectClass", "group"), ("sAMAccountName", f"acme-{name}"), *(("member", member) for member in members)]
