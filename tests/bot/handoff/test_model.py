"""Who may do what with a handoff."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.handoff.model import (
    Command,
    Handoff,
    HandoffChange,
    HandoffState,
    NotPossible,
    as_changed,
    commanded,
    made_private,
    released,
    typed,
)
from connectors.ports.people import Person

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
OPEN = Handoff("h", 1, "c", "dana", "asked", "people-team", NOW, NOW)


def staff(name: str, group: str = "people-team") -> Person:
    return Person(
        id=name,
        directory_key=name,
        name=name.title(),
        email=f"{name}@acme.example",
        timezone="UTC",
        locale="en",
        roles=frozenset({"staff"}),
        groups=frozenset({group}),
        attributes={},
        manager_key=None,
    )


@pytest.mark.parametrize("command", [Command.NOTE, Command.REPLY, Command.RESOLVE, Command.RETURN])
def test_a_private_matter_is_claimed_first(command: Command) -> None:
    assert commanded(replace(OPEN, sensitive="health"), command, staff("grace"), "text", NOW) == NotPossible("desk.claim_first")


@pytest.mark.parametrize("command", list(Command))
def test_a_private_matter_is_its_claimants_alone(command: Command) -> None:
    held = replace(OPEN, sensitive="health", state=HandoffState.CLAIMED, claimed_by="grace")
    assert commanded(held, command, staff("tomas"), "text", NOW, assignee=staff("tomas")) == NotPossible("desk.claimed_already")


def test_an_ordinary_one_can_be_given_on_by_the_group() -> None:
    held = replace(OPEN, state=HandoffState.CLAIMED, claimed_by="grace")
    change = commanded(held, Command.ASSIGN, staff("tomas"), "tomas", NOW, assignee=staff("tomas"))
    assert isinstance(change, HandoffChange)
    assert change.handoff.claimed_by == "tomas"


def test_made_private_it_is_nobodys() -> None:
    held = replace(OPEN, assignment_group="it-support", state=HandoffState.CLAIMED, claimed_by="sam")
    private = made_private(held, "health", "people-team", NOW).handoff
    assert (private.sensitive, private.assignment_group, private.state, private.claimed_by) == (
        "health",
        "people-team",
        HandoffState.REQUESTED,
        None,
    )
    assert commanded(private, Command.CLAIM, staff("sam", "it-support"), "", NOW) == NotPossible("desk.not_yours")


def test_released_it_waits_again() -> None:
    held = replace(OPEN, state=HandoffState.CLAIMED, claimed_by="grace")
    assert released(held, NOW).handoff == OPEN


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/reply hello there", ("reply", "hello there")),
        ("!reply hello", ("reply", "hello")),
        ("  !Reply\nhello\nyou ", ("reply", "hello\nyou")),
        ("!claim", ("claim", "")),
        ("reply hello", None),
        ("! reply hello", None),
        ("see !reply hello", None),
        ("/reply: hello", None),
        ("!!reply hello", None),
        ("", None),
    ],
)
def test_only_what_begins_with_a_command_is_one(text: str, meant: tuple[str, str] | None) -> None:
    assert typed(text) == meant


def test_a_second_change_is_saved_over_the_first() -> None:
    taken = commanded(replace(OPEN, version=3), Command.CLAIM, staff("grace"), "", NOW)
    assert isinstance(taken, HandoffChange)
    current = as_changed(OPEN, [taken])
    assert (current.version, current.claimed_by) == (4, "grace")
    assert as_changed(replace(OPEN, id="other"), [taken]).version == 0
