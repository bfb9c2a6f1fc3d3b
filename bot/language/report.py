"""What language models cost: calls summed by day, person and so on, and how much of each limit is used now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from bot.language.budgets import Scope, Spent, share
from bot.language.settings import LimitName, Limits
from bot.language.usage import OK
from connectors.ports.language import Usage

By = Literal["day", "person", "conversation", "specialist", "model", "prompt"]
LATELY = timedelta(days=1)
"""Turns and conversations that ended before are no news."""
SHOWN = 10
"""Of each limit those that are used most."""


@dataclass(frozen=True, slots=True)
class Used:
    """All calls with one `key`; empty for those that have none. `cost`: in millionths; `failures`: code -> calls."""

    key: str = ""
    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def from_cache(self) -> float:
        """The share of what was read that came from the model's cache."""
        read = self.usage.input + self.usage.cache_read + self.usage.cache_written
        return self.usage.cache_read / read if read else 0.0

    def __add__(self, other: "Used") -> "Used":
        mine, theirs = self.usage, other.usage
        usage = Usage(
            mine.input + theirs.input,
            mine.output + theirs.output,
            mine.cache_read + theirs.cache_read,
            mine.cache_written + theirs.cache_written,
        )
        codes = sorted({*self.failures, *other.failures})
        failures = {code: self.failures.get(code, 0) + other.failures.get(code, 0) for code in codes}
        return Used(self.key or other.key, self.calls + other.calls, usage, self.cost + other.cost, failures)


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit as it is now. `share`: 1 is all of it."""

    scope: Scope
    spent: Spent
    share: float


async def used(sessions: Sessions, by: By, since: datetime) -> Sequence[Used]:
    """Days in their order; everything else by what it cost, the most first."""
    u = t.model_use.c
    async with sessions() as session:
        key = func.coalesce(_key(session, by), "").label("key")
        counted = (u.input_tokens, u.output_tokens, u.cache_read_tokens, u.cache_written_tokens, u.cost)
        sums: tuple[Any, ...] = (key, u.outcome, func.count(), *(func.sum(column) for column in counted))
        rows = (await session.execute(select(*sums).where(u.at >= since).group_by(key, u.outcome))).all()
    found: dict[str, Used] = {}
    for name, outcome, calls, *amounts in rows:
        tokens = Usage(*(int(amount) for amount in amounts[:4]))
        one = Used(name, calls, tokens, int(amounts[4]), {outcome: calls} if outcome != OK else {})
        found[name] = found[name] + one if name in found else one
    return sorted(found.values(), key=lambda one: one.key if by == "day" else (-one.cost, -one.calls, one.key))


async def standing(sessions: Sessions, limits: Limits, now: datetime) -> Sequence[Standing]:
    """Limits that are used, the fullest first."""
    s = t.model_spent.c
    current: Mapping[LimitName, ColumnElement[bool]] = {
        "turn": s.at >= now - LATELY,
        "conversation": s.at >= now - LATELY,
        "person_day": s.period == f"{now:%Y-%m-%d}",
        "specialist_month": s.period == f"{now:%Y-%m}",
    }
    found = {}
    async with sessions() as session:
        for limit in get_args(LimitName):
            for measure in (s.tokens, s.cost):
                most = select(t.model_spent).where(s.limit == limit, current[limit]).order_by(measure.desc()).limit(SHOWN)
                for row in await session.execute(most):
                    spent = Spent(row.tokens, row.cost)
                    scope = Scope(row.limit, row.of, row.period)
                    found[scope] = Standing(scope, spent, share(spent, limits.of(limit)))
    return sorted(found.values(), key=lambda one: (-one.share, one.scope.limit, one.scope.of))


def _key(session: AsyncSession, by: By) -> ColumnElement[Any]:
    u = t.model_use.c
    match by:
        case "day":
            postgresql = session.get_bind().dialect.name == "postgresql"
            return func.to_char(func.timezone("UTC", u.at), "YYYY-MM-DD") if postgresql else func.strftime("%Y-%m-%d", u.at)
        case "person":
            return u.person_id
        case "conversation":
            return u.conversation_id
        case _:
            return u[by]
