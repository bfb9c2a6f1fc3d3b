"""What was spent on language models: each call, and how much of every limit is used.

A call is recorded in a transaction of its own as soon as it ends: a turn that fails afterwards, or is thought again, has spent it all the
same. Sums are kept beside the calls, in the same transaction, so that asking for them is one look by key, however long the month was.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, delete, false, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions, insert_into
from bot.language.budgets import FULL, NEAR, NOTHING, TOLD, Scope, Spent, level, over, scopes
from bot.language.settings import Limits
from bot.people import Recent
from connectors.errors import Refused
from connectors.ports.language import Behalf, Usage
from connectors.ports.records import new_id

log = structlog.get_logger()
KEPT = timedelta(days=400)
"""A year and the month that it is compared with."""
TURNS_KEPT = timedelta(days=2)
"""Sums of turns: none takes longer."""
REMEMBERED = 10_000
OK = "ok"


@dataclass(frozen=True, slots=True)
class Use:
    """One call. `at`: when it began, which decides its day and month; `cost`: in millionths; `outcome`: OK or the code of the error."""

    behalf: Behalf
    prompt: str
    model: str
    usage: Usage
    cost: int
    outcome: str
    took_ms: int
    at: datetime

    @property
    def spent(self) -> Spent:
        return Spent(self.usage.total, self.cost)


class UsageStore:
    def __init__(self, sessions: Sessions, limits: Limits) -> None:
        self._sessions = sessions
        self._limits = limits

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        """It comes to its end, and nobody waits for it: the answer is there and paid for, and the database may be busy."""
        self._sessions.aside(_logged(work))

    async def spent(self, of: Sequence[Scope]) -> Mapping[Scope, Spent]:
        """All of them; of what nobody has spent, nothing."""
        # Row by row: SQLite reads the whole table for rows that are `in` a list.
        wanted = or_(false(), *(and_(*row_of(scope)) for scope in of))
        async with self._sessions() as session:
            rows = await session.execute(select(t.model_spent).where(wanted))
            found = {Scope(row.limit, row.of, row.period): Spent(row.tokens, row.cost) for row in rows}
        return {scope: found.get(scope, NOTHING) for scope in of}

    async def record(self, use: Use) -> None:
        """The call, its sums, and which percentages these reach now. It is short, and goes before turns that are saved."""
        async with self._sessions.begin(urgent=True) as session:
            await session.execute(
                insert(t.model_use).values(
                    id=new_id(),
                    at=use.at,
                    turn_id=use.behalf.turn,
                    conversation_id=use.behalf.conversation,
                    person_id=use.behalf.person,
                    specialist=use.behalf.specialist,
                    prompt=use.prompt,
                    model=use.model,
                    input_tokens=use.usage.input,
                    output_tokens=use.usage.output,
                    cache_read_tokens=use.usage.cache_read,
                    cache_written_tokens=use.usage.cache_written,
                    cost=use.cost,
                    outcome=use.outcome,
                    took_ms=use.took_ms,
                )
            )
            if use.spent != NOTHING:
                await self._add(session, use)

    async def refused(self, full: Sequence[Scope], at: datetime) -> None:
        """A call did not fit into what is left of these: whoever is over a limit is not served by it, so it counts as all used."""
        s = t.model_spent.c
        async with self._sessions.begin() as session:
            for scope in full:
                fresh = {"limit": scope.limit, "of": scope.of, "period": scope.period, "tokens": 0, "cost": 0, "reached": 0, "told": 0}
                adding = insert_into(session, t.model_spent).values(**fresh, against="", at=at)
                there = adding.on_conflict_do_update(index_elements=[s.limit, s.of, s.period], set_={"at": at}).returning(t.model_spent)
                row = (await session.execute(there)).one()
                same = row.against == self._against(scope)
                if not same or row.reached < FULL:
                    await self._reach(session, scope, FULL, row.told if same else 0)

    async def _add(self, session: AsyncSession, use: Use) -> None:
        """In the order of `scopes`, so that two processes never wait for each other."""
        s = t.model_spent.c
        fresh = {"tokens": use.spent.tokens, "cost": use.spent.cost, "reached": 0, "told": 0, "against": "", "at": use.at}
        rows = [{"limit": scope.limit, "of": scope.of, "period": scope.period, **fresh} for scope in scopes(use.behalf, use.at)]
        adding = insert_into(session, t.model_spent).values(rows)
        sums = {"tokens": s.tokens + adding.excluded.tokens, "cost": s.cost + adding.excluded.cost, "at": adding.excluded.at}
        added = adding.on_conflict_do_update(index_elements=[s.limit, s.of, s.period], set_=sums).returning(t.model_spent)
        for row in (await session.execute(added)).all():
            scope, spent = Scope(row.limit, row.of, row.period), Spent(row.tokens, row.cost)
            now = level(spent, self._limits.of(scope.limit))
            # Of a limit that was changed since, everything is told anew.
            before = row.reached if row.against == self._against(scope) else 0
            if now > before or before < row.reached:
                await self._reach(session, scope, now, min(row.told, before))

    async def _reach(self, session: AsyncSession, scope: Scope, percent: int, told: int) -> None:
        now_told = told if scope.limit in TOLD else percent
        row = update(t.model_spent).where(*row_of(scope))
        await session.execute(row.values(reached=percent, told=now_told, against=self._against(scope)))
        log.warning("model_limit_reached", limit=scope.limit, of=scope.of, period=scope.period, percent=percent)

    def _against(self, scope: Scope) -> str:
        limit = self._limits.of(scope.limit)
        return f"{limit.tokens}, {limit.money}"


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("model_use_not_recorded")


class Budget:
    """What may still be spent. Holds are this process's: another one may go over a limit by what it has under way at that moment."""

    def __init__(self, store: UsageStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._held: dict[Scope, Spent] = {}
        self._deciding = asyncio.Lock()
        self._full: Recent[Scope, None] = Recent(REMEMBERED)
        """Of which it was noted that nothing more fits."""

    async def hold(self, of: Sequence[Scope], wanted: Spent, at: datetime) -> None:
        """Keeps so much of each from everybody else. Raises Refused("budget_spent")."""
        async with self._deciding:
            # Taken before the sums are read: what is recorded and let go meanwhile then counts twice and not never.
            held = {scope: self._held.get(scope, NOTHING) for scope in of}
            totals = await self._store.spent(of)
            full = over({scope: totals[scope] + held[scope] for scope in of}, wanted, self._limits)
            if not full:
                for scope in of:
                    self._held[scope] = self._held.get(scope, NOTHING) + wanted
                return
        # What is only held may come back; where little is spent it was this call that was too large; and it is said once.
        alone = over({scope: totals[scope] for scope in full}, wanted, self._limits)
        used_up = [scope for scope in alone if level(totals[scope], self._limits.of(scope.limit)) >= NEAR]
        if news := [scope for scope in used_up if scope not in self._full]:
            self._full.update(dict.fromkeys(news))
            self._store.aside(self._store.refused(news, at))
        log.info("model_budget_spent", limits=[scope.limit for scope in full], of=[scope.of for scope in full])
        raise Refused("budget_spent", ", ".join(scope.limit for scope in full))

    def let_go(self, of: Sequence[Scope], wanted: Spent) -> None:
        for scope in of:
            held = self._held[scope]
            left = Spent(held.tokens - wanted.tokens, held.cost - wanted.cost)
            if left == NOTHING:
                del self._held[scope]
            else:
                self._held[scope] = left


def row_of(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    s = t.model_spent.c
    return (s.limit == scope.limit, s.of == scope.of, s.period == scope.period)


async def forget_old_use(session: AsyncSession, now: datetime) -> None:
    """Calls and sums that nobody compares with any more."""
    s = t.model_spent.c
    await session.execute(delete(t.model_use).where(t.model_use.c.at < now - KEPT))
    await session.execute(delete(t.model_spent).where(s.at < now - KEPT))
    await session.execute(delete(t.model_spent).where(s.at < now - TURNS_KEPT, s.limit == "turn"))
