"""How lessons come about: staff say what a conversation should have been understood as, or somebody picks what they meant.

Nothing of a private matter is ever proposed: not from a conversation in which one was spoken of, and not words that sound like one.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.buttons import Buttons, Verb
from bot.changes import Audited
from bot.conversation.model import AwaitsChoice, TranscriptEvent
from bot.conversation.store import ConversationStore
from bot.handoff.model import Handoff, NotPossible, may_teach
from bot.handoff.store import HandoffStore
from bot.intent import acts
from bot.intent.model import Fulfil, Step
from bot.intent.recognizer import Recognizer
from bot.intent.text import read
from bot.intent.training import NEITHER
from bot.naming import Names
from bot.people import PeopleStore
from bot.talk import Talk
from bot.teaching.closed import ClosedRequests
from bot.teaching.lessons import LONGEST, Lesson, LessonStore, NotTaught, Source, against, all_labels, label_of, proposed, sameness
from bot.words import Words
from connectors.ports.chat import Action, Form, FormField, Reply, ReplyKind
from connectors.ports.people import Person
from connectors.ports.records import new_id
from knowledge.embedding.port import Vector
from specialists.skill import SkillSpec

log = structlog.get_logger()
LOOKED_AT = 6
"""Utterances of a conversation that a lesson may be about, the last before people were asked."""
_SURE_ACT = 0.6
LABEL, SAID = "label", "said"
"""Fields of the form."""

Topic = Callable[[Talk, str], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Teacher:
    lessons: LessonStore
    closed: ClosedRequests
    conversations: ConversationStore
    handoffs: HandoffStore
    people: PeopleStore
    names: Names
    recognizer: Recognizer
    skills: Mapping[str, SkillSpec]
    buttons: Buttons
    topic: Topic

    # -- staff -----------------------------------------------------------------------------------------------------

    async def typed(self, talk: Talk, handoff: Handoff, text: str) -> str:
        """ "!teach unlock account": the last thing they said before people were asked. Returns what to tell whoever typed it."""
        titles = self.titles(talk.words)
        label = label_of(text, titles)
        if label is None:
            return talk.words("lesson.which", labels=tuple(titles.values()))
        return await self._taught(talk, handoff, label, None)

    async def sent(self, talk: Talk, handoff: Handoff, values: Mapping[str, str]) -> str:
        """The form, filled in."""
        if values.get(LABEL) not in all_labels(self.skills):
            return talk.words("lesson.which", labels=tuple(self.titles(talk.words).values()))
        return await self._taught(talk, handoff, values[LABEL], values.get(SAID))

    async def form(self, talk: Talk, handoff: Handoff) -> Reply:
        """What to fill in, or why not."""
        refused = await self._refused(talk.person, handoff)
        said = [] if refused is not None else await self._utterances(handoff)
        if refused is not None or not said:
            key = refused.key if refused is not None else "lesson.empty"
            return Reply(new_id(), ReplyKind.NOTICE, talk.words(key, case=handoff.case))
        submit = Action(self.buttons.id(Verb.TEACH, handoff.id), talk.words("button.send"), "primary")
        choices = tuple((event.id, event.text) for event in said)
        fields = (
            FormField(SAID, talk.words("lesson.form.said"), "choice", choices=choices, value=choices[-1][0]),
            FormField(LABEL, talk.words("lesson.form.label"), "choice", choices=tuple(self.titles(talk.words).items())),
        )
        title = talk.words("button.teach")
        return Reply(new_id(), ReplyKind.FORM, title, form=Form(title, submit, fields, talk.words("lesson.form.text")))

    def titles(self, words: Words) -> dict[str, str]:
        """Label -> how people read it."""
        return {label: title_of(label, words) for label in all_labels(self.skills)}

    async def _taught(self, talk: Talk, handoff: Handoff, label: str, chosen: str | None) -> str:
        """`chosen`: the transcript event that was meant; None: the last."""
        refused = await self._refused(talk.person, handoff)
        if refused is not None:
            return talk.words(refused.key, case=handoff.case)
        said = await self._utterances(handoff)
        event = next((event for event in reversed(said) if chosen in (None, event.id)), None)
        if event is None:
            return talk.words("lesson.empty")
        whose = await self.people.get(handoff.person_id)
        try:
            if await self.topic(talk, event.text) is not None:
                return talk.words("lesson.private", case=handoff.case)
            lesson = await self._propose(talk, event.text, label, "staff", handoff.conversation_id, whose or talk.person)
        except NotTaught as error:
            return talk.words(error.key, **error.params)
        kept = talk.words("lesson.proposed", text=lesson.text, label=title_of(label, talk.words))
        other = against(lesson, await self.lessons.accepted())
        return kept if other is None else f"{kept} {talk.words('lesson.against', label=title_of(other, talk.words))}"

    async def _refused(self, by: Person, handoff: Handoff) -> NotPossible | None:
        refused = may_teach(handoff, by)
        if refused is None and await self._is_private(handoff.conversation_id):
            return NotPossible("lesson.private")
        return refused

    async def _utterances(self, handoff: Handoff) -> list[TranscriptEvent]:
        """What the employee said, until people were asked, that was no mere act ("yes", "a person please"); oldest first."""
        close = acts.act_words()
        titles = {sameness(spec.title) for spec in self.skills.values()}
        said = [
            event
            for event in await self.conversations.transcript(handoff.conversation_id)
            if event.speaker == "person" and event.private_to is None and event.at <= handoff.opened_at and event.text.strip()
        ]
        found = []
        for event in said[-LOOKED_AT:]:
            own = read(event.text).own
            if not own or close.act_of(own) is not None or sameness(own) in titles:
                continue
            if self.recognizer.learned is not None:
                ranked = await self.recognizer.learned.rank(own)
                if ranked.label not in (*self.skills, *NEITHER) and ranked.confidence >= _SURE_ACT:
                    continue
            found.append(event)
        return found

    async def _is_private(self, conversation_id: str) -> bool:
        return any(handoff.sensitive is not None for handoff in await self.handoffs.of_conversation(conversation_id))

    # -- employees -------------------------------------------------------------------------------------------------

    async def follow(self, talk: Talk, step: Step, offered: AwaitsChoice | None, vector: Vector | None) -> None:
        """After a step of a turn: what was picked among `offered` is proposed, and what a request began with is remembered. `vector`:
        of the utterance, where it is what the request began with."""
        if not isinstance(step, Fulfil) or talk.private_to is not None:
            return
        if offered is not None and step.skill in offered.skills:
            await self._picked(talk, offered.utterance, step.skill)
        elif vector is not None:
            self._began(talk, step.skill, vector)

    async def _picked(self, talk: Talk, utterance: str, skill: str) -> None:
        if await self._is_private(talk.conversation.id) or await self.topic(talk, utterance) is not None:
            return
        try:
            await self._propose(talk, utterance, skill, "employee", talk.conversation.id, talk.person)
        except NotTaught:
            log.info("nothing_to_learn", skill=skill)

    def _began(self, talk: Talk, skill: str, vector: Vector) -> None:
        opened = next(
            (change.request for change in talk.changes.requests.values() if change.request.key == f"{talk.id}:{talk.opened}"), None
        )
        if opened is None:
            return

        async def begun(session: AsyncSession) -> None:
            await self.closed.begun(session, opened.id, skill, vector, talk.now)

        talk.changes.inside.append(begun)

    # -- both ------------------------------------------------------------------------------------------------------

    async def _propose(self, talk: Talk, text: str, label: str, source: Source, conversation: str, whose: Person) -> Lesson:
        """With the turn's other changes. `whose`: words they are. Raises NotTaught."""
        said = read(text[:LONGEST]).own
        names = await self.names.in_any_case(said, talk.now, whose)
        lesson = proposed(said, label, source, talk.person, talk.now, of=conversation, names=names)

        async def add(session: AsyncSession) -> None:
            if await self.lessons.add(session, lesson):  # proposed once more, it waits already
                data = {"lesson": lesson.id, "label": label, "source": source}
                talk.changes.audited.append(Audited("observation", "lesson_proposed", talk.person.id, data))

        talk.changes.inside.append(add)
        return lesson


def title_of(label: str, words: Words) -> str:
    return words(f"lesson.label.{label}") if label in NEITHER else words(f"skill.{label}.title")
