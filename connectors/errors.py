"""One tree of errors for everything outside Foyer: what to do next is the type, not the text.

`detail` is for the log and the audit; a person reads a message of the catalogue instead.
"""


class ConnectorError(Exception):
    """Something outside did not do what it was asked. `connector`: whose system it is, set where it is called; empty until then."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.connector = ""


class Retry(ConnectorError):
    """May work later, and certainly had no effect. `after` is in seconds, None if the other side did not say.

    `here`: the other side wants to be left alone in this one place only; otherwise wherever it is asked.
    """

    def __init__(self, code: str, detail: str = "", after: float | None = None, *, here: bool = False) -> None:
        super().__init__(code, detail)
        self.after = after
        self.here = here


class OutcomeUnknown(Retry):
    """May work later, and may have had its effect already (time-out, connection cut, 5xx after sending).

    Repeated only where the action's idempotency says how: by key, by nature, or after reading back.
    """


class Refused(ConnectorError):
    """Will not work, however often it is asked: bad argument, missing right, no such thing."""


class NeedsHuman(ConnectorError):
    """Only a person can go on: an ambiguous match, a manual system, an unknown outcome that cannot be read back."""
