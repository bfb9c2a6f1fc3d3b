"""What the codes of failed calls say: of the system, of whether trying again helps, and of who has to do something."""

from typing import Final

from connectors.errors import ConnectorError

DOWN: Final = frozenset(("unreachable", "timeout", "unavailable", "connection_lost", "bad_answer"))
"""The system did not answer, or not in time, or something else answered in its place, as a page that tells of maintenance. Several in
a row open the breaker."""
LOCKED_OUT: Final = frozenset(("bad_credentials", "bad_certificate"))
"""One is enough to open the breaker: an account that is tried again and again with a wrong password gets locked."""
FOR_OPERATOR: Final = LOCKED_OUT | {"misconfigured", "not_permitted"}
"""Works again once somebody has mended foyer.yaml, the system's configuration or the rights in it; waiting does not help."""
BUSY: Final = "busy"
"""Foyer's own connections were all in use: the system was not asked, and nothing was learnt of it."""
BREAKER_OPEN: Final = "breaker_open"


def cause(error: ConnectorError) -> str:
    """The code of what is wrong: of a call that was not made, that of what opened the breaker."""
    return error.detail if error.code == BREAKER_OPEN and error.detail else error.code
