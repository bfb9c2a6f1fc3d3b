"""From an utterance to wishes: cut into parts, judge each, fill its slots. Works without any language model.

The example utterances are a few thousand vectors at most, and the classifier needs the likeness to all of them: they
are kept in memory as one matrix (0.1 ms a look), cached in a file. The vector index would give only the nearest few,
in 2 ms.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import structlog

from bot.conversation.model import AwaitsChoice, AwaitsSlot, AwaitsSolved, Recall
from bot.intent import acts, sensitive
from bot.intent.answers import Answers, answers_to, asked_about, late_answers, left_open
from bot.intent.beneficiary import find_beneficiary
from bot.intent.experience import Experience
from bot.intent.judging import Judgement, Judging, grouped, likely
from bot.intent.learned import OFFERED, Learned, learn
from bot.intent.lists import several
from bot.intent.matching import matcher
from bot.intent.model import Recognition, Wish
from bot.intent.slots import Extraction, SlotContext, extract
from bot.intent.surroundings import Surroundings
from bot.intent.text import clean, language, oddity, parts, plain, read
from bot.intent.training import Example, examples
from bot.intent.vectors import encode_cached
from bot.intent.withdrawing import UNSENT, bare_topic, retracts, takes_back, topic_of, withdrawal
from connectors.ports.people import Directory
from knowledge.embedding.port import Encoder
from specialists.request import SlotValue
from specialists.skill import SkillSpec

log = structlog.get_logger()
MAX_WISHES = 4
_CERTAIN = 0.97
"""Confidence of what is looked up rather than judged: a closed phrase, a picked choice."""


class Recognizer:
    """Offline recognition. `warm` once at start; `recognize` takes some milliseconds and never raises for any text."""

    def __init__(self, encoder: Encoder, skills: Mapping[str, SkillSpec], directory: Directory, surroundings: Surroundings) -> None:
        self._encoder, self._skills = encoder, dict(skills)
        self.directory, self.surroundings = directory, surroundings
        self._acts = acts.act_words()
        self._serving: Judging | None = None
        self.learned: Learned | None = None
        """The version that serves."""
        self._likeness: sensitive.Likeness | None = None
        self._cache: Path | None = None
        self._training = asyncio.Lock()
        self._experience = Experience()

    async def warm(self, cache: Path | None = None) -> None:
        """Trains on the skills' utterances, unless a version serves. `cache`: a file that keeps their vectors, so that a
        later start need not make them."""
        async with self._training:
            self._cache = cache or self._cache
            if self._serving is None:
                self.use(await self.train())

    async def train(self, extra: Sequence[Example] = ()) -> Learned:
        """A version trained on the skills' utterances and more, beside the one that serves."""
        own = examples(self._skills)
        names = matcher(await self.surroundings.catalogue())
        learned = await learn([*own, *extra], self._encoder, names, cache=self._cache)
        if self._likeness is None:
            contrast = sensitive.examples()
            kept = None if self._cache is None else self._cache.with_stem(f"{self._cache.stem}-sensitive")
            vectors = await encode_cached(self._encoder, [text for text, _ in contrast], kept)
            # What was taught does not make anything less sensitive.
            self._likeness = sensitive.Likeness([topic for _, topic in contrast], vectors, learned.vectors[: len(own)])
        return learned

    def use(self, learned: Learned) -> None:
        """Lets a version of `train` serve from the next utterance on."""
        self._serving = Judging(learned, self._skills)
        self.learned = learned

    def remember(self, experience: Experience) -> None:
        """What became of what was asked before, from the next utterance on."""
        self._experience = experience

    async def recognize(self, text: str, recall: Recall) -> Recognition:
        """What an utterance wants, given what the conversation remembers."""
        if self._serving is None:
            await self.warm()
        judging, likeness = self._serving, self._likeness
        assert judging is not None
        assert likeness is not None
        reading = read(text)
        spoken = language(reading.own)
        act = self._acts.act_of(reading.own) if reading.own else None
        if act is None and (oddity(text) in ("empty", "only_symbols") or not reading.own):
            return Recognition(text, spoken, (), sensitive=sensitive.by_pattern(reading.quoted))
        context = await self.surroundings.around(recall.person, clean(text), *_offered(recall))
        if act is not None:
            return self._closed(text, reading.own, spoken, act, recall, context)
        core = self._acts.courtesies.strip(reading.own)
        clauses = parts(core)
        said = [core] if len(clauses) < 2 else [core, *(self._acts.courtesies.strip(clause) for clause, _ in clauses)]
        asked = judging.prepare(said, matcher(context.catalogue))
        vectors = np.asarray(await self._encoder.encode(asked.texts), dtype=np.float32)
        topic = sensitive.by_pattern(core) or likeness.topic(said, vectors[: len(said)])
        if topic is not None or oddity(text) == "too_long":
            return Recognition(text, spoken, (), sensitive=topic, urgent=acts.urgent(core))
        judged = judging.judge(asked, vectors, self._experience)
        judged = [self._withdrawn(one, recall, context) for one in judged]
        judged = [self._bare(one, context) for one in judged]
        groups = grouped(said, [first for _, first in clauses], judged)
        picked = await self._picked(core, groups, recall, context)
        wishes = picked or [wish for group in groups for wish in await self._wishes(group, reading.quoted, recall, context)]
        answers = self._answers(core, judged[1:] or judged, recall, context)
        if len(wishes) == 1 and (leading := self._acts.leading(core)) and _waits_for_yes(recall):
            wishes = [Wish("yes" if leading == "yes" else "no", core, _CERTAIN)]
        return Recognition(
            text,
            spoken,
            tuple(wishes[:MAX_WISHES]),
            urgent=acts.urgent(core),
            answers=answers.slots,
            candidates=answers.candidates,
            vector=vectors[0],
            likely=likely(judged),
        )

    # -- closed phrases and picked choices -------------------------------------------------------------------------

    def _closed(self, text: str, own: str, spoken: str, act: str, recall: Recall, context: SlotContext) -> Recognition:
        if act in ("solved", "unsolved"):
            solved = any(isinstance(item, AwaitsSolved) for item in recall.awaits)
            act = {"solved": "yes" if solved else "thanks", "unsolved": "no" if solved else "unclear"}[act]
        wish = Wish(act, self._acts.courtesies.strip(own), _CERTAIN)  # type: ignore[arg-type]
        # A bare word may be a slot's value ("yes" as a choice), but never free text.
        pending = asked_about(recall)
        spec = self._skills.get(pending[0].skill) if pending else None
        asked = next((slot for slot in spec.slots if pending and slot.name == pending[1]), None) if spec else None
        answers = Answers() if asked is None or asked.type == "text" or spec is None else answers_to(spec, pending, own, context)
        return Recognition(text, spoken, (wish,), answers=answers.slots, candidates=answers.candidates)

    async def _picked(self, core: str, groups: Sequence[Judgement], recall: Recall, context: SlotContext) -> list[Wish]:
        """The skill that was picked when several were offered, with the slots of what was said before."""
        offered = recall.awaits[0] if recall.awaits else None
        if not isinstance(offered, AwaitsChoice):
            return []
        index = acts.ordinal(core, len(offered.skills))
        skill = offered.skills[index] if index is not None else None
        if skill is None and len(groups) == 1 and groups[0].skill in offered.skills:
            skill = groups[0].skill
        if skill is None:
            said = set(plain(core).split())
            titled = [one for one in offered.skills if one in self._skills and said & set(self._skills[one].title.lower().split()) - _SMALL]
            skill = titled[0] if len(titled) == 1 else None
        if skill is None or skill not in self._skills:
            return []
        judged = Judgement(f"{offered.utterance}. {core}", "skill", _CERTAIN, skill)
        return await self._wishes(judged, "", recall, context)

    # -- wishes ----------------------------------------------------------------------------------------------------

    async def _wishes(self, judged: Judgement, quoted: str, recall: Recall, context: SlotContext) -> list[Wish]:
        """One wish, or one a thing when several things are listed."""
        judged = self._going_on(judged, recall, context)
        wish = Wish(
            judged.act,
            judged.text,
            round(judged.confidence, 4),
            skill=judged.skill,
            case=acts.case_in(judged.text),
            alternatives=judged.alternatives,
        )
        if judged.act in ("status", "cancel", "undo"):
            topic = topic_of(judged.text, self._skills, context)
            unsent = {request.skill for request in recall.requests if request.state in UNSENT}
            if judged.act == "cancel" and retracts(judged.text) and topic.skill not in unsent:
                # Said and taken back in one breath: nothing that was sent before is meant.
                return [wish]
            return [
                replace(
                    wish,
                    skill=topic.skill,
                    slots=_slots(topic.said, Extraction()),
                    candidates=topic.said.candidates,
                    unknown=topic.said.unknown,
                )
            ]
        if judged.act != "skill" or judged.skill is None:
            return [wish]
        spec = self._skills[judged.skill]
        names = matcher(context.catalogue)
        wish = replace(wish, beneficiary=await find_beneficiary(judged.text, recall.person, self.directory, names.is_thing))
        fillings = several(spec, judged.text, context) or [extract(spec, judged.text, context)]
        of_quoted = extract(spec, quoted, context) if quoted else Extraction()
        return [
            replace(wish, slots=_slots(filling, of_quoted), candidates=filling.candidates, unknown=filling.unknown) for filling in fillings
        ]

    def _going_on(self, judged: Judgement, recall: Recall, context: SlotContext) -> Judgement:
        """ "And GitHub, too": the same once more, for another thing."""
        last = next((one for one in recall.requests if one.id == recall.request_id), None)
        if last is None or last.skill not in self._skills or judged.act not in ("unclear", "question") or not acts.leans(judged.text):
            return judged
        spec = self._skills[last.skill]
        named = [slot.name for slot in spec.slots if slot.type in ("application", "hardware")]
        found = extract(spec, judged.text, context).found
        if not any(name in found and name in last.slots and found[name].value != last.slots[name].value for name in named):
            return judged
        return Judgement(judged.text, "skill", spec.notify_at + 0.1, last.skill)

    def _withdrawn(self, judged: Judgement, recall: Recall, context: SlotContext) -> Judgement:
        """What takes a wish back, whatever it names."""
        if not takes_back(judged.text):
            return judged
        topic = topic_of(judged.text, self._skills, context)
        if acts.asks_whether(judged.text) and topic.skill not in {request.skill for request in recall.requests}:
            return judged
        act = withdrawal(judged.text, topic)
        return judged if act is None else Judgement(judged.text, act, max(judged.confidence, _CERTAIN), likely=judged.likely)

    def _bare(self, judged: Judgement, context: SlotContext) -> Judgement:
        """A kind of request or an application that is named and nothing else: offered, however sure it is."""
        skill = bare_topic(judged.text, self._skills, context)
        if skill is None or judged.act not in ("skill", "unclear", "question"):
            return judged
        spec = self._skills[skill]
        confidence = min(max(judged.confidence, spec.notify_at), spec.act_at - OFFERED)
        return Judgement(judged.text, "skill", confidence, skill, likely=judged.likely)

    def _answers(self, core: str, parts: Sequence[Judgement], recall: Recall, context: SlotContext) -> Answers:
        """What fills slots of the request that was asked about; parts that are other wishes are no answer."""
        pending, late = asked_about(recall), left_open(recall)
        if pending is None and late is not None and late.skill in self._skills and len(parts) == 1:
            return late_answers(self._skills[late.skill], late, core, context)
        if pending is None or pending[0].skill not in self._skills:
            return Answers()
        if acts.asks_which(core):
            return answers_to(self._skills[pending[0].skill], pending, core, context)
        mine = [part.text for part in parts if not self._is_other(part, pending[0].skill)]
        text = core if len(mine) == len(parts) else " ".join(mine)
        return answers_to(self._skills[pending[0].skill], pending, text, context) if text else Answers()

    def _is_other(self, judged: Judgement, pending: str) -> bool:
        if judged.act == "skill" and judged.skill is not None:
            return judged.skill != pending and judged.confidence >= self._skills[judged.skill].act_at
        if judged.act == "question":
            return judged.text.rstrip().endswith("?") and judged.confidence >= 0.5
        return judged.act in ("status", "human", "cancel", "undo", "help", "who")


_SMALL = frozenset({"a", "an", "the", "my", "your", "to", "of", "for", "request"})


def _waits_for_yes(recall: Recall) -> bool:
    return bool(recall.awaits) and not isinstance(recall.awaits[0], AwaitsSlot | AwaitsChoice)


def _offered(recall: Recall) -> tuple[str, ...]:
    """What was said before a choice was offered: the picked skill is filled from it."""
    offered = recall.awaits[0] if recall.awaits else None
    return (offered.utterance,) if isinstance(offered, AwaitsChoice) else ()


def _slots(own: Extraction, quoted: Extraction) -> dict[str, SlotValue]:
    """Own words first; what only quoted words say is tainted."""
    filled = {name: SlotValue(one.value, one.label) for name, one in own.found.items()}
    for name, one in quoted.found.items():
        filled.setdefault(name, SlotValue(one.value, one.label, "document", tainted=True))
    return filled
