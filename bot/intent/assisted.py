"""Recognition with a language model beside the offline engine, which goes first, and serves whenever the model does not.

The model is asked only where it may help: it costs money and time, and whoever asks it gives words away. What it says holds no
authority: `checks.py` drops what the employee's own words do not bear out, `merging.py` what is not the model's to say.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from bot.conversation.model import AwaitsChoice, Recall
from bot.intent import acts
from bot.intent.answers import asked_about
from bot.intent.asking import content, described, shape, shortlist
from bot.intent.beneficiary import find_beneficiary, named_beneficiary
from bot.intent.checks import Checked, Illegal, checked
from bot.intent.matching import matcher
from bot.intent.merging import Merging
from bot.intent.model import Beneficiary, Engine, Recognition, Wish
from bot.intent.pooling import USUAL, Weights
from bot.intent.recognizer import Recognizer
from bot.intent.slots import SlotContext
from bot.intent.text import Reading, oddity, read
from connectors.errors import ConnectorError
from connectors.ports.language import Ask, LanguageModel, Prompt
from connectors.ports.people import Person
from specialists.skill import SkillSpec

log = structlog.get_logger()
PROMPT = Prompt.load(Path(__file__).with_name("recognition.prompt.md"))
Titles = Callable[[str, Person], Awaitable[Sequence[str]]]
"""Titles of articles that the person may read and that speak of the words, best first."""
SHARE = 0.6
"""Of the time until the person must see something: an answer has to be looked for as well."""
LONGEST = 1.5
UNHURRIED = 10.0
"""Seconds for the model: at most while somebody waits, and while nobody does."""
SHORTEST = 0.1
"""Below it no model has ever answered."""
BEYOND_DOUBT = 0.97
_BRIEF = 6
"""Words up to which a wish that was understood says nothing more than what was found in it."""
_MOST_TOKENS = 900
_NUMBER = re.compile(r"[\d\s.,:/%+-]+")


class AssistedRecognizer:
    """Implements what `Recognizer.recognize` does; `engine` says who understood."""

    def __init__(
        self,
        offline: Recognizer,
        model: LanguageModel,
        titles: Titles,
        skills: Mapping[str, SkillSpec],
        monotonic: Callable[[], float] = time.monotonic,
        weights: Weights = USUAL,
    ) -> None:
        """`weights`: of the two engines' confidences, as they were fitted to this installation."""
        self.offline, self.weights = offline, weights
        self._model, self._titles, self._skills, self._monotonic = model, titles, dict(skills), monotonic

    async def recognize(self, text: str, recall: Recall) -> Recognition:
        """What an utterance wants. Never raises for what the model does: the offline engine's understanding serves then."""
        offline = await self.offline.recognize(text, recall)
        if not due(text, offline, recall, self._skills):
            return offline
        try:
            return await self._assisted(offline, read(text), recall)
        except Illegal as illegal:
            log.warning("recognition_rejected", what=str(illegal))
            code = "schema"
        except ConnectorError as error:
            log.info("recognition_fell_back", code=error.code)
            code = error.code
        except Exception:
            log.exception("recognition_broke")
            code = "broke"
        return replace(offline, engine=Engine(fell_back=code))

    async def heard(self, text: str, recall: Recall) -> tuple[Recognition, Checked, Engine]:
        """What either engine makes of an utterance by itself, whatever it is: to measure and to calibrate them.

        Raises ConnectorError and Illegal.
        """
        offline, reading = await self.offline.recognize(text, recall), read(text)
        return offline, *await self._asked(offline, reading, recall)

    async def _assisted(self, offline: Recognition, reading: Reading, recall: Recall) -> Recognition:
        said, engine = await self._asked(offline, reading, recall)
        context = await self.offline.surroundings.around(recall.person, reading.own, reading.quoted)
        merging = Merging(self._skills, self.weights, recall, context, reading, {})
        others = await self._others(said, merging, recall.person, context)
        return replace(replace(merging, others=others).merged(offline, said), engine=engine)

    async def _asked(self, offline: Recognition, reading: Reading, recall: Recall) -> tuple[Checked, Engine]:
        pending = asked_about(recall)
        asked = pending[0].skill if pending is not None else None
        offered = shortlist(offline.likely, asked, self._skills)
        specs = {name: self._skills[name] for name in offered}
        slots = {name: [slot.name for slot in spec.slots] for name, spec in specs.items()}
        context = await self.offline.surroundings.around(recall.person)
        titles = await self._known_titles(reading.own, recall.person)
        seconds = self._time(recall)
        ask = Ask(
            prompt=PROMPT,
            size="small",
            stable=described(list(specs.values()), context.catalogue),
            content=content(reading, recall, titles, context.today, specs),
            shape=shape(slots),
            behalf=recall.behalf,
            max_tokens=_MOST_TOKENS,
            first=seconds,
            within=seconds,
        )
        # It is not cut off from here: what it spent is written down meanwhile, and a cut-off transaction keeps its lock.
        completion = await self._model.complete(ask)
        return checked(completion.result, reading, slots, asked), Engine(completion.model, PROMPT.id)

    def _time(self, recall: Recall) -> float:
        """Seconds for the model. Raises TooLate when there are none."""
        until = recall.behalf.until
        if until is None:
            return UNHURRIED
        left = SHARE * (until - self._monotonic())
        if left < SHORTEST:
            raise TooLate
        return min(left, LONGEST)

    async def _known_titles(self, text: str, person: Person) -> Sequence[str]:
        """They only help; without them it is understood as well as it can be."""
        try:
            return await self._titles(text, person)
        except ConnectorError as error:
            log.info("titles_not_looked_up", code=error.code)
            return ()

    async def _others(self, said: Checked, merging: Merging, person: Person, context: SlotContext) -> dict[str, Beneficiary]:
        """For whom, where that is somebody else: by how it is said, as offline, else by the words that the model took for a person."""
        names, directory = matcher(context.catalogue), self.offline.directory
        found: dict[str, Beneficiary] = {}
        for wish in said.wishes:
            if wish.act != "skill":
                continue
            for words in merging.around(wish.said):
                other = await find_beneficiary(words, person, directory, names.is_thing)
                if other is not None:
                    found.setdefault(wish.said, other)
            if wish.other is not None and wish.said not in found:
                other = await named_beneficiary(wish.other, person, directory, names.is_thing)
                if other is not None:
                    found[wish.said] = other
        return found


