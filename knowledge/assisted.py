"""Answers with the help of a language model, in the asker's language and from Foyer's own passages; else as the offline engine does.

The model chooses nothing: the passages are those that the asker may read, every sentence is checked by what is no model, and an answer
is there before the model is asked, so that whatever it does, somebody gets one.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from connectors.errors import ConnectorError, Refused
from connectors.ports.language import NOBODY, Ask, Behalf, LanguageModel, Prompt
from connectors.ports.people import Person
from connectors.ports.secrets import without_secrets
from knowledge.answering import Answerer, is_about_another_country, is_the_other_one
from knowledge.answers import Answer, Show
from knowledge.composing import SHAPE, Composer, as_given, language_asked
from knowledge.embedding.port import Vector
from knowledge.languages import is_latin, language_of
from knowledge.model import Passage, admits, traits
from knowledge.retrieval import MAX_QUESTION, Retriever
from knowledge.support import ARTICLES
from knowledge.text import content_terms, encodable

PROMPT = Prompt.load(Path(__file__).with_name("answer.prompt.md"))
FLOOR = 0.02
"""Offline confidence below which nothing is near, and no model is asked. Of the questions on three knowledge bases that the articles
cover, 0 to 0.6 % are below, of those about other organisations 35 to 84 %; of near misses, which are worth a second opinion, 0 to 1 %."""
CERTAIN = 0.9
"""Offline confidence from which an answer is given although the model finds that the passages do not cover the question. 68 to 75 % of
the covered questions reach it, and of near misses, a fifth of the articles taken away, 4 to 8 %; at 0.5, where answers begin, 35 to 37 %
do, and there the model's word counts."""
_DOUBTED = 0.5
"""What is left of the confidence in an answer that the model finds no grounds for: below `ANSWER_AT` for all that is not certain."""
_FOUND, _GIVEN, _EACH, _ALL = 20, 6, 1500, 7000
"""Passages that are looked for, passages that a model is given, characters of each and of all."""
_BEHIND = 0.3
"""A passage further behind the best one is not given."""
_WITHIN, _MARGIN, _LEAST = 20.0, 0.15, 0.1
"""Seconds for a whole answer; seconds of what is left that are kept for showing something; below so many left nobody is asked."""
_DECIDING = ("country", "department")
"""What of a person is told, and only where an article is for some of its values."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: in the person's words, with what a follow-up left out, and in which language."""

    own: str
    whole: str
    language: str | None


