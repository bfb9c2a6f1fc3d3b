"""Lessons: what an utterance should have been understood as. Proposed by whoever noticed, accepted by somebody else.

A lesson changes what is done for people, so nobody decides on their own: whoever proposed it cannot accept it. Every fifth
is kept aside, by its text alone: it is never trained on, so that versions can be compared on it.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from bot.intent.text import plain
from bot.intent.training import NEITHER, Example
from connectors.ports.people import Person
from connectors.ports.records import new_id
from connectors.ports.secrets import without_secrets
from knowledge import masking
from knowledge.masking import masked

Source = Literal["staff", "employee", "admin"]
REVIEWERS = frozenset({"knowledge_admin", "service_owner"})
"""Roles that decide on lessons, and on which version serves."""
KEPT = 5
"""One in so many is kept aside."""
MOST_SHOWN = 50
"""Of those that wait, the oldest; of those that were decided, the newest."""
LONGEST = 4 * masking.LONGEST
"""Characters of what somebody said that are looked at."""
REJECTED_KEPT = timedelta(days=90)
PROPOSED_KEPT = timedelta(days=365)
_DATE = (
    r"\d{4}-\d\d?-\d\d?(?!\d)|\d\d?[./-]\d\d?[./-](?:\d{4}|\d\d)(?!\d)|\d\d?[./]\d\d?\.?(?!\d)|\d\d?:\d\d(?!\d)"
    r"|(?:19|20)\d\d ?[/-] ?(?:19|20)?\d\d(?!\d)|(?:19|20)\d\d(?!\w)"
)
_NUMBER = re.compile(rf"(?<!\w)(?<!\d[.,])(?:(?P<date>{_DATE})|\+?\d(?:[ .,'/()-]?\d)*)(?!\w)")
_DIGITS = 4
"""A number with as many is left out, whatever it counts; dates, years and times stay, since skills read them."""
_REPEATED = re.compile(r"(\[\w+\])(?: \1)+")


class LessonState(StrEnum):
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Lesson:
    """`label`: a skill, or one of `training.NEITHER`. `by`: the person id of whoever proposed it."""

    id: str
    text: str
    label: str
    source: Source
    by: str
    at: datetime
    state: LessonState = LessonState.PROPOSED
    conversation_id: str | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None

    @property
    def kept(self) -> bool:
        """Of its text alone: said once more, it is on the same side again."""
        return int.from_bytes(hashlib.sha256(sameness(self.text).encode()).digest()[:4]) % KEPT == 0


class NotTaught(Exception):
    """Why a lesson or a version is not what was wanted; a core message says it."""

    def __init__(self, key: str, **params: str) -> None:
        super().__init__(key)
        self.key, self.params = key, params


class NothingNew(NotTaught):
    """All that was accepted is learned: nothing to do, and nothing wrong."""

    def __init__(self) -> None:
        super().__init__("recognition.nothing_new")


def sameness(text: str) -> str:
    """What two texts have in common that differ in case, marks and spaces only."""
    return " ".join(plain(text).split())


def proposed(
    text: str, label: str, source: Source, by: Person, now: datetime, *, of: str | None = None, names: Collection[str] = ()
) -> Lesson:
    """A new lesson. `of`: the conversation it was said in; `names`: of people. Raises NotTaught when nothing is left of the words."""
    said = impersonal(text[:LONGEST], names)
    if len(sameness(said)) < 2:
        raise NotTaught("lesson.empty")
    return Lesson(new_id(), said, label, source, by.id, now, conversation_id=of)


def impersonal(text: str, names: Collection[str]) -> str:
    """What may be kept: `knowledge.masking`, and without shorter numbers and without these names as they are written, too.

    What was left out leaves one mark in its place, so that the sentence keeps its shape.
    """
    said = masked(without_secrets(text), names)
    if names:
        either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        said = re.sub(rf"(?<![\w\[])(?:{either})(?![\w\]])", "[name]", said)
    return _REPEATED.sub(r"\1", _NUMBER.sub(_without, said))


def _without(found: re.Match[str]) -> str:
    return found[0] if found["date"] or sum(character.isdigit() for character in found[0]) < _DIGITS else "[number]"


def against(lesson: Lesson, accepted: Sequence[Lesson]) -> str | None:
    """What the same words are accepted to mean, when it is another label than this lesson's."""
    words = sameness(lesson.text)
    same = [one for one in accepted if one.state is LessonState.ACCEPTED and one.id != lesson.id and sameness(one.text) == words]
    last = max(same, key=lambda one: (one.reviewed_at or one.at, one.id), default=None)
    return last.label if last is not None and last.label != lesson.label else None


def may_review(by: Person) -> None:
    """Raises NotTaught for whoever may not decide what the recognition learns."""
    if not by.roles & REVIEWERS or not by.employed:
        raise NotTaught("lesson.reviewers_only")


def reviewed(lesson: Lesson, by: Person, *, accepted: bool, now: datetime) -> Lesson:
    """What was accepted can still be rejected: the next retraining forgets it. Raises NotTaught for whoever may not, and for what is
    decided already."""
    may_review(by)
    if lesson.state is LessonState.REJECTED or (accepted and lesson.state is LessonState.ACCEPTED):
        raise NotTaught("lesson.decided")
    if accepted and lesson.by == by.id:
        raise NotTaught("lesson.own")
    state = LessonState.ACCEPTED if accepted else LessonState.REJECTED
    return replace(lesson, state=state, reviewed_by=by.id, reviewed_at=now)


