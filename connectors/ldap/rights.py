"""Whether the service account has the rights that it needs, found out without changing anything.

OpenLDAP tells nobody's rights, but looks at them before it looks at values: taking away a value that is not there is refused for the
right's sake (50) or the value's (16). A filter that is true of everything finds an entry only if its attribute may be searched. Active
Directory lists what may be written (allowedAttributesEffective), though not who may reset passwords.
"""

from collections.abc import Sequence
from typing import Final

from connectors.errors import ConnectorError, Refused
from connectors.ldap.client import Change, LdapClient, Rejected
from connectors.ldap.groups import Group, Groups, groups_of
from connectors.ldap.results import Missing, Result
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings
from connectors.ports.calls import Finding

DOCS: Final = "docs/ldap.md"
_ABSENT: Final = {
    "pwdAccountLockedTime": "19010101000000Z",
    "userPassword": "{CRYPT}*foyer-asks-whether-it-may*",
    "memberUid": "foyer-asks",
}
"""Values that nobody has."""
_UNLESS: Final = "; not needed where another connector serves accounts"


async def check_rights(client: LdapClient, settings: LdapSettings, schema: Schema, name: str) -> Sequence[Finding]:
    """Rights to accounts, tried on one person, and to the groups of every declared application. Raises Retry when the server is away.

    `name`: the connector's, as foyer.yaml has it.
    """
    found: list[Finding] = []
    person = await _somebody(client, settings, schema)
    if person is None:
        found.append(Finding("rights: accounts", False, "nobody is there to try them on", "see people.base and people.filter"))
    elif schema.kind == "active_directory":
        found += await _active_directory_accounts(client, person)
    else:
        found += await _openldap_accounts(client, settings, schema, person)
    return [*found, *(await _applications(client, settings, schema, name))]


async def _somebody(client: LdapClient, settings: LdapSettings, schema: Schema) -> str | None:
    """The dn of anybody whose account is not an administrator's, whose rights Active Directory keeps apart."""
    ordinary = "(!(adminCount=1))" if schema.kind == "active_directory" else ""
    wanted = f"(&{schema.people_filter}{settings.people.filter or ''}{ordinary})"
    entries = await client.search(settings.people.base, wanted, ("cn",), most=1)
    return entries[0].dn if entries else None


# -- OpenLDAP ---------------------------------------------------------------------------------------------------------


async def _openldap_accounts(client: LdapClient, settings: LdapSettings, schema: Schema, dn: str) -> list[Finding]:
    unlock = await _may_take(client, dn, "pwdAccountLockedTime")
    if unlock == "undefined":
        found = "the server knows neither pwdAccountLockedTime nor pwdChangedTime"
        mend = "load the overlay ppolicy: without it accounts do not lock, and nobody can tell whether a password was set"
        return [Finding("rights: lock state", False, found, mend + _UNLESS)]
    readable = await client.search(dn, "(|(pwdAccountLockedTime=*)(!(pwdAccountLockedTime=*)))", ("cn",), scope="base")
    findings = [
        _right("rights: lock state", bool(readable), "read pwdAccountLockedTime"),
        _right("rights: unlock", unlock == "may", "write pwdAccountLockedTime"),
        await _password_times(client, settings, schema),
        _right("rights: passwords", await _may_take(client, dn, "userPassword") == "may", "write userPassword"),
    ]
    if settings.policy_dn is not None:
        policy = await client.read(settings.policy_dn, ("pwdLockout", "pwdLockoutDuration"))
        there = policy is not None and policy.text("pwdLockout") is not None
        findings.append(
            Finding(
                "password policy",
                there,
                settings.policy_dn if there else f"policy_dn: {settings.policy_dn} is not there, is no pwdPolicy, or may not be read",
                "" if there else "let policy_dn be the dn that ppolicy_default names, and let the service account read it",
            )
        )
    return findings