class AssistedAnswerer:
    """Implements `knowledge.answers.Answers`."""

    def __init__(
        self,
        offline: Answerer,
        retriever: Retriever,
        model: LanguageModel,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._offline = offline
        self._retriever = retriever
        self._model = model
        self._monotonic = monotonic

    async def answer(
        self,
        question: str,
        asker: Person,
        *,
        context: str | None = None,
        vector: Vector | None = None,
        search: str | None = None,
        behalf: Behalf = NOBODY,
        show: Show | None = None,
    ) -> Answer:
        """As `Answers` has it. Never fails because of the model: the offline answer is given then, with the reason in `fell_back`.

        `behalf.until` is when something must be shown; None: nobody waits.
        """
        offline = await self._offline.answer(question, asker, context=context, vector=vector, search=search)
        own = encodable(question[:MAX_QUESTION]).strip()
        spoken = language_of(own) if is_latin(own) else None
        asked = _Question(own, offline.question, language_asked(spoken, asker.locale) if is_latin(own) else None)
        given = await self._passages(asked, offline, asker)
        if not given or (offline.confidence < FLOOR and (search is not None or asked.language in (None, ARTICLES))):
            return offline
        composer = Composer(offline, given, asked.language)
        try:
            return await self._composed(asked, offline, asker, given, composer, behalf, show)
        except ConnectorError as error:
            code = error.code
        except TimeoutError:
            code = "late"
        except Exception as error:
            log.exception("assisted_answer_broken", error=type(error).__name__)
            code = "broken"
        log.info("answered_offline", turn=behalf.turn, code=code, dropped=composer.dropped)
        return replace(offline, fell_back=code, dropped=composer.dropped, replaced=composer.replaced)

    async def _passages(self, asked: _Question, offline: Answer, asker: Person) -> list[Passage]:
        """What the model may read: what the asker may, without what is about another country or another of a kind."""
        if offline.vector is None:
            return []
        found = await self._retriever.search(asked.whole, asker, _FOUND, vector=offline.vector)
        fit = [one for one in found if admits(one.audience, asker) and not is_about_another_country(asked.whole, one)]
        if not fit:
            return []
        best, wanted = fit[0], content_terms(asked.whole)
        near = [one for one in fit if one.score >= best.score - _BEHIND and (one is best or not is_the_other_one(one, best, wanted))]
        # What a follow-up is about was found by rules of its own.
        near.sort(key=lambda one: one.chunk.article_id not in offline.articles)
        return as_given(near[:_GIVEN], _EACH, _ALL)

    async def _composed(
        self,
        asked: _Question,
        offline: Answer,
        asker: Person,
        given: Sequence[Passage],
        composer: Composer,
        behalf: Behalf,
        show: Show | None,
    ) -> Answer:
        """The model's answer, checked. Raises ConnectorError and TimeoutError."""
        left = _WITHIN if behalf.until is None else min(_WITHIN, behalf.until - self._monotonic() - _MARGIN)
        if left < _LEAST:
            raise TimeoutError
        content = json.dumps(_told(asked, asker, given), ensure_ascii=False)
        ask = Ask(PROMPT, "large", content, SHAPE, behalf, max_tokens=1500, first=left, within=_WITHIN)
        telling = _Telling(composer, show, self._model.name("large"))
        working = asyncio.create_task(self._model.complete(ask, watch=telling.hear))
        try:
            if not (await asyncio.wait({working}, timeout=left))[0]:
                if telling.denied:
                    return _not_covered(offline, self._model.name("large"))
                await telling.overdue(offline)
            done = await working
        finally:
            working.cancel()
            await asyncio.wait({working})
        result: Any = done.result
        if result["covered"]:
            composer.hear(result["sentences"], done=True)
            if composer.holds:
                return replace(composer.answer(), model=done.model, prompt=PROMPT.id)
            log.info("answer_unsupported", turn=behalf.turn, dropped=composer.dropped)
            return replace(offline, fell_back="unsupported", dropped=composer.dropped, replaced=composer.replaced)
        return _not_covered(offline, done.model)


class _Telling:
    """Shows what is checked of an answer while it comes, one thing at a time. `denied`: the model has said that nothing covers it."""

    def __init__(self, composer: Composer, show: Show | None, model: str) -> None:
        self._composer = composer
        self._show = show
        self._model = model
        self._begun = False
        self._said = False
        self.denied = False
        self._one = asyncio.Lock()

    async def hear(self, so_far: Mapping[str, Any]) -> None:
        self._begun = True
        self.denied = so_far.get("covered") is False
        if self._show is None or so_far.get("covered") is not True:
            return
        async with self._one:
            if self._composer.hear(so_far.get("sentences", ()), done=False):
                try:
                    await self._show(replace(self._composer.answer(), model=self._model, prompt=PROMPT.id))
                except Refused:  # it is for fewer people than would see it there
                    self._show = None
                else:
                    self._said = True

    async def overdue(self, offline: Answer) -> None:
        """The person must see something now: what was checked, else the offline answer for as long as the model goes on.

        Raises TimeoutError where nothing has come of the model, or nothing can be shown before the end.
        """
        async with self._one:
            if self._said:
                return
            if not self._begun or self._show is None:
                raise TimeoutError
            try:
                await self._show(offline)
            except Refused as refused:
                raise TimeoutError from refused


def _not_covered(offline: Answer, model: str) -> Answer:
    """The model's word against the offline engine's."""
    if offline.kind == "answered" and offline.confidence >= CERTAIN:
        return replace(offline, fell_back="not_covered")
    nothing = replace(offline, kind="unknown", quotes=(), articles=(), confidence=_DOUBTED * offline.confidence)
    return replace(nothing, model=model, prompt=PROMPT.id)


def _told(asked: _Question, asker: Person, given: Sequence[Passage]) -> Mapping[str, Any]:
    """What the model is told, as JSON: no text of an article can end its own place in it."""
    keys = {key for passage in given for key in passage.audience} & set(_DECIDING)
    own = without_secrets(asked.own)
    about = without_secrets(asked.whole)
    return {
        "question": own,
        **({"about": about} if about != own else {}),
        "answer_in": asked.language or ARTICLES,
        "asker": {key: value for key in sorted(keys) for value in traits(asker, key)},
        "passages": [
            {
                "number": number,
                "title": passage.title,
                "section": passage.chunk.section,
                "updated": passage.updated_at.date().isoformat(),
                **({"for": {key: sorted(passage.audience[key]) for key in sorted(keys & passage.audience.keys())}} if keys else {}),
                "text": passage.chunk.text,
            }
            for number, passage in enumerate(given, 1)
        ],
    }
