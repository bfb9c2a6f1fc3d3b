"""Lock state and passwords in the directory: who is locked out, letting them in again, and the password that they chose themselves.

OpenLDAP clears the counted failures with the lock, and lock, failures and pwdReset with a new password; so the service account needs no
right to those. A lock is taken away by its value: what an administrator shut in the meantime stays shut.
"""

import unicodedata
from typing import Final

from connectors.calling.ledger import Ledger, Seen
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ldap import accounts
from connectors.ldap.accounts import Locking
from connectors.ldap.client import Change, Entry, LdapClient, Rejected
from connectors.ldap.groups import needing
from connectors.ldap.people import LdapDirectory
from connectors.ldap.refusals import (
    HINTS_VALUE,
    POLICY_HINTS,
    Rules,
    active_directory_refusal,
    domain_rules,
    openldap_refusal,
    settings_object_rules,
    shortest,
)
from connectors.ldap.results import Result
from connectors.ldap.settings import LdapSettings
from connectors.ports.records import Clock
from connectors.ports.systems import Account, Effect

_RESTRICTION, _NO_TLS = "0000052D", "0000001F"
"""Active Directory's own numbers, in the text of a refusal: ERROR_PASSWORD_RESTRICTION, ERROR_GEN_FAILURE."""
_DOMAIN: Final = ("lockoutDuration", "minPwdLength", "pwdProperties", "pwdHistoryLength")
_SETTINGS_OBJECT: Final = ("msDS-MinimumPasswordLength", "msDS-PasswordComplexityEnabled", "msDS-PasswordHistoryLength")


