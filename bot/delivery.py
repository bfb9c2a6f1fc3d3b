"""One try to show one row of the outbox, and what came of it. What it means for the row is the outbox's to say."""

from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row

from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ports.chat import Address, Channel, Delivered, Reply

log = structlog.get_logger()
TRIES = 10
"""How often a message is tried whose delivery breaks for a reason that no channel should give."""
BACKOFF = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds before the next try; the last one repeats."""
PACE = "pace"
"""The code of a Retry that only says: not so fast. Nothing was sent, nothing is wrong."""
BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Later:
    """To be tried again. `unsure`: it may have been shown. `paced`: it was no attempt.

    `told`: the platform itself said how long, for all that is said there.
    """

    seconds: float
    unsure: bool
    paced: bool = False
    told: bool = False


@dataclass(frozen=True, slots=True)
class GivenUp:
    """It will never be shown."""

    code: str


def again(attempts: int) -> Later | None:
    """After what no channel should do; None when it was tried often enough."""
    return Later(BACKOFF[min(attempts, len(BACKOFF) - 1)], unsure=True) if attempts + 1 < TRIES else None


async def send(channel: Channel, row: Row[Any], *, unsure: bool) -> Delivered | Later | GivenUp:
    """Shows the row. `unsure`: an earlier try may have shown it, so a post is looked for first."""
    address = Address(row.channel, row.tenant, row.room, row.thread)
    try:
        reply = Reply.from_json(row.reply)
        if row.operation != "post" and row.shown_as is None:
            raise Refused("never_posted")
        if unsure and row.operation == "post":
            found = await channel.find(address, key=row.id)
            if found is not None:
                return found
            unsure = False
        return await channel.deliver(row.operation, address, reply, key=row.id, message_id=row.shown_as)
    except Retry as error:
        seconds = error.after if error.after is not None else BACKOFF[min(row.attempts, len(BACKOFF) - 1)]
        tell = log.debug if error.code == PACE else log.warning
        tell("delivery_postponed", channel=row.channel, code=error.code, seconds=seconds, attempt=row.attempts + 1)
        paced = error.code == PACE
        told = error.after is not None and not paced and not error.here
        return Later(seconds, unsure or isinstance(error, OutcomeUnknown), paced, told)
    except ConnectorError as error:
        log.error("delivery_refused", channel=row.channel, code=error.code, outbox=row.id)
        return GivenUp(error.code)
    except Exception:  # a channel's defect: it must not block the address for ever
        log.exception("delivery_broke", channel=row.channel, outbox=row.id, attempt=row.attempts + 1)
        return again(row.attempts) or GivenUp(BROKEN)
