"""A handoff and its state machine: requested -> claimed -> returned to the bot, or resolved. Pure.

Requested: the bot still answers. Claimed: a named human owns the conversation and the bot is silent, by this state and
by nothing else. Commands are channel-neutral; a Slack button and a typed "/claim" end here alike.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from connectors.ports.people import Person


class HandoffState(StrEnum):
    REQUESTED = "requested"
    CLAIMED = "claimed"
    RETURNED = "returned"
    RESOLVED = "resolved"


OPEN = frozenset({HandoffState.REQUESTED, HandoffState.CLAIMED})


_COMMAND = re.compile(r"[/!](\w+)(?:\s+(.*))?", re.DOTALL)


def typed(text: str) -> tuple[str, str] | None:
    """(word, rest) of a command: "/reply text" or "!reply text", since some chats keep "/" for themselves. None for anything else."""
    found = _COMMAND.fullmatch(text.strip())
    return (found[1].lower(), (found[2] or "").strip()) if found is not None else None


_NAMED = re.compile(r"(FOY-\d+)\b[\s:,]*(.*)", re.DOTALL | re.IGNORECASE)


def named(rest: str) -> tuple[str | None, str]:
    """The case that the words of a command begin with, None for none, and the words after it."""
    found = _NAMED.fullmatch(rest)
    return (found[1].upper(), found[2]) if found is not None else (None, rest)


class Command(StrEnum):
    CLAIM = "claim"
    NOTE = "note"
    REPLY = "reply"
    ASSIGN = "assign"
    RESOLVE = "resolve"
    RETURN = "return"
    TEACH = "teach"


IN_THE_OPEN = frozenset({Command.CLAIM, Command.ASSIGN})
"""What may be done with a sensitive handoff where its whole group reads along."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """`number` makes the case. `sensitive`: the topic, then only the claimant reads what was said. `version` 0 = new."""

    id: str
    number: int
    conversation_id: str
    person_id: str
    reason: str
    assignment_group: str
    opened_at: datetime
    updated_at: datetime
    request_id: str | None = None
    confidence: float | None = None
    """Of the recognition that it began with, 0-1; None when it began with a button or a failure."""
    sensitive: str | None = None
    state: HandoffState = HandoffState.REQUESTED
    claimed_by: str | None = None
    resolution: str | None = None
    version: int = 0

    @property
    def case(self) -> str:
        return f"FOY-{self.number}"

    @property
    def open(self) -> bool:
        return self.state in OPEN

    def covers(self, at: datetime) -> bool:
        """Whether this moment was while it was open."""
        return at >= self.opened_at and (self.open or at <= self.updated_at)


@dataclass(frozen=True, slots=True)
class HandoffChange:
    """A new value with the event that tells of it: opened, claimed, note, reply, assigned, resolved, returned; what becomes of
    words: held, reworded, recalled, reply_edited, reply_deleted, note_edited, note_deleted; and what comes of itself:
    made_private, released (its claimant is gone), attached (one more request), unreachable (its room is gone)."""

    handoff: Handoff
    kind: str
    by: str | None
    at: datetime
    text: str = ""
    relay_id: str | None = None
    """Of a note: which message it was."""


@dataclass(frozen=True, slots=True)
class NotPossible:
    """Why a command did nothing; a core message says it."""

    key: str
    params: Mapping[str, str] = field(default_factory=dict)


def as_changed(handoff: Handoff, changes: Sequence[HandoffChange]) -> Handoff:
    """As a turn has changed it so far; its next change is saved over that one."""
    mine = [change.handoff for change in changes if change.handoff.id == handoff.id]
    return replace(mine[-1], version=mine[-1].version + 1) if mine else handoff


def opened(handoff: Handoff) -> HandoffChange:
    return HandoffChange(handoff, "opened", None, handoff.opened_at)


def made_private(handoff: Handoff, topic: str, group: str, now: datetime) -> HandoffChange:
    """Something sensitive was said while an ordinary handoff was open: whoever has it does not have that."""
    waiting = replace(handoff, sensitive=topic, assignment_group=group, state=HandoffState.REQUESTED, claimed_by=None, updated_at=now)
    return HandoffChange(waiting, "made_private", None, now)


def released(handoff: Handoff, now: datetime) -> HandoffChange:
    """Its claimant is gone: it waits for the group again."""
    return HandoffChange(replace(handoff, state=HandoffState.REQUESTED, claimed_by=None, updated_at=now), "released", None, now)


def may_teach(handoff: Handoff, by: Person) -> NotPossible | None:
    """Why this person may not say what it should have been understood as; also once it is closed, but never of a private matter."""
    if handoff.assignment_group not in by.groups and handoff.claimed_by != by.id:
        return NotPossible("desk.not_yours")
    if by.id == handoff.person_id:
        return NotPossible("desk.own")
    return NotPossible("lesson.private") if handoff.sensitive is not None else None


def commanded(
    handoff: Handoff, command: Command, by: Person, text: str, now: datetime, *, assignee: Person | str | None = None
) -> HandoffChange | NotPossible:
    """What a desk command does. `assignee`: for assign, a Person or the name of an assignment group."""
    if handoff.assignment_group not in by.groups and handoff.claimed_by != by.id:
        return NotPossible("desk.not_yours")
    if not handoff.open:
        return NotPossible("desk.closed")
    if by.id == handoff.person_id:
        return NotPossible("desk.own")
    if handoff.sensitive is not None and handoff.claimed_by != by.id:
        # Nobody but the claimant has to do with a private matter; until there is one it can be taken or given on.
        if handoff.claimed_by is not None:
            return NotPossible("desk.claimed_already")
        if command not in IN_THE_OPEN:
            return NotPossible("desk.claim_first")
    changed = replace(handoff, updated_at=now)
    match command:
        case Command.CLAIM:
            if handoff.state is HandoffState.CLAIMED:
                return NotPossible("desk.claimed_already" if handoff.claimed_by != by.id else "desk.yours_already")
            return HandoffChange(replace(changed, state=HandoffState.CLAIMED, claimed_by=by.id), "claimed", by.id, now)
        case Command.NOTE:
            return HandoffChange(changed, "note", by.id, now, text) if text else NotPossible("desk.needs_text")
        case Command.ASSIGN:
            if assignee is None:
                return NotPossible("desk.unknown_assignee")
            if isinstance(assignee, str):
                given = replace(changed, state=HandoffState.REQUESTED, claimed_by=None, assignment_group=assignee)
                return HandoffChange(given, "assigned", by.id, now, assignee)
            if assignee.id == handoff.person_id:
                return NotPossible("desk.own")
            return HandoffChange(
                replace(changed, state=HandoffState.CLAIMED, claimed_by=assignee.id), "assigned", by.id, now, assignee.name
            )
        case _:
            return _owned(changed, command, by, text, now)


def _owned(handoff: Handoff, command: Command, by: Person, text: str, now: datetime) -> HandoffChange | NotPossible:
    """Commands that reach the employee: only from whoever claimed it."""
    if handoff.claimed_by != by.id:
        return NotPossible("desk.claim_first" if handoff.claimed_by is None else "desk.claimed_already")
    if not text and command is not Command.RETURN:
        return NotPossible("desk.needs_text")
    match command:
        case Command.RESOLVE:
            return HandoffChange(replace(handoff, state=HandoffState.RESOLVED, resolution=text), "resolved", by.id, now, text)
        case Command.RETURN:
            return HandoffChange(replace(handoff, state=HandoffState.RETURNED, resolution=text or None), "returned", by.id, now, text)
        case _:
            return HandoffChange(handoff, "reply", by.id, now, text)