class LdapPasswords:
    """Implements `connectors.ports.systems.Passwords`."""

    def __init__(self, client: LdapClient, directory: LdapDirectory, settings: LdapSettings, ledger: Ledger, clock: Clock) -> None:
        self._client = client
        self._directory = directory
        self._policy_dn = settings.policy_dn
        self._active_directory = settings.schema_ == "active_directory"
        self._ledger = ledger
        self._clock = clock

    async def account(self, person_key: str) -> Account:
        await self._directory.require_privileged()
        entry = await self._entry(person_key)
        return await self._account(entry, active=await self._active(person_key))

    async def unlock(self, person_key: str, *, key: str) -> Effect:
        """The effect's reference is the entry's id and the number of its last change, as the server's logs have them."""
        await self._usable(person_key)

        async def look() -> Seen:
            entry = await self._entry(person_key)
            return Seen((await self._account(entry)).status == "active", accounts.reference(entry))

        async def act() -> None:
            await self._unlock(await self._entry(person_key))

        return await self._ledger.change("passwords.unlock", person_key, key, look, act)

    async def set_password(self, person_key: str, password: str) -> Effect:
        entry = await self._usable(person_key)
        if not password:
            raise Refused("password_too_short", "empty")
        if not _is_text(password):
            raise Refused("password_rejected", "no text that a directory could keep, or a character that no keyboard has")
        # As RFC 8265 has it: an é is one character, however it was typed, so that it is the same one when they sign in.
        password = unicodedata.normalize("NFC", password)
        if self._active_directory:
            await self._replace_unicode_pwd(entry, password)
        else:
            await self._modify_password(entry, password)
        try:
            return Effect(accounts.reference(await self._entry(person_key)))
        except ConnectorError:
            # It is set; only the number of the change is unknown.
            return Effect(accounts.entry_id(entry))

    async def shortest(self, person_key: str) -> int | None:
        entry = await self._directory.entry(person_key, ("msDS-ResultantPSO",) if self._active_directory else ("pwdPolicySubentry",))
        if self._active_directory:
            rules = await self._rules(entry.text("msDS-ResultantPSO"))
            return (rules.shortest or None) if rules is not None else None
        dn = entry.text("pwdPolicySubentry") or self._policy_dn
        policy = await self._client.read(dn, ("pwdMinLength", "pwdCheckQuality")) if dn else None
        return shortest(policy) if policy is not None else None

    async def _entry(self, person_key: str) -> Entry:
        names = accounts.ACTIVE_DIRECTORY if self._active_directory else accounts.OPENLDAP
        return await self._directory.entry(person_key, names)

    async def _usable(self, person_key: str) -> Entry:
        await self._directory.require_privileged()
        entry = await self._entry(person_key)
        if (await self._account(entry, active=await self._active(person_key))).status == "disabled":
            raise Refused("account_disabled", person_key)
        return entry

    async def _active(self, person_key: str) -> bool:
        """Whether they still work there, which foyer.yaml may have groups and filters for."""
        person = await self._directory.get(person_key)
        return person is not None and person.active

    async def _account(self, entry: Entry, *, active: bool = True) -> Account:
        now = self._clock()
        if self._active_directory:
            return accounts.active_directory_account(entry, await self._domain_locking(entry), active=active, now=now)
        return accounts.openldap_account(entry, await self._policy_locking(entry), active=active, now=now)

    # -- OpenLDAP -----------------------------------------------------------------------------------------------------

    async def _policy_locking(self, entry: Entry) -> Locking:
        """By the person's own policy or everybody's; where none is known, a lock lasts until somebody unlocks."""
        if entry.text("pwdAccountLockedTime") in (None, accounts.SHUT):
            return Locking()
        dn = entry.text("pwdPolicySubentry") or self._policy_dn
        if dn is None:
            return Locking()
        policy = await self._client.read(dn, ("pwdLockout", "pwdLockoutDuration"))
        if policy is None:
            raise Retry("misconfigured", f"there is no password policy {dn}, or the service account may not read it (setting policy_dn)")
        return accounts.openldap_locking(policy)

    async def _modify_password(self, entry: Entry, password: str) -> None:
        try:
            with needing("bind_dn may not set passwords, or the policy asks for the old one (pwdSafeModify)"):
                await self._client.set_password(entry.dn, password)
        except Rejected as rejected:
            if rejected.result != Result.CONSTRAINT_VIOLATION:
                raise
            raise Refused(openldap_refusal(rejected.controls), _told(rejected)) from None

    # -- Active Directory ---------------------------------------------------------------------------------------------

    async def _domain_locking(self, entry: Entry) -> Locking:
        if entry.text("msDS-User-Account-Control-Computed") is not None or entry.text("lockoutTime") in (None, "0"):
            return Locking()
        return accounts.active_directory_locking(await self._domain())

    async def _domain(self) -> Entry:
        dn = (await self._client.root()).text("defaultNamingContext")
        domain = await self._client.read(dn, _DOMAIN) if dn else None
        if domain is None:
            raise Retry("misconfigured", f"the service account may not read the domain's own entry {dn or ''}")
        return domain

    async def _replace_unicode_pwd(self, entry: Entry, password: str) -> None:
        """One change, so that there is no new password without the unlocking, and none unlocks without a new password."""
        supported = (await self._client.root()).texts("supportedControl")
        hints = next((control for control in POLICY_HINTS if control in supported), None)
        changes = (
            Change("replace", "unicodePwd", (f'"{password}"'.encode("utf-16-le"),)),
            Change("replace", "lockoutTime", ("0",)),
        )
        try:
            with needing("bind_dn may not reset passwords, or not write lockoutTime"):
                await self._client.modify(entry.dn, changes, controls=((hints, True, HINTS_VALUE),) if hints else ())
        except Rejected as rejected:
            if rejected.result not in (Result.CONSTRAINT_VIOLATION, Result.UNWILLING):
                raise
            if _NO_TLS in rejected.detail:
                raise Retry("misconfigured", "Active Directory takes passwords over TLS alone: use an ldaps:// url") from None
            if _RESTRICTION not in rejected.detail.upper() and rejected.result != Result.CONSTRAINT_VIOLATION:
                raise
            code = await self._why(entry.dn, rejected.detail, password, hints=hints is not None)
            raise Refused(code, _told(rejected)) from None

    async def _why(self, dn: str, text: str, password: str, *, hints: bool) -> str:
        try:
            person = await self._client.read(dn, ("sAMAccountName", "displayName", "msDS-ResultantPSO"))
            names = tuple(person.text(name) or "" for name in ("sAMAccountName", "displayName")) if person is not None else ()
            own = person.text("msDS-ResultantPSO") if person is not None else None
            rules = await self._rules(own)
        except ConnectorError:
            names, rules = (), None
        return active_directory_refusal(text, password, rules, names, hints=hints)

    async def _rules(self, settings_object: str | None) -> Rules | None:
        if settings_object is None:
            return domain_rules(await self._domain())
        own = await self._client.read(settings_object, _SETTINGS_OBJECT)
        # Who may not read the person's own rules does not know them.
        return settings_object_rules(own) if own is not None and own.text("msDS-MinimumPasswordLength") else None

    async def _unlock(self, entry: Entry) -> None:
        if self._active_directory:
            with needing("bind_dn may not write lockoutTime"):
                await self._client.modify(entry.dn, (Change("replace", "lockoutTime", ("0",)),))
            return
        locked = entry.text("pwdAccountLockedTime")
        if locked in (None, accounts.SHUT):
            return
        try:
            with needing("bind_dn may not write pwdAccountLockedTime"):
                await self._client.modify(entry.dn, (Change("delete", "pwdAccountLockedTime", (locked,)),))
        except Rejected as rejected:
            if rejected.result != Result.NO_SUCH_ATTRIBUTE:
                raise


def _told(rejected: Rejected) -> str:
    """Without the server's own text: what checks passwords there may tell the password."""
    return f"result {rejected.result}"


def _is_text(password: str) -> bool:
    """Without halves of characters, which a browser can send, and whose codec's own error would carry the password; and without control
    characters, at the first of which some servers stop reading."""
    return not any(unicodedata.category(character) in ("Cs", "Cc") for character in password)
