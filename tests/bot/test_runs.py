"""Which run of messages somebody's words go on with: the order of what there is to choose from."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.runs import Asked, Asks, Choice, Run, choose

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
IDLE = timedelta(hours=8)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def run(
    name: str,
    spoken: float | None,
    last: float | None = None,
    *,
    asks: Asks = Asks.NOTHING,
    claimed: int | None = None,
    in_hand: bool = False,
) -> Run:
    """`spoken`, `last`: hours ago."""
    at = spoken if last is None else last
    return Run(name, ago(spoken) if spoken is not None else None, ago(at or 0), asks, claimed, in_hand or claimed is not None)


MORNING, YESTERDAY = run("morning", 5), run("yesterday", 30)
ASKED = run("asked", 30, asks=Asks.QUESTION)
CLAIMED = run("claimed", 50, claimed=7)
PRESSED = run("pressed", None, 0.1)


@pytest.mark.parametrize(
    ("runs", "chosen"),
    [
        ([], None),
        ([MORNING], "morning"),
        ([YESTERDAY], None),
        ([MORNING, YESTERDAY], "morning"),
        ([run("shown", 30, 2)], "shown"),
        ([run("handed", 30, in_hand=True)], "handed"),
        ([run("handed", 30, in_hand=True), MORNING], "morning"),
        ([PRESSED], None),
        ([PRESSED, MORNING], "morning"),
        ([run("pressed in an old one", 30, 0.1), MORNING], "morning"),
        ([ASKED], "asked"),
        ([ASKED, MORNING], "asked"),
        ([ASKED, run("asked later", 20, asks=Asks.QUESTION), MORNING], "asked later"),
        ([run("receipt", 30, 0.5, asks=Asks.QUESTION), run("confirm", 1, asks=Asks.QUESTION)], "receipt"),
        ([run("offer", None, 1, asks=Asks.OFFER), MORNING], "offer"),
        ([run("offer", None, 20, asks=Asks.OFFER), MORNING], "morning"),
        ([CLAIMED, ASKED, MORNING, PRESSED], "claimed"),
        ([CLAIMED, run("claimed later", 60, claimed=8)], "claimed later"),
    ],
)
def test_what_goes_on(runs: list[Run], chosen: str | None) -> None:
    for some in (runs, runs[::-1]):
        assert choose(some, (), NOW, IDLE) == Choice(chosen)


@pytest.mark.parametrize(
    ("runs", "card", "chosen"),
    [
        ([], Asked("receipt:1", ago(100)), Choice(None, "receipt:1")),
        ([MORNING], Asked("receipt:1", ago(100)), Choice("morning", "receipt:1")),
        ([YESTERDAY], Asked("receipt:1", ago(1)), Choice(None, "receipt:1")),
        ([ASKED], Asked("receipt:1", ago(1)), Choice(None, "receipt:1")),
        ([ASKED], Asked("receipt:1", ago(40)), Choice("asked")),
        ([MORNING], Asked("said:1", ago(1), Asks.OFFER), Choice("morning", "said:1")),
        ([MORNING], Asked("said:1", ago(9), Asks.OFFER), Choice("morning")),
        ([CLAIMED], Asked("receipt:1", ago(1)), Choice("claimed")),
    ],
)
def test_what_was_asked_of_another_room_is_carried_along(runs: list[Run], card: Asked, chosen: Choice) -> None:
    assert choose(runs, [card], NOW, IDLE) == chosen


@pytest.mark.parametrize(
    ("runs", "chosen"),
    [
        ([run("just now", 0.1)], "just now"),
        ([run("before", 1)], None),
        ([ASKED, CLAIMED], None),
        ([run("handed", 1, in_hand=True)], None),
        ([run("just now", 0.1), ASKED, CLAIMED], "just now"),
    ],
)
def test_words_that_may_be_for_others_go_on_with_the_last_and_nothing_else(runs: list[Run], chosen: str | None) -> None:
    assert choose(runs, [Asked("receipt:1", ago(0.1))], NOW, timedelta(minutes=10), meant=False) == Choice(chosen)