class TooLate(ConnectorError):
    """No time is left in which a model could answer."""

    def __init__(self) -> None:
        super().__init__("late")


def due(text: str, offline: Recognition, recall: Recall, skills: Mapping[str, SkillSpec]) -> bool:
    """Whether the model may help. Pure.

    Not with what is private or sensitive, whose words stay here. Not with what is understood for certain, where it would cost time
    and money for nothing: closed phrases, bare numbers, a picked choice, an answer that fills what was asked for, and one clear
    English wish in which nothing is unknown, left open or perhaps overlooked. Not where there is nothing to read.
    """
    reading = read(text)
    if recall.private or offline.sensitive is not None or oddity(text) is not None or not reading.own:
        return False
    if acts.act_words().act_of(reading.own) is not None or _NUMBER.fullmatch(reading.own):
        return False
    if len(offline.wishes) != 1:
        return True
    wish = offline.wishes[0]
    first = recall.awaits[0] if recall.awaits else None
    if isinstance(first, AwaitsChoice) and wish.skill in first.skills and wish.confidence >= BEYOND_DOUBT:
        return False
    if offline.language != "en":
        return True
    return not (_fills(offline, recall, skills, reading.own) or _beyond_doubt(wish, recall, skills, reading.own))


def _fills(offline: Recognition, recall: Recall, skills: Mapping[str, SkillSpec], own: str) -> bool:
    """It says what was asked for, and hardly anything else. What is free text takes anything, so a question is none for certain."""
    pending = asked_about(recall)
    if pending is None or pending[1] is None or pending[1] not in offline.answers or pending[0].skill not in skills:
        return False
    free = any(slot.name == pending[1] and slot.type == "text" for slot in skills[pending[0].skill].slots)
    return not acts.is_question(own) and (free or len(own.split()) <= _BRIEF)


def _beyond_doubt(wish: Wish, recall: Recall, skills: Mapping[str, SkillSpec], own: str) -> bool:
    if wish.confidence < BEYOND_DOUBT or wish.act in ("unclear", "question"):
        return False
    spec = skills.get(wish.skill or "")
    if wish.act != "skill" or spec is None:
        # A request that was asked about takes what is said beside a yes ("yes, but for ten days").
        return asked_about(recall) is None
    open_ = wish.unknown or wish.candidates or any(slot.required and slot.name not in wish.slots for slot in spec.slots)
    return not open_ or len(own.split()) <= _BRIEF
