"""Why a directory refused a password, as the port says it. Pure; nothing here keeps or shows a password.

OpenLDAP says it in the response control of draft-behera-ldap-password-policy. Active Directory has one number for every reason
(ERROR_PASSWORD_RESTRICTION), so the password is held against the rules that the domain shows, and what is left is its history. Samba
words its reasons.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

PPOLICY_CONTROL: Final = "1.3.6.1.4.1.42.2.27.8.5.1"
POLICY_HINTS: Final = ("1.2.840.113556.1.4.2239", "1.2.840.113556.1.4.2066")
"""LDAP_SERVER_POLICY_HINTS, and as Windows Server 2008 R2 called it: the history counts for a reset too (MS-ADTS 3.1.1.3.4.1.27)."""
HINTS_VALUE: Final = b"\x30\x84\x00\x00\x00\x03\x02\x01\x01"
AD_LONGEST: Final = 256
"""Characters of a password in Active Directory."""

NOT_ALLOWED: Final = "not_permitted"
_PPOLICY: Final[Mapping[int, str]] = {
    3: NOT_ALLOWED,
    4: NOT_ALLOWED,
    5: "password_too_simple",
    6: "password_too_short",
    7: "password_too_young",
    8: "password_used_before",
    9: "password_too_long",
}
_SAMBA: Final = (
    ("too short", "password_too_short"),
    ("complexity", "password_too_simple"),
    ("history", "password_used_before"),
    ("too young", "password_too_young"),
    ("minimum password age", "password_too_young"),
)
_ERROR: Final = 0x81
"""Tag of `error [1] ENUMERATED` in PasswordPolicyResponseValue."""
_DOMAIN_PASSWORD_COMPLEX: Final = 0x1


class Entry(Protocol):
    def text(self, name: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What a domain asks of passwords."""

    shortest: int
    complex: bool
    remembers: bool


def openldap_refusal(controls: Mapping[str, bytes]) -> str:
    """The port's code; "password_rejected" when the server does not say."""
    error = ppolicy_error(controls.get(PPOLICY_CONTROL, b""))
    return _PPOLICY.get(error, "password_rejected") if error is not None else "password_rejected"


def ppolicy_error(value: bytes) -> int | None:
    """`error` of a PasswordPolicyResponseValue (BER); None when there is none."""
    if len(value) < 2 or value[0] != 0x30:
        return None
    at = 2
    while at + 2 <= len(value):
        tag, length = value[at], value[at + 1]
        if tag == _ERROR and length == 1 and at + 3 <= len(value):
            return value[at + 2]
        at += 2 + length
    return None


def shortest(policy: Entry) -> int | None:
    """Of a pwdPolicy entry; without pwdCheckQuality its minimum is not looked at (draft-behera-ldap-password-policy-10, 5.2.5)."""
    checked = policy.text("pwdCheckQuality") not in (None, "0")
    return int(policy.text("pwdMinLength") or 0) or None if checked else None


def domain_rules(domain: Entry) -> Rules:
    """Of the domain's own entry."""
    properties = int(domain.text("pwdProperties") or 0)
    return Rules(
        int(domain.text("minPwdLength") or 0), bool(properties & _DOMAIN_PASSWORD_COMPLEX), int(domain.text("pwdHistoryLength") or 0) > 0
    )


def settings_object_rules(object_: Entry) -> Rules:
    """Of a password settings object (msDS-PasswordSettings), which some people have in place of the domain's."""
    return Rules(
        int(object_.text("msDS-MinimumPasswordLength") or 0),
        object_.text("msDS-PasswordComplexityEnabled") == "TRUE",
        int(object_.text("msDS-PasswordHistoryLength") or 0) > 0,
    )


def active_directory_refusal(text: str, password: str, rules: Rules | None, names: tuple[str, ...], *, hints: bool) -> str:
    """`text`: the server's own; `names`: account name and display name; `hints`: the history counted."""
    for words, code in _SAMBA:
        if words in text.lower():
            return code
    if len(password) > AD_LONGEST:
        return "password_too_long"
    if rules is None:
        return "password_rejected"
    if len(password) < rules.shortest:
        return "password_too_short"
    if rules.complex and not is_complex(password, names):
        return "password_too_simple"
    return "password_used_before" if rules.remembers and hints else "password_rejected"


def is_complex(password: str, names: tuple[str, ...]) -> bool:
    """Three of five kinds of characters, and none of the person's names in it (MS-SAMR 3.1.1.7.2)."""
    kinds = {_kind(character) for character in password}
    account, *shown = names or ("",)
    parts = [account, *(part for name in shown for part in re.split(r"[,.\-_ #\t]+", name))]
    lowered = password.lower()
    return len(kinds) >= 3 and not any(len(part) > 2 and part.lower() in lowered for part in parts)


def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Lu", "Ll"):
        return category
    if category.startswith("L"):
        return "letter"
    return "digit" if character in "0123456789" else "other"