async def _password_times(client: LdapClient, settings: LdapSettings, schema: Schema) -> Finding:
    """By them Foyer finds out what came of a password whose setting was not answered."""
    if await client.search(settings.people.base, f"(&{schema.people_filter}(pwdChangedTime=*))", ("cn",), most=1):
        return Finding("password times", True, "bind_dn may read pwdChangedTime")
    mend = "put the overlay ppolicy on this database, which writes it from the next change of a password on, or let bind_dn read it"
    found = "nobody's pwdChangedTime is to be seen: where setting a password is not answered, nobody can tell whether it was set"
    return Finding("password times", False, found, mend + _UNLESS)


async def _may_take(client: LdapClient, dn: str, attribute: str) -> str:
    """ "may", "may_not" or "undefined"; changes nothing, whatever the answer."""
    try:
        await client.modify(dn, (Change("delete", attribute, (_ABSENT.get(attribute, "cn=foyer-asks-whether-it-may"),)),))
    except Rejected as rejected:
        match rejected.result:
            case Result.NO_SUCH_ATTRIBUTE:
                return "may"
            case Result.UNDEFINED_ATTRIBUTE:
                return "undefined"
        return "may_not"
    except Refused:
        return "may_not"
    return "may"


def _right(name: str, has: bool, right: str, unless: str = _UNLESS) -> Finding:
    if has:
        return Finding(name, True, f"bind_dn may {right}")
    return Finding(name, False, f"bind_dn may not {right}", f"give it the right as {DOCS} shows{unless}")


# -- Active Directory -------------------------------------------------------------------------------------------------


async def _active_directory_accounts(client: LdapClient, dn: str) -> list[Finding]:
    entry = await client.read(dn, ("userAccountControl", "whenChanged", "allowedAttributesEffective"))
    writable = _writable(entry.texts("allowedAttributesEffective")) if entry is not None else frozenset()
    # Every entry has whenChanged, and no set of properties holds it: whoever reads it reads all.
    everything = entry is not None and entry.text("whenChanged") is not None
    return [
        _right("rights: people", everything, "read all of a person (memberOf, adminCount, whenChanged ...)", ""),
        _right("rights: lock state", entry is not None and entry.text("userAccountControl") is not None, "read userAccountControl"),
        _right("rights: unlock", "lockouttime" in writable, "write lockoutTime"),
    ]


def _writable(names: Sequence[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


# -- groups -----------------------------------------------------------------------------------------------------------


async def _applications(client: LdapClient, settings: LdapSettings, schema: Schema, connector: str) -> list[Finding]:
    """One finding for each application, and one for each of its roles that something is wrong with."""
    groups, roles = Groups(client, settings, schema), groups_of(settings.applications)
    findings = []
    offers = f"`foyer connectors offers {connector}` lists them"
    mend = f"name its group as the directory does, by cn or dn, or let groups.base hold it; {offers}"
    for application in settings.applications:
        wrong = []
        for role, declared in application.roles.items():
            name = f"application {application.key}: {role}"
            try:
                group = await groups.one(roles[application.key, role])
                # People give what administers an application; Foyer needs no right to it.
                if not declared.sensitive and not await _may_change(client, group, schema):
                    wrong.append(_right(name, False, f"write {group.attribute} of {group.declared!r}", ""))
            except Missing:
                return []  # groups.base, and the look at the groups has told of it
            except ConnectorError as error:
                if error.code != "misconfigured":
                    raise
                wrong.append(Finding(name, False, error.detail, mend))
        found = f"the groups of its {len(application.roles)} roles are there, and bind_dn may change them"
        findings += wrong or [Finding(f"application {application.key}", True, found)]
    return findings


async def _may_change(client: LdapClient, group: Group, schema: Schema) -> bool:
    if schema.kind != "active_directory":
        return await _may_take(client, group.dn, group.attribute) == "may"
    entry = await client.read(group.dn, ("allowedAttributesEffective",))
    return entry is not None and group.attribute.lower() in _writable(entry.texts("allowedAttributesEffective"))
