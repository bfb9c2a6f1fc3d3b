"""The sandbox company's people as an LDAP directory of the OpenLDAP kind: the same keys, so that the sandbox's HR goes on beside it.

What inetOrgPerson has no attribute for is in a schema of the company's own, as organisations have one; foyer.yaml's `attributes` names it.
"""

import base64
import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from connectors.sandbox import company, facts
from connectors.sandbox.people import TENANT, object_id

BASE = "dc=acme,dc=example"
PEOPLE, GROUPS, APPLICATIONS = f"ou=people,{BASE}", f"ou=groups,{BASE}", f"ou=applications,{BASE}"
SERVICES, POLICIES = f"ou=services,{BASE}", f"ou=policies,{BASE}"
SERVICE_DN, SERVICE_PASSWORD = f"cn=foyer,{SERVICES}", "the-service-accounts-own"
PLACEHOLDER = f"cn=nobody,{SERVICES}"
"""A groupOfNames has a member at least: this one is in those that are empty otherwise."""
PRIVILEGED = "administrators"
"""The group of those whose accounts are a human's matter alone."""
DISABLED = "000001010000Z"
"""pwdAccountLockedTime of an account that an administrator has shut for good (draft-behera-ldap-password-policy)."""

# The numbers are of the arc that is kept for documentation (RFC 5612).
SCHEMA = """
attributetype ( 1.3.6.1.4.1.32473.7.1 NAME 'acmeTimezone' EQUALITY caseExactMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.7.2 NAME 'acmeRecoveryMail' EQUALITY caseIgnoreIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.7.3 NAME 'acmeEntraId' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.32473.7.10 NAME 'acmePerson' SUP top AUXILIARY
  MAY ( c $ acmeTimezone $ acmeRecoveryMail $ acmeEntraId ) )
"""


@dataclass(frozen=True, slots=True)
class Employee:
    """One person as the sandbox company has them, with where they stand in the directory."""

    key: str
    name: str
    email: str
    dn: str
    row: Mapping[str, Any]
    groups: tuple[str, ...]
    enrolled: str | None
    password_changed_at: datetime

    @property
    def password(self) -> str:
        """What they sign in with at first."""
        return f"Morning-{self.key}-coffee"

    @property
    def active(self) -> bool:
        return bool(self.row["active"])


@dataclass(frozen=True, slots=True)
class Held:
    """A role of an application and who has it, each as a group of the directory."""

    application: str
    role: str
    members: tuple[str, ...]

    @property
    def dn(self) -> str:
        return f"cn={self.application}-{self.role},{APPLICATIONS}"


@cache
def employees() -> Mapping[str, Employee]:
    """Everybody, by key."""
    with _tables() as db:
        groups: dict[str, list[str]] = defaultdict(list)
        for row in db.execute('SELECT person_key, "group" FROM memberships ORDER BY 1, 2'):
            groups[row[0]].append(row[1])
        rows = [dict(row) for row in db.execute("SELECT * FROM people JOIN accounts ON person_key = key ORDER BY key")]
    taken: set[str] = set()
    people = {}
    for row in rows:
        uid = row["email"].split("@")[0]
        # Two who share an address have a name to sign in with each.
        uid = f"{uid}-{row['key']}" if uid in taken else uid
        taken.add(uid)
        people[row["key"]] = Employee(
            key=row["key"],
            name=row["name"],
            email=row["email"],
            dn=f"uid={uid},{PEOPLE}",
            row=row,
            groups=(*groups[row["key"]], *([PRIVILEGED] if row["privileged"] else [])),
            enrolled=row["enrolled"],
            password_changed_at=datetime.fromisoformat(row["password_changed_at"]),
        )
    return people


@cache
def held() -> tuple[Held, ...]:
    """Every role of every application of the company."""
    members: dict[tuple[str, str], list[str]] = defaultdict(list)
    with _tables() as db:
        for row in db.execute("SELECT application_key, role, person_key FROM entitlements ORDER BY 1, 2, 3"):
            members[row[0], row[1]].append(row[2])
        roles = [(row[0], role) for row in db.execute("SELECT key, roles FROM applications ORDER BY key") for role in json.loads(row[1])]
    return tuple(Held(application, role, tuple(members[application, role])) for application, role in roles)


def dn_of(person_key: str) -> str:
    return employees()[person_key].dn


def leaver() -> Employee:
    return next(person for person in employees().values() if not person.active)


def ldif(*, memberof: bool) -> str:
    """The whole directory, as slapadd takes it. `memberof`: with what the overlay of that name would have written."""
    people = employees()
    grouped = {
        group: [person.dn for person in people.values() if group in person.groups]
        for group in sorted({group for person in people.values() for group in person.groups})
    }
    groups = {f"cn={group},{GROUPS}": members for group, members in grouped.items()}
    groups |= {role.dn: [people[key].dn for key in role.members] for role in held()}
    of: dict[str, list[str]] = defaultdict(list)
    for group, members in groups.items():
        for member in members or [PLACEHOLDER]:
            of[member].append(group)
    entries = [
        *_tree(of[PLACEHOLDER] if memberof else []),
        *(_person(person, of[person.dn] if memberof else []) for person in people.values()),
        *(_group(dn, members or [PLACEHOLDER]) for dn, members in groups.items()),
    ]
    return "\n".join(_written(entry) for entry in entries)


