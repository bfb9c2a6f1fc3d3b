"""What reviewers do with lessons: look at them beside what is understood now, accept, reject, add one of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from bot.database import Sessions
from bot.intent.recognizer import Recognizer
from bot.naming import Names
from bot.teaching.lessons import (
    LONGEST,
    Lesson,
    LessonState,
    LessonStore,
    NotTaught,
    against,
    all_labels,
    may_review,
    proposed,
    reviewed,
)
from connectors.ports.knowledge import AuditSink
from connectors.ports.people import Person
from connectors.ports.records import Clock
from specialists.skill import SkillSpec

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Looked:
    """A lesson, and while it waits what its text is understood as by the version that serves, with the confidence (0-1).

    `against`: the label that the same words were accepted as, when it is another one.
    """

    lesson: Lesson
    label: str | None = None
    confidence: float = 0.0
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    sessions: Sessions
    lessons: LessonStore
    names: Names
    recognizer: Recognizer
    skills: Mapping[str, SkillSpec]
    audit: AuditSink
    clock: Clock

    async def listed(self, by: Person, state: LessonState | None = None) -> Sequence[Looked]:
        """In the order of the store. Raises NotTaught for whoever may not."""
        may_review(by)
        await self.recognizer.warm()
        serving = self.recognizer.learned
        assert serving is not None
        accepted = await self.lessons.accepted()
        found = []
        for lesson in await self.lessons.listed(state):
            if lesson.state is not LessonState.PROPOSED:
                found.append(Looked(lesson))
                continue
            ranked = await serving.rank(lesson.text)
            found.append(Looked(lesson, ranked.label, ranked.confidence, against(lesson, accepted)))
        return found

    async def decide(self, lesson_id: str, by: Person, *, accepted: bool) -> Lesson:
        """Raises NotTaught."""
        may_review(by)
        lesson = await self.lessons.get(lesson_id)
        if lesson is None:
            raise NotTaught("lesson.unknown")
        decided = reviewed(lesson, by, accepted=accepted, now=self.clock())
        async with self.sessions.begin() as session:
            if not await self.lessons.decide(session, decided, lesson.state):
                raise NotTaught("lesson.decided")
            await self.audit.append(
                session,
                kind="decision",
                event="lesson_accepted" if accepted else "lesson_rejected",
                actor_id=by.id,
                data={"lesson": lesson.id, "label": lesson.label, "kept": lesson.kept},
            )
        log.info("lesson_decided", lesson=lesson.id, state=decided.state.value)
        return decided

    async def against(self, lesson: Lesson) -> str | None:
        """The label that the same words were accepted as, when it is another one."""
        return against(lesson, await self.lessons.accepted())

    async def add(self, text: str, label: str, by: Person) -> Lesson:
        """A lesson of their own, without whom it names; somebody else decides on it. Raises NotTaught."""
        may_review(by)
        if label not in all_labels(self.skills):
            raise NotTaught("lesson.no_label", labels=", ".join(all_labels(self.skills)))
        now = self.clock()
        lesson = proposed(text, label, "admin", by, now, names=await self.names.in_any_case(text[:LONGEST], now))
        async with self.sessions.begin() as session:
            if not await self.lessons.add(session, lesson):
                raise NotTaught("lesson.twice")
            data = {"lesson": lesson.id, "label": label, "source": "admin"}
            await self.audit.append(session, kind="observation", event="lesson_proposed", actor_id=by.id, data=data)
        return lesson
