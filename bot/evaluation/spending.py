"""What a language model spent on an evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from bot import tables as t
from bot.bootstrap import App
from bot.evaluation.figures import rounded
from bot.language.usage import OK

_MILLIONTHS = 1_000_000


@dataclass(frozen=True, slots=True)
class Spending:
    """Of a language model: its calls, those of which nothing came, tokens of all kinds, and money in millionths."""

    calls: int = 0
    failed: int = 0
    tokens: int = 0
    cost: int = 0

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(self.calls + other.calls, self.failed + other.failed, self.tokens + other.tokens, self.cost + other.cost)

    @property
    def share_failed(self) -> float | None:
        return rounded(self.failed / self.calls) if self.calls else None

    def as_json(self) -> Mapping[str, float | None]:
        return {"tokens": self.tokens, "money": rounded(self.cost / _MILLIONTHS)}


async def spent(app: App) -> Spending:
    """All that this Foyer spent."""
    use = t.model_use.c
    tokens = use.input_tokens + use.output_tokens + use.cache_read_tokens + use.cache_written_tokens
    failed = func.count().filter(use.outcome != OK)
    await app.sessions.at_rest()
    async with app.sessions() as session:
        row = (await session.execute(select(func.count(), failed, func.sum(tokens), func.sum(use.cost)))).one()
    calls, failures, used, cost = row
    return Spending(calls, failures, int(used or 0), int(cost or 0))
