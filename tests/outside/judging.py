"""Whether what a server really has, what people were told and what the audit says are one story. Pure.

Never "done" unless it is so; never an effect that nobody was told of; never two effects; never a wish without an end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Wish = Literal["grant", "revoke", "undo", "unlock"]
End = Literal["done", "failed", "waiting"]
"""Of a wish. waiting: Foyer goes on trying by itself, as with what has to end."""

SAYS_SO = {"grant": "request_done", "unlock": "request_done", "revoke": "grant_ended", "undo": "request_undone"}
"""The audit's event that it is done."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is so once nothing runs any more."""

    wish: Wish
    so: bool
    """The server has it as it was wished; asked of the server itself."""
    effects: int
    """How often the server changed for it."""
    listed: int
    """As how many the server lists the person, as an account and in the group: 0, or 1 of each."""
    end: End
    told: int
    """Messages to the person that it is done."""
    asked_people: int
    """Messages to the person that people have it now."""
    with_staff: str
    """What staff read of it; "" where they read nothing."""
    audited: Sequence[str]
    """Events of the request's audit, in order."""
    intact: bool
    """The audit's chain."""


def wrong(found: Found) -> list[str]:
    """What does not fit, in words; [] when it is one story."""
    done, says_so = found.end == "done", SAYS_SO[found.wish] in found.audited
    checks = (
        (done and not found.so, "done, and not so"),
        (done and found.told != 1, f"done, and told {found.told} times"),
        (not done and found.told, "told that it is done, and it is not"),
        (done != says_so, "the audit says otherwise than the person was told"),
        (found.effects > 1, f"had {found.effects} times"),
        (found.listed > 1, f"listed {found.listed} times"),
        (found.end == "waiting" and found.wish != "revoke", "without an end"),
        (found.end == "failed" and not (found.asked_people and found.with_staff), "failed, and nobody has it"),
        (found.end == "failed" and found.so and not _doubted(found), "so, and nobody knows"),
        (found.so and found.wish == "grant" and "action_compensated" in found.audited, "taken back in the audit alone"),
        (not found.intact, "the audit's chain is broken"),
    )
    return [said for is_so, said in checks if is_so]


def _doubted(found: Found) -> bool:
    """Staff read that it may be so all the same."""
    return any(words in found.with_staff for words in ("perhaps done all the same", "unclear whether it worked", "undo"))
