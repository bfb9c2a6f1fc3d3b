"""Versions of the recognition: trained on what was accepted, compared on what was kept, activated only when no worse.

Training and comparing take seconds and stand outside any transaction; the row that says which version serves is the truth, and
every process follows it. Version 0 is the recognition as it ships, without lessons.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from bot.intent.learned import Learned
from bot.intent.recognizer import Recognizer
from bot.intent.training import Example
from bot.teaching import kept
from bot.teaching.kept import Comparison, Score, compared
from bot.teaching.lessons import LessonStore, NothingNew, NotTaught, Split, all_labels, may_review, split
from connectors.ports.knowledge import AuditSink
from connectors.ports.people import Person
from connectors.ports.records import Clock, Json
from specialists.skill import SkillSpec

log = structlog.get_logger()
SHIPPED = 0


class VersionState(StrEnum):
    ACTIVE = "active"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Version:
    """`lessons`: the ids trained on; `kept`: how many questions it was compared on; the figures are 0-1."""

    number: int
    at: datetime
    by: str
    lessons: tuple[str, ...]
    kept: int
    accuracy: float
    accuracy_before: float
    calibration_error: float
    state: VersionState


@dataclass(frozen=True, slots=True)
class Retrained:
    """What came of a retraining. `comparison` says why it was refused, if it was."""

    version: Version
    comparison: Comparison


class Versions:
    def __init__(
        self,
        sessions: Sessions,
        recognizer: Recognizer,
        lessons: LessonStore,
        skills: Mapping[str, SkillSpec],
        audit: AuditSink,
        clock: Clock,
        compare: Callable[[Score, Score], Comparison] = compared,
    ) -> None:
        """`compare`: candidate and serving version -> whether the candidate may serve."""
        self._sessions, self._recognizer, self._lessons = sessions, recognizer, lessons
        self._labels = all_labels(skills)
        self._audit, self._clock, self._compared = audit, clock, compare
        self._serving = SHIPPED
        self._training = asyncio.Lock()

    @property
    def serving(self) -> int:
        """The number of the version that serves in this process."""
        return self._serving

    async def follow(self) -> None:
        """At the start, and now and then: lets that version serve which the database says, whoever activated it."""
        async with self._training:
            wanted = await self._active()
            if wanted is None and self._serving == SHIPPED:
                return
            number = wanted.number if wanted is not None else SHIPPED
            if number != self._serving:
                self._use(await self._trained(wanted), number)

    async def retrain(self, by: Person) -> Retrained:
        """Trains on all that was accepted and not kept aside, and activates the result if it is no worse. Raises NotTaught, NothingNew."""
        may_review(by)
        async with self._training:
            taught = await self._taught()
            serving = await self._get(self._serving)
            if sorted(one.id for one in taught.trained) == sorted(serving.lessons if serving is not None else ()):
                raise NothingNew()
            learned = await self._recognizer.train(taught.examples)
            comparison = await self._compare(learned, taught)
            version = await self._keep(by, taught, comparison)
            if version.state is VersionState.ACTIVE:
                self._use(learned, version.number)
        return Retrained(version, comparison)

    async def activate(self, number: int, by: Person) -> int:
        """Goes back to an older version, or with 0 to the recognition as it ships. Raises NotTaught."""
        may_review(by)
        async with self._training:
            wanted = await self._get(number)
            if number != SHIPPED and wanted is None:
                raise NotTaught("recognition.unknown", number=str(number))
            if wanted is not None and wanted.state is VersionState.REFUSED:
                raise NotTaught("recognition.was_refused", number=str(number))
            learned = await self._trained(wanted)
            async with self._sessions.begin() as session:
                await self._let_serve(session, number)
                await self._audit.append(
                    session, kind="action", event="recognition_activated", actor_id=by.id, data={"version": number, "before": self._serving}
                )
            self._use(learned, number)
        return number

    async def listed(self, by: Person) -> Sequence[Version]:
        """Newest first. Raises NotTaught for whoever may not."""
        may_review(by)
        async with self._sessions() as session:
            rows = await session.execute(select(t.recognition_version).order_by(t.recognition_version.c.number.desc()).limit(50))
            return [_version(row) for row in rows]

    async def _taught(self) -> Split:
        shipped = kept.shipped(self._labels)
        return split(await self._lessons.accepted(), self._labels, [question.text for question in shipped])

    async def _compare(self, candidate: Learned, taught: Split) -> Comparison:
        asked = kept.questions(self._labels, taught.kept)
        await self._recognizer.warm()
        serving = self._recognizer.learned
        assert serving is not None
        return self._compared(await kept.score(candidate, asked), await kept.score(serving, asked))

    async def _keep(self, by: Person, taught: Split, comparison: Comparison) -> Version:
        found, active = comparison.candidate, comparison.why is None
        figures = {
            "kept": len(found.marks),
            "accuracy": round(found.accuracy, 4),
            "accuracy_before": round(comparison.serving.accuracy, 4),
            "calibration_error": round(found.calibration_error, 4),
        }
        lessons = [one.id for one in taught.trained]
        state = VersionState.ACTIVE if active else VersionState.REFUSED
        now = self._clock()
        async with self._sessions.begin() as session:
            row = insert(t.recognition_version).values(at=now, by=by.id, lessons=lessons, state=VersionState.REFUSED.value, **figures)
            number = int((await session.execute(row.returning(t.recognition_version.c.number))).scalar_one())
            if active:
                await self._let_serve(session, number)
            told: dict[str, Json] = {"version": number, "state": state.value, "lessons": len(lessons), "why": comparison.why or ""}
            await self._audit.append(session, kind="decision", event="recognition_retrained", actor_id=by.id, data={**told, **figures})
        log.info("recognition_retrained", version=number, state=state.value, lessons=len(lessons), kept=len(found.marks))
        return Version(
            number,
            now,
            by.id,
            tuple(lessons),
            len(found.marks),
            figures["accuracy"],
            figures["accuracy_before"],
            figures["calibration_error"],
            state,
        )

    async def _trained(self, version: Version | None) -> Learned:
        """On the lessons of that version; those whose skill is gone are left out."""
        wanted = frozenset(version.lessons if version is not None else ())
        accepted = [one for one in await self._lessons.accepted() if one.id in wanted and one.label in self._labels]
        return await self._recognizer.train([Example(one.text, one.label) for one in accepted])

    def _use(self, learned: Learned, number: int) -> None:
        self._recognizer.use(learned)
        self._serving = number
        log.info("recognition_version_serves", version=number)

    async def _let_serve(self, session: AsyncSession, number: int) -> None:
        versions = t.recognition_version
        now_active = versions.c.state == VersionState.ACTIVE.value
        await session.execute(update(versions).where(now_active).values(state=VersionState.SUPERSEDED.value))
        await session.execute(update(versions).where(versions.c.number == number).values(state=VersionState.ACTIVE.value))

    async def _active(self) -> Version | None:
        versions = t.recognition_version
        query = select(versions).where(versions.c.state == VersionState.ACTIVE.value).order_by(versions.c.number.desc()).limit(1)
        async with self._sessions() as session:
            row = (await session.execute(query)).one_or_none()
        return _version(row) if row is not None else None

    async def _get(self, number: int) -> Version | None:
        async with self._sessions() as session:
            row = (await session.execute(select(t.recognition_version).where(t.recognition_version.c.number == number))).one_or_none()
        return _version(row) if row is not None else None


def _version(row: Row[tuple[object, ...]]) -> Version:
    return Version(
        number=row.number,
        at=row.at,
        by=row.by,
        lessons=tuple(row.lessons),
        kept=row.kept,
        accuracy=row.accuracy,
        accuracy_before=row.accuracy_before,
        calibration_error=row.calibration_error,
        state=VersionState(row.state),
    )