@dataclass(frozen=True, slots=True)
class Split:
    """Lessons as a version needs them: to train on, and kept aside. Of one text the last word counts."""

    trained: tuple[Lesson, ...]
    kept: tuple[Lesson, ...]

    @property
    def examples(self) -> list[Example]:
        return [Example(one.text, one.label) for one in self.trained]


def split(lessons: Sequence[Lesson], labels: Collection[str], apart: Collection[str] = ()) -> Split:
    """`labels`: those that there are (a skill may be gone); `apart`: texts that nothing may be trained on."""
    never = {sameness(text) for text in apart}
    last: dict[str, Lesson] = {}
    for one in sorted(lessons, key=lambda one: (one.reviewed_at or one.at, one.id)):
        if one.state is LessonState.ACCEPTED and one.label in labels and sameness(one.text) not in never:
            last[sameness(one.text)] = one
    ordered = sorted(last.values(), key=lambda one: one.id)
    return Split(tuple(one for one in ordered if not one.kept), tuple(one for one in ordered if one.kept))


def label_of(said: str, titles: Mapping[str, str]) -> str | None:
    """The label that somebody typed: its name, its title, or the beginning of either that only one has. `titles`: label -> title."""
    wanted = sameness(said.replace("_", " "))
    if not wanted:
        return None
    called = {label: {sameness(label.replace("_", " ")), sameness(title)} for label, title in titles.items()}
    exact = [label for label, names in called.items() if wanted in names]
    near = exact or [label for label, names in called.items() if any(name.startswith(wanted) for name in names)]
    return near[0] if len(near) == 1 else None


def all_labels(skills: Collection[str]) -> tuple[str, ...]:
    """What an utterance can be taught to be."""
    return (*sorted(skills), *NEITHER)


class LessonStore:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def add(self, session: AsyncSession, lesson: Lesson) -> bool:
        """In the caller's transaction; False when the same person proposed the same already and nobody has decided on it."""
        same = (t.lesson.c.by == lesson.by) & (t.lesson.c.text == lesson.text) & (t.lesson.c.label == lesson.label)
        waiting = select(t.lesson.c.id).where(same, t.lesson.c.state == LessonState.PROPOSED.value)
        if (await session.execute(waiting)).first() is not None:
            return False
        await session.execute(
            insert(t.lesson).values(
                id=lesson.id,
                text=lesson.text,
                label=lesson.label,
                source=lesson.source,
                by=lesson.by,
                conversation_id=lesson.conversation_id,
                at=lesson.at,
                state=lesson.state.value,
                kept=lesson.kept,
            )
        )
        return True

    async def decide(self, session: AsyncSession, lesson: Lesson, before: LessonState) -> bool:
        """In the caller's transaction; False when somebody else has decided first. `before`: its state until now."""
        decided = await session.execute(
            update(t.lesson)
            .where(t.lesson.c.id == lesson.id, t.lesson.c.state == before.value)
            .values(state=lesson.state.value, reviewed_by=lesson.reviewed_by, reviewed_at=lesson.reviewed_at)
            .returning(t.lesson.c.id)
        )
        return decided.one_or_none() is not None

    async def get(self, lesson_id: str) -> Lesson | None:
        async with self._sessions() as session:
            row = (await session.execute(select(t.lesson).where(t.lesson.c.id == lesson_id))).one_or_none()
        return _lesson(row) if row is not None else None

    async def listed(self, state: LessonState | None = None) -> Sequence[Lesson]:
        """Those that wait, the longest first; then what was decided, the newest first. At most MOST_SHOWN of each."""
        at, waits = t.lesson.c.at, t.lesson.c.state == LessonState.PROPOSED.value
        waiting = select(t.lesson).where(waits).order_by(at, t.lesson.c.id).limit(MOST_SHOWN)
        decided = select(t.lesson).where(~waits).order_by(at.desc(), t.lesson.c.id).limit(MOST_SHOWN)
        queries = [waiting, decided] if state is None else [waiting] if state is LessonState.PROPOSED else [decided]
        async with self._sessions() as session:
            rows = [row for query in queries for row in await session.execute(query if state is None else query.where(_is(state)))]
            return [_lesson(row) for row in rows]

    async def accepted(self) -> Sequence[Lesson]:
        """All of them, in the order of their ids."""
        query = select(t.lesson).where(t.lesson.c.state == LessonState.ACCEPTED.value).order_by(t.lesson.c.id)
        async with self._sessions() as session:
            return [_lesson(row) for row in await session.execute(query)]


async def forget_old_lessons(session: AsyncSession, now: datetime) -> None:
    """What was rejected, and what nobody decided on for long: they are people's words."""
    rejected = _is(LessonState.REJECTED) & (t.lesson.c.reviewed_at < now - REJECTED_KEPT)
    waiting = _is(LessonState.PROPOSED) & (t.lesson.c.at < now - PROPOSED_KEPT)
    await session.execute(delete(t.lesson).where(rejected | waiting))


def _is(state: LessonState) -> ColumnElement[bool]:
    return t.lesson.c.state == state.value


def _lesson(row: Row[tuple[object, ...]]) -> Lesson:
    return Lesson(
        id=row.id,
        text=row.text,
        label=row.label,
        source=row.source,
        by=row.by,
        at=row.at,
        state=LessonState(row.state),
        conversation_id=row.conversation_id,
        reviewed_by=row.reviewed_by,
        reviewed_at=row.reviewed_at,
    )
