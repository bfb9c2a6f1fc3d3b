"""Where there is a language model: the twins that it assists, for whom it works in a turn and how long they wait, what the audit says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.database import Sessions
from bot.handoff import summarising
from bot.intent import assisted as understanding
from bot.intent.model import Understands
from bot.intent.recognizer import Recognizer
from bot.language.guarded import Guarded
from bot.language.settings import ModelSettings
from bot.live_answers import LiveAnswers
from bot.metrics import Metrics
from bot.naming import Names
from bot.talk import Talk
from connectors.ports.language import Behalf, LanguageModel, Prompt
from connectors.ports.people import Person
from connectors.ports.records import Clock, Json
from knowledge import assisted as answering
from knowledge.answering import Answerer
from knowledge.answers import Answers
from knowledge.retrieval import Retriever
from specialists.roster import Roster
from specialists.skill import SkillSpec
from specialists.store import RequestStore


@dataclass(frozen=True, slots=True)
class Patience:
    """For whom a language model works in a turn, and how long they wait. `seconds`: from when they were heard until they must see
    something; `monotonic` is in seconds."""

    seconds: float
    answers: LiveAnswers
    requests: RequestStore
    roster: Roster
    monotonic: Callable[[], float]

    async def behalf(self, talk: Talk, waited: float) -> Behalf:
        """`waited`: for how many seconds already, until the turn began."""
        until = self.monotonic() + self.seconds - max(0.0, waited)
        about = talk.conversation.request_id
        request = await self.requests.get(about) if about is not None else None
        behalf = Behalf(talk.id, talk.conversation.id, talk.person.id, until=until)
        return behalf if request is None or request.ended else replace(behalf, specialist=self.roster.of(request.skill).name)


PROMPTS: Sequence[Prompt] = (understanding.PROMPT, answering.PROMPT, summarising.PROMPT)
_TITLES = 5


def guarded(
    model: LanguageModel | None,
    sessions: Sessions,
    settings: ModelSettings,
    names: Names,
    clock: Clock,
    monotonic: Callable[[], float],
    metrics: Metrics,
) -> LanguageModel | None:
    """What everything assisted asks; None where there is no model."""
    if model is None:
        return None

    async def named(text: str) -> frozenset[str]:
        return await names.in_text(text, clock())

    return Guarded(model, sessions, settings, clock=clock, monotonic=monotonic, names=named, metrics=metrics)


def recognizer(
    offline: Recognizer, model: LanguageModel | None, retriever: Retriever, skills: Mapping[str, SkillSpec], monotonic: Callable[[], float]
) -> Understands:
    """What understands what is said to the bot."""
    if model is None:
        return offline

    async def titles(text: str, person: Person) -> Sequence[str]:
        return list(dict.fromkeys(passage.title for passage in await retriever.search(text, person, _TITLES)))

    return understanding.AssistedRecognizer(offline, model, titles, skills, monotonic)


def articles(offline: Answerer, model: LanguageModel | None, retriever: Retriever, monotonic: Callable[[], float]) -> Answers:
    """What answers the questions of a turn."""
    return offline if model is None else answering.AssistedAnswerer(offline, retriever, model, monotonic)


def stamps(model: LanguageModel | None) -> Mapping[str, Json]:
    """What every event of the audit says of the engine: which models and prompts are configured. What served is told of each use."""
    if model is None:
        return {"engine": "offline"}
    return {"engine": "assisted", "models": [model.name("small"), model.name("large")], "prompts": [prompt.id for prompt in PROMPTS]}
