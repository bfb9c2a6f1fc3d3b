"""What a directory's refusal means (RFC 4511, appendix A; MS-ADTS 3.1.1.3.1.9 for Active Directory's numbers). Pure."""

import re
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Literal

from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ldap.refusals import PPOLICY_CONTROL, ppolicy_error

Doing = Literal["bind", "search", "change"]


class Result(IntEnum):
    """Those that mean something here (RFC 4511, 4.1.9)."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    TIME_LIMIT = 3
    SIZE_LIMIT = 4
    STRONGER_AUTH = 8
    REFERRAL = 10
    ADMIN_LIMIT = 11
    CONFIDENTIALITY = 13
    NO_SUCH_ATTRIBUTE = 16
    UNDEFINED_ATTRIBUTE = 17
    CONSTRAINT_VIOLATION = 19
    VALUE_EXISTS = 20
    NO_SUCH_OBJECT = 32
    INVALID_DN = 34
    INAPPROPRIATE_AUTH = 48
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING = 53
    OBJECT_CLASS_VIOLATION = 65
    ENTRY_EXISTS = 68
    OTHER = 80


_AD_BIND = re.compile(r"\bdata ([0-9a-f]{3,4})\b", re.IGNORECASE)
_NAMES_SOMEBODY = re.compile(r"\b[a-z][\w-]*=.*?(?:,\s*(?:dc|o|c)=[\w-]+)+|\"[^\"]*\"|'[^']*'|\S+@\S+", re.IGNORECASE | re.DOTALL)
"""In a server's text, where it names people: by their dn, as Samba says who may not be changed, in quotes, or by an address."""
LOCKED: Final = "the account is locked"
_AD_SAYS = {
    "525": "there is no such account",
    "52e": "wrong name or password",
    "530": "the account may not sign in at this time",
    "531": "the account may not sign in from this machine",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password has to be changed first",
    "775": LOCKED,
}
_PPOLICY_SAYS = {0: "the password has expired", 1: LOCKED}


class Rejected(Refused):
    """The directory said no for a reason of its own. `result`: its number (RFC 4511); `detail`: its text.

    `controls`: values of the controls that came with it, by oid.
    """

    def __init__(self, result: int, detail: str, controls: Mapping[str, bytes] = MappingProxyType({})) -> None:
        super().__init__("rejected", detail)
        self.result = result
        self.controls = controls


class Missing(Retry):
    """What was to be read is not there, or is on another server, where nobody follows it."""


def refusal(result: int, text: str, doing: Doing, where: str = "", controls: Mapping[str, bytes] = MappingProxyType({})) -> ConnectorError:
    """The error of a result that is not success. `text`: the server's own; `where`: the base that was asked, as foyer.yaml calls it."""
    text = _NAMES_SOMEBODY.sub("an entry", text.strip()[:500])
    said = f"result {result}{f', {text}' if text else ''}"
    match result:
        case Result.INVALID_CREDENTIALS | Result.INAPPROPRIATE_AUTH if doing == "bind":
            return Retry("bad_credentials", f"bind_dn or password: {_bind_words(text, controls)} ({said})")
        case Result.INVALID_DN if doing == "bind":
            return Retry("misconfigured", f"bind_dn is no dn such as cn=foyer,ou=services,dc=acme,dc=example ({said})")
        case Result.STRONGER_AUTH | Result.CONFIDENTIALITY:
            return Retry("misconfigured", f"url: the server wants TLS, ldaps:// or start_tls ({said})")
        case Result.BUSY | Result.UNAVAILABLE:
            return Retry("unavailable", said)
        case Result.OTHER:
            return OutcomeUnknown("unavailable", said) if doing == "change" else Retry("unavailable", said)
        case Result.REFERRAL:
            kind = Missing if doing == "search" else Retry
            return kind("misconfigured", f"{where or 'the entry'} is not on this server, which refers to another ({said})")
        case Result.INSUFFICIENT_ACCESS:
            return Refused("not_permitted", f"bind_dn lacks the right to {'read' if doing == 'search' else 'change'} it ({said})")
    if doing == "bind":
        # OpenLDAP is unwilling with "unauthenticated bind disallowed", and when it takes no binds for now.
        return Retry("bad_credentials" if result in (Result.NO_SUCH_OBJECT, Result.UNWILLING) else "unavailable", f"bind: {said}")
    if doing == "search":
        match result:
            case Result.NO_SUCH_OBJECT:
                return Missing("misconfigured", f"there is no {where}, or bind_dn may not read it ({said})")
            case Result.INVALID_DN:
                return Missing("misconfigured", f"{where} is no dn ({said})")
            case Result.TIME_LIMIT:
                return Retry("timeout", f"the server's own time limit ({said})")
            case Result.SIZE_LIMIT | Result.ADMIN_LIMIT:
                return Retry("misconfigured", f"bind_dn may not read as many entries as there are under {where}: raise its limit ({said})")
            case Result.OPERATIONS_ERROR:
                return Retry("unavailable", said)
    return Rejected(result, said, controls)


def _bind_words(text: str, controls: Mapping[str, bytes]) -> str:
    """OpenLDAP tells of a lock only with `ppolicy_use_lockout`: where it tells of none, there may be one."""
    error = ppolicy_error(controls.get(PPOLICY_CONTROL, b""))
    if error in _PPOLICY_SAYS:
        return _PPOLICY_SAYS[error]
    known = _AD_BIND.search(text)
    return _AD_SAYS.get(known[1].lower(), f"data {known[1]}") if known else "wrong name or password, or a locked or disabled account"
