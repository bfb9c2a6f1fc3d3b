"""A store of passwords in memory, as a directory is one: it keeps lock state and passwords, has rules for them, and sends no links."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from connectors.errors import Refused
from connectors.ports.records import Clock
from connectors.ports.systems import Account, Effect

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 128


@dataclass(frozen=True, slots=True)
class _Failure:
    operation: str
    error: BaseException
    after: bool


class MemoryPasswords:
    """Implements `connectors.ports.systems.Passwords`. `chosen`: (person, password) of every one that was set, in order."""

    def __init__(self, accounts: Mapping[str, Account], clock: Clock) -> None:
        self._accounts = dict(accounts)
        self._clock = clock
        self._keys: dict[str, str] = {}
        self._failures: list[_Failure] = []
        self.chosen: list[tuple[str, str]] = []
        self.before_set: Callable[[], Awaitable[None]] | None = None
        """Awaited while a password is being set."""

    def fail_next(self, error: BaseException, operation: str = "*", *, after: bool = False) -> None:
        """The next call of this operation raises it before anything is done; `after`: once it is done."""
        self._failures.append(_Failure(operation, error, after))

    async def account(self, person_key: str) -> Account:
        self._strike("account", after=False)
        return self._account(person_key)

    async def unlock(self, person_key: str, *, key: str) -> Effect:
        self._strike("unlock", after=False)
        account = self._usable(person_key)
        if self._keys.setdefault(key, person_key) != person_key:
            raise Refused("key_reused", "it unlocked somebody else")
        self._accounts[person_key] = replace(account, status="active", locked_since=None)
        self._strike("unlock", after=True)
        return Effect(f"account:{person_key}", changed=account.status == "locked")

    async def shortest(self, person_key: str) -> int | None:
        self._strike("shortest", after=False)
        return MIN_LENGTH

    async def set_password(self, person_key: str, password: str) -> Effect:
        self._strike("set_password", after=False)
        account = self._usable(person_key)
        if self.before_set is not None:
            await self.before_set()
        if len(password) < MIN_LENGTH:
            raise Refused("password_too_short")
        if len(password) > MAX_LENGTH:
            raise Refused("password_too_long")
        if (person_key, password) in self.chosen:
            raise Refused("password_used_before")
        self.chosen.append((person_key, password))
        self._accounts[person_key] = replace(account, status="active", locked_since=None, password_changed_at=self._clock())
        self._strike("set_password", after=True)
        return Effect(f"account:{person_key}")

    def _strike(self, operation: str, *, after: bool) -> None:
        struck = next((one for one in self._failures if one.operation in ("*", operation) and one.after == after), None)
        if struck is not None:
            self._failures.remove(struck)
            raise struck.error

    def _account(self, person_key: str) -> Account:
        try:
            return self._accounts[person_key]
        except KeyError:
            raise Refused("unknown_person", person_key) from None

    def _usable(self, person_key: str) -> Account:
        account = self._account(person_key)
        if account.status == "disabled":
            raise Refused("account_disabled", person_key)
        return account
