"""Which run of messages somebody's words go on with, in a room without threads. Pure: what there is to choose from is passed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum


class Asks(Enum):
    """What was asked of the person and is not answered: a question waits, an offer passes."""

    NOTHING = "nothing"
    OFFER = "offer"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Run:
    """A conversation that may go on here. `spoken`: when the person last said something in it, not pressed; `last`: when anything was
    said in it. `claimed`: the number of the handoff in which a human has it; `in_hand`: people have it, or are asked to."""

    id: str
    spoken: datetime | None
    last: datetime
    asks: Asks = Asks.NOTHING
    claimed: int | None = None
    in_hand: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A card that asks something here, though it belongs to a conversation of another room."""

    card_key: str
    at: datetime
    asks: Asks = Asks.QUESTION


@dataclass(frozen=True, slots=True)
class Choice:
    """`run` None: a new one. `asked`: the card whose question is carried into it."""

    run: str | None
    asked: str | None = None


def choose(runs: Sequence[Run], asked: Sequence[Asked], now: datetime, idle: timedelta, *, meant: bool = True) -> Choice:
    """First whatever a human has; then what was asked last and waits; then what was spoken of last, if that is not long ago.

    `meant`: it is certain that they speak to the bot; else only what they were just speaking of goes on.
    """
    claimed = [run for run in runs if run.claimed is not None]
    if meant and claimed:
        return Choice(max(claimed, key=lambda run: run.claimed or 0).id)
    spoken = max((run for run in runs if run.spoken is not None), key=lambda run: run.spoken or run.last, default=None)
    alive = spoken is not None and ((meant and spoken.in_hand) or now - spoken.last <= idle)
    latest = spoken.id if spoken is not None and alive else None
    waiting = [(run.last, Choice(run.id)) for run in runs if _waits(run.asks, run.last, now, idle)]
    waiting += [(card.at, Choice(latest, card.card_key)) for card in asked if _waits(card.asks, card.at, now, idle)]
    if meant and waiting:
        return max(waiting, key=lambda one: one[0])[1]
    return Choice(latest)


def _waits(asks: Asks, since: datetime, now: datetime, idle: timedelta) -> bool:
    return asks is Asks.QUESTION or (asks is Asks.OFFER and now - since <= idle)
