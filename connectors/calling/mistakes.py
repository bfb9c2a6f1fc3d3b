"""What is wrong with given settings, in the words that everybody has for it: a library's own would speak of fields and values."""

from pydantic import ValidationError

_MISSING, _UNKNOWN = "is missing", "there is no such setting"


def mistakes(error: ValidationError) -> str:
    """Each with its place, as "application.roles is missing". None shows what was given."""
    return "; ".join(sentence(".".join(str(part) for part in one["loc"]), one["type"], one["msg"]) for one in error.errors())


def sentence(where: str, kind: str, message: str) -> str:
    """One mistake as pydantic tells it: its place, type and message."""
    if kind == "missing":
        return f"{where} {_MISSING}"
    what = _UNKNOWN if kind == "extra_forbidden" else message.removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