def settings(url: str, ca_file: str | None = None, applications: Sequence[str] = ()) -> dict[str, Any]:
    """What foyer.yaml says of this directory, without the password; `applications`: keys of those whose roles are its groups."""
    return {
        "use": "ldap",
        "url": url,
        **({"ca_file": ca_file} if ca_file else {}),
        "schema": "openldap",
        "bind_dn": SERVICE_DN,
        "people": {"base": PEOPLE},
        "groups": {"base": BASE},
        "key": "employeeNumber",
        "attributes": {"timezone": "acmeTimezone", "enrolled": "acmeRecoveryMail", "entra_id": "acmeEntraId"},
        "entra_tenant": TENANT,
        "guests": {"filter": "(employeeType=guest)"},
        "privileged": {"groups": [PRIVILEGED]},
        "applications": [_declared(app) for app in facts.APPLICATIONS if app.key in applications],
    }


def _declared(app: facts.App) -> dict[str, Any]:
    """As the operator declares an application whose roles are groups."""
    with _tables() as db:
        [owner] = db.execute("SELECT owner_key FROM applications WHERE key = ?", (app.key,)).fetchone()
    return {
        "key": app.key,
        "name": app.name,
        "aliases": list(app.aliases),
        **({"owner": employees()[owner].email} if owner else {}),
        **({"default_role": app.default_role} if app.default_role else {}),
        "roles": {role: {"group": f"{app.key}-{role}", "sensitive": role in app.sensitive} for role in app.roles},
    }


def _tables() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    company.make(db, datetime.now(UTC))
    return db


Pair = tuple[str, str]


def _tree(memberof: Iterable[str]) -> Iterator[list[Pair]]:
    yield [("dn", BASE), ("objectClass", "dcObject"), ("objectClass", "organization"), ("dc", "acme"), ("o", "Acme")]
    for unit in (PEOPLE, GROUPS, APPLICATIONS, SERVICES, POLICIES):
        yield [("dn", unit), ("objectClass", "organizationalUnit"), ("ou", unit.split(",")[0].removeprefix("ou="))]
    for dn, password in ((SERVICE_DN, SERVICE_PASSWORD), (PLACEHOLDER, "nobody-knows-this")):
        name = dn.split(",")[0].removeprefix("cn=")
        classes = [("objectClass", "organizationalRole"), ("objectClass", "simpleSecurityObject")]
        of = [("memberOf", group) for group in memberof] if dn == PLACEHOLDER else []
        yield [("dn", dn), *classes, ("cn", name), ("userPassword", _hashed(password)), *of]


def _person(person: Employee, memberof: Iterable[str]) -> list[Pair]:
    row, people = person.row, employees()
    first, _, last = person.name.partition(" ")
    entry = [
        ("dn", person.dn),
        ("objectClass", "inetOrgPerson"),
        ("objectClass", "acmePerson"),
        ("uid", person.dn.split(",")[0].removeprefix("uid=")),
        ("cn", person.name),
        ("givenName", first),
        ("sn", last),
        ("displayName", person.name),
        ("mail", person.email),
        ("employeeNumber", person.key),
        ("employeeType", "guest" if row["guest"] else "employee"),
        ("title", row["title"]),
        ("departmentNumber", row["department"]),
        ("physicalDeliveryOfficeName", row["office"]),
        ("c", row["country"]),
        ("preferredLanguage", row["locale"]),
        ("acmeTimezone", row["timezone"]),
        ("acmeEntraId", object_id(person.key)),
        ("userPassword", _hashed(person.password)),
        ("pwdChangedTime", person.password_changed_at.strftime("%Y%m%d%H%M%SZ")),
        *(("memberOf", group) for group in memberof),
    ]
    if row["manager_key"]:
        entry.append(("manager", people[row["manager_key"]].dn))
    if person.enrolled:
        entry.append(("acmeRecoveryMail", person.enrolled))
    if not person.active:
        entry.append(("pwdAccountLockedTime", DISABLED))
    return entry


def _group(dn: str, members: Iterable[str]) -> list[Pair]:
    name = dn.split(",")[0].removeprefix("cn=")
    return [("dn", dn), ("objectClass", "groupOfNames"), ("cn", name), *(("member", member) for member in members)]


def _hashed(password: str) -> str:
    """As OpenLDAP keeps it ({SSHA}); a salt that is always the same makes directories that are always the same."""
    salt = hashlib.sha256(password.encode()).digest()[:8]
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def _written(entry: Iterable[Pair]) -> str:
    return "".join(f"{name}:: {base64.b64encode(value.encode()).decode()}\n" for name, value in entry)


LOCKED, ACTIVE, NOT_ENROLLED = facts.DANA, facts.OMAR, facts.JONAS
