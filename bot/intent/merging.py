"""One understanding out of the offline engine's and a language model's, which was checked. Pure.

The model adds what the offline engine cannot read: other languages, unusual words, slots that no pattern finds. What gives authority
stays where it was: a yes, a no, an undo and a "never mind" are the offline engine's alone, and so is what it finds negated or merely
asked about; what either of them alone sees is offered, never done. So the model may make a wish more doubtful, but never bring one to
where it is acted on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.conversation.model import AwaitsConfirmation, Recall
from bot.intent import acts
from bot.intent.answers import asked_about
from bot.intent.checks import MOST_WISHES, Checked, SaidWish
from bot.intent.judging import UNWANTED, unwanted
from bot.intent.learned import ACCEPTED, OFFERED
from bot.intent.lists import several
from bot.intent.matching import tokens
from bot.intent.model import Beneficiary, Recognition, Wish
from bot.intent.pooling import SEEN, Evidence, Weights
from bot.intent.said_slots import Around, filled
from bot.intent.slots import Extraction, SlotContext, extract
from bot.intent.text import Reading, parts
from bot.intent.withdrawing import bare_topic
from specialists.request import SlotValue
from specialists.skill import SkillSpec

RESERVED = ("yes", "no", "cancel", "undo", "who")
"""What the offline engine alone takes words for."""
_STAYS = ("skill", "status", "human", *RESERVED)
"""What stays of what it found in words that the model passed over."""
_SAME = 0.6
"""Share of the words of the shorter of two that are in both, from which they speak of one thing."""
_ASIDE = ("question", "status", "human", "help")


@dataclass(frozen=True, slots=True)
class Merging:
    """`others`: who each of the checked wishes is for, when that is somebody else, by the words that wish for it."""

    skills: Mapping[str, SkillSpec]
    weights: Weights
    recall: Recall
    context: SlotContext
    reading: Reading
    others: Mapping[str, Beneficiary]

    @property
    def own(self) -> str:
        return self.reading.own

    def merged(self, offline: Recognition, said: Checked) -> Recognition:
        """`offline`, with what the model adds; its engine is left to be named."""
        language = said.language or offline.language
        urgent = offline.urgent or said.urgent
        if said.sensitive is not None:
            return replace(offline, language=language, perhaps=said.sensitive, urgent=urgent)
        read = _Reading(self, offline, said, frozenset({offline.language, language} - {"en"}))
        # What closes a matter stands alone: whatever the model sees beside it would have it passed over.
        reserved = len(offline.wishes) == 1 and offline.wishes[0].act in RESERVED
        wishes = () if reserved else read.wishes()
        answers, candidates = self._answers(offline, said)
        return replace(offline, language=language, wishes=wishes or offline.wishes, urgent=urgent, answers=answers, candidates=candidates)

    def _answers(self, offline: Recognition, said: Checked) -> tuple[Mapping[str, SlotValue], Mapping[str, tuple[str, ...]]]:
        """What fills the request that is asked about: what the offline engine found, and what more the model did."""
        pending = asked_about(self.recall)
        if pending is None or pending[0].skill not in self.skills:
            return offline.answers, offline.candidates
        request, asked = pending
        spec, found = self.skills[request.skill], dict(offline.answers)
        types = {slot.name: slot.type for slot in spec.slots}
        if asked is not None and types.get(asked) == "text" and self._turned_aside(said, asked):
            # Offline, whatever is said then is the answer, unless it is an English question.
            found.pop(asked, None)
        new = [one for one in said.answers if one.slot not in offline.answers]
        known = {name: one for name, one in request.slots.items() if name not in found}
        after = filled(spec, {**known, **found}, new, self.context, self.around_slots(offline, said, offline.candidates), answering=True)
        answers = found | {name: one for name, one in after.items() if known.get(name) != one and name not in found}
        return answers, {name: names for name, names in offline.candidates.items() if name not in answers}

    def around_slots(self, offline: Recognition, said: Checked, doubtful: Collection[str]) -> Around:
        languages = {"en", offline.language, said.language or offline.language}
        denies = any(acts.says_no(self.own, language) is not False for language in languages)
        return Around(self.own, self.reading.quoted, denies, doubtful)

    @staticmethod
    def _turned_aside(said: Checked, asked: str) -> bool:
        if not said.wishes or any(one.slot == asked for one in said.answers):
            return False
        return said.language != "en" and all(one.act in _ASIDE and one.confidence >= ACCEPTED for one in said.wishes)

    # -- one wish ----------------------------------------------------------------------------------------------------

    def around(self, said: str) -> list[str]:
        """These words, and the clauses that they are in or that are in them: a "not" before them belongs to them."""
        words = said.lower()
        clauses = [clause for clause, _ in parts(self.own) if clause.lower() in words or words in clause.lower()]
        return [said, *(clauses or [self.own])]


@dataclass(frozen=True, slots=True)
class _Reading:
    """`foreign`: the languages, other than English, that it may be in."""

    by: Merging
    offline: Recognition
    said: Checked
    foreign: frozenset[str]

    def wishes(self) -> tuple[Wish, ...]:
        found: list[Wish] = []
        covered: set[int] = set()
        for one in self._each_once():
            near = [place for place, wish in enumerate(self.offline.wishes) if _overlap(wish.text, one.said)]
            theirs = [self.offline.wishes[place] for place in near]
            if one.act == "unclear" or any(wish.act in RESERVED for wish in theirs):
                continue
            if one.act == "human" and one.confidence < ACCEPTED and not any(wish.act == "human" for wish in theirs):
                # A guess: what was understood beside it is served.
                continue
            covered.update(near)
            found += [wish for wish in self._taken(one, theirs) if wish not in found]
        left = [self._passed_over(wish) for place, wish in enumerate(self.offline.wishes) if place not in covered and wish.act in _STAYS]
        if not found:
            return tuple(self._passed_over(wish) for wish in self.offline.wishes)
        kept = sorted([*found, *left], key=lambda wish: wish.act not in RESERVED)[:MOST_WISHES]
        return tuple(sorted(kept, key=self._place))

    def _each_once(self) -> list[SaidWish]:
        """The wishes, without what only says again, in words of an earlier one, that the same is wanted."""
        once: list[SaidWish] = []
        for one in self.said.wishes:
            if one.act != "skill" or not any(self._again(one, other) for other in once):
                once.append(one)
        return once

    def _again(self, one: SaidWish, before: SaidWish) -> bool:
        if one.skill != before.skill or one.skill is None or not self._share(one.said, before.said):
            return False
        things = {slot.name for slot in self.by.skills[one.skill].slots if slot.type in ("application", "hardware")}
        named = [{slot.slot: slot.said for slot in wish.slots if slot.slot in things} for wish in (one, before)]
        return not any(name in named[1] and not self._share(said, named[1][name]) for name, said in named[0].items())

    def _share(self, one: str, other: str) -> bool:
        """Whether words of the utterance overlap, as they first stand there."""
        first, second = self.by.own.find(one), self.by.own.find(other)
        return first < second + len(other) and second < first + len(one)

    def _passed_over(self, wish: Wish) -> Wish:
        """What is to be done although the model, who read these words, sees no such wish in them: it takes a yes."""
        spec = self.by.skills.get(wish.skill or "") if wish.act == "skill" else None
        return replace(wish, guessed=True) if spec is not None and spec.effect else wish

    def _place(self, wish: Wish) -> int:
        place = self.by.own.find(wish.text)
        return place if place >= 0 else 0

    def _taken(self, one: SaidWish, near: Sequence[Wish]) -> list[Wish]:
        rival = max(
            (wish for wish in near if wish.act == "skill" and wish.skill != one.skill), key=lambda wish: wish.confidence, default=None
        )
        doubted = 0.0 if rival is None else self.by.weights.pool(Evidence(rival.confidence, 1 - one.confidence))
        if one.act == "skill" and one.skill is not None:
            wishes = self._skill(one, [wish for wish in near if wish.act == "skill" and wish.skill == one.skill])
            if rival is None or rival.skill is None:
                return wishes
            mine = max(wish.confidence for wish in wishes)
            if doubted > mine:
                return [replace(rival, confidence=min(doubted, rival.confidence), alternatives=((one.skill, mine),))]
            return [replace(wish, alternatives=((rival.skill, doubted),)) for wish in wishes]
        if rival is not None and rival.skill is not None and doubted >= self.by.skills[rival.skill].notify_at:
            less = replace(rival, confidence=min(doubted, rival.confidence))
            return [self._passed_over(less) if one.confidence >= ACCEPTED else less]
        same = next((wish for wish in near if wish.act == one.act), None)
        sure = self.by.weights.pool(Evidence(None if same is None else same.confidence, one.confidence, agree=same is not None))
        if same is not None:
            return [replace(same, confidence=round(sure, 4), search=self._search(one))]
        skill = one.skill if one.act == "status" else None
        guessed = one.act == "human"
        found = Wish(one.act, one.said, round(sure, 4), skill, case=acts.case_in(one.said), search=self._search(one), guessed=guessed)  # type: ignore[arg-type]
        return [found]

    def _skill(self, one: SaidWish, same: Sequence[Wish]) -> list[Wish]:
        """The skill that the model sees, as one wish or one a thing; `same`: where the offline engine sees it, too."""
        assert one.skill is not None
        spec = self.by.skills[one.skill]
        shared = sum(other.skill == one.skill for other in self.said.wishes) > 1
        split = shared and len(same) == 1
        if same and not split:
            bases = list(same)
        else:
            text = one.said
            fillings: Sequence[Extraction] = several(spec, text, self.by.context) or [extract(spec, text, self.by.context)]
            bases = [Wish("skill", text, 0.0, spec.name, _plain(each), None, None, (), each.candidates, each.unknown) for each in fillings]
        sure, guessed = self._confidence(one, spec, same)
        guessed = guessed or split or one.quoting
        other = next((wish.beneficiary for wish in same if wish.beneficiary is not None), self.by.others.get(one.said))
        wishes = []
        for base in bases:
            # What is said of several things is each one's own as the offline engine read it.
            around = self.by.around_slots(self.offline, self.said, {*base.unknown, *base.candidates})
            slots = filled(spec, base.slots, one.slots, self.by.context, around) if len(bases) == 1 else base.slots
            alone = any(slot.required and slot.name in slots and slots[slot.name].source == "model" for slot in spec.slots)
            confidence = min(sure, spec.act_at - OFFERED) if alone else sure
            wishes.append(
                replace(
                    base,
                    confidence=round(confidence, 4),
                    slots=slots,
                    beneficiary=other,
                    candidates={name: names for name, names in base.candidates.items() if name not in slots},
                    unknown={name: words for name, words in base.unknown.items() if name not in slots},
                    search=self._search(one),
                    guessed=guessed,
                )
            )
        return wishes

    def _confidence(self, one: SaidWish, spec: SkillSpec, same: Sequence[Wish]) -> tuple[float, bool]:
        """How sure both are, and whether the model is alone with it."""
        seen = max((wish.confidence for wish in same), default=dict(self.offline.likely).get(spec.name, 0.0))
        blind = bool(self.foreign) and seen < SEEN
        sure = self.by.weights.pool(Evidence(None if blind else seen, one.confidence, agree=bool(same)))
        around = self.by.around(one.said)
        if any(unwanted(text, spec, way=acts.how_to(text) is not None) for text in around):
            return min(sure, UNWANTED), False
        # A "not" in a language that the offline engine does not read would pass it by.
        guessed = not same or seen < spec.notify_at or any(acts.says_no(self.by.own, language) is not False for language in self.foreign)
        named = bare_topic(self.by.own, self.by.skills, self.by.context) is not None
        if guessed or named or any(acts.how_to(text) for text in around):
            sure = min(sure, spec.act_at - OFFERED)
        if seen < spec.act_at:
            sure = min(sure, spec.act_at - OFFERED)
        if self._repeats(spec):
            # To say it once more is a yes, and a yes is not the model's to hear.
            sure = min(sure, seen)
        return sure, guessed

    def _repeats(self, spec: SkillSpec) -> bool:
        waiting = {item.request_id for item in self.by.recall.awaits if isinstance(item, AwaitsConfirmation)}
        return any(request.id in waiting and request.skill == spec.name for request in self.by.recall.requests)

    def _search(self, one: SaidWish) -> str | None:
        """Where the articles could not be searched by the words themselves."""
        return one.search if self.foreign or acts.leans(one.said) else None


def _plain(found: Extraction) -> dict[str, SlotValue]:
    return {name: SlotValue(one.value, one.label) for name, one in found.found.items()}


def _overlap(one: str, other: str) -> bool:
    some, others = {token.word for token in tokens(one)}, {token.word for token in tokens(other)}
    return len(some & others) >= _SAME * min(len(some), len(others))
