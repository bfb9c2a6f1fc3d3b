"""One round of taking back what is overdue, as whoever looks again does it."""

from collections.abc import Sequence

from connectors.calling.ledger import Ending, Given
from connectors.errors import NeedsHuman, Refused


async def settled(access: Ending) -> Sequence[Given]:
    """What was taken back; what cannot be hinders nothing."""
    found = []
    for given in await access.overdue():
        try:
            if (await access.settle(given)).changed:
                found.append(given)
        except (Refused, NeedsHuman):
            continue
    return found
