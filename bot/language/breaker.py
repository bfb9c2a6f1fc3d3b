"""What an error of a language model says of the model: whether its breaker opens, and for how long. Pure.

There is one breaker for each size of model. A model has its own limits and its own outages, so that a large one that fails must not stop
the small one.
"""

from connectors.calling.breaker import Breaker, Entry
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.language import Unusable

NOT_AUTHORISED = 300.0
"""Seconds until a key that was refused is tried again: somebody has to change it."""
AT_LEAST = 1.0
"""Seconds: whoever asks for less does not ask for anything, and it counts as an ordinary failure."""
INNOCENT = frozenset(("bad_request", "refusal"))
"""Codes that say something of what was asked and nothing of the model."""


def verdict(breaker: Breaker, entry: Entry, error: ConnectorError, now: float) -> None:
    """Tells the breaker what an error says of the model."""
    match error:
        case Retry(after=float() | int() as seconds) if seconds >= AT_LEAST:
            breaker.failed(entry, now, float(seconds))
        case Refused(code="not_authorised"):
            breaker.failed(entry, now, NOT_AUTHORISED)
        case Refused() | Unusable() if error.code in INNOCENT:
            # It spoke: whatever broke before is over.
            breaker.succeeded(entry)
        case _:
            breaker.failed(entry, now)
