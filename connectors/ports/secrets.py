"""What must not be kept when somebody types it into a chat all the same: passwords, codes, keys. Pure."""

import re

REMOVED = "[removed]"

_NAMED = (
    r"password|passwort|passphrase|passcode|pwd|pw|pin|otp|api[ _-]?key|secret|token"
    r"|(?:one[- ]time|verification|security|mfa|2fa|access)[ -]?code"
)
_ABOUT_IT = "not|no|too|wrong|expired|locked|correct|old|new|working|broken|invalid|gone|the|my|a|an|it"
"""What follows "my password is" when it is talked about, not told."""
_SAID = re.compile(
    rf"(?P<name>\b(?:{_NAMED})\b\s*(?:is|was|=|:)\s*)(?!(?:{_ABOUT_IT})\b)(?P<quote>[\"'`]?)(?P<secret>[^\s\"'`,;]{{4,}})(?P=quote)",
    re.IGNORECASE,
)
_SHAPED = re.compile(
    r"\b(?:xox[abeprs]-[\w-]{10,}|xapp-[\w-]{10,}|sk-[\w-]{16,}|gh[oprsu]_\w{20,}|AKIA[0-9A-Z]{16}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)


def without_secrets(text: str) -> str:
    """The text with what looks like a secret replaced by REMOVED; the same text when there is none."""
    return _SHAPED.sub(REMOVED, _SAID.sub(lambda found: found["name"] + REMOVED, text))
