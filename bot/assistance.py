"""What a language model is told of the turn that it works for: for whom it is, and how long they wait. And what the audit says of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.handoff import summarising
from bot.live_answers import LiveAnswers
from bot.talk import Talk
from connectors.ports.language import Behalf, LanguageModel, Prompt
from connectors.ports.records import Json
from specialists.roster import Roster
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


PROMPTS: Sequence[Prompt] = (summarising.PROMPT,)


def stamps(model: LanguageModel | None) -> Mapping[str, Json]:
    """What every event of the audit says of the engine: which models and prompts are configured. What served is told of each use."""
    if model is None:
        return {"engine": "offline"}
    return {"engine": "assisted", "models": [model.name("small"), model.name("large")], "prompts": [prompt.id for prompt in PROMPTS]}
