"""What is kept of the use of models: sums that two processes share, percentages, what is forgotten, and what the operator is shown."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from bot import tables as t
from bot.database import Sessions, connect
from bot.language.budgets import Scope, Spent, estimate, level, scopes, tokens_of
from bot.language.report import standing, used
from bot.language.settings import Limit, Limits, ModelSettings
from bot.language.usage import KEPT, TURNS_KEPT, UsageStore, Use, forget_old_use
from connectors.ports.language import Behalf, Usage
from tests.bot.language.asking import DANA, NOW, ask, sums


def use(tokens: int = 100, cost: int = 10, behalf: Behalf = DANA, **more: Any) -> Use:
    return Use(behalf, "test-1", "claude-haiku-5-5", Usage(input=tokens), cost, more.pop("outcome", "ok"), 12, more.pop("at", NOW))


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("unlock my account please", 6),
        ("アカウントのロックを解除してください", 18),
        ("खाता अनलॉक करें", 12),
        ("разблокируйте мою запись", 12),
        ("4" * 30, 30),
    ],
)
def test_tokens_are_rather_overestimated(text: str, least: int) -> None:
    assert tokens_of(text) >= least


def test_an_estimate_covers_what_is_read_and_all_that_may_be_said() -> None:
    price = ModelSettings().price("large")
    small, large = estimate(ask("word", max_tokens=10), price), estimate(ask("word" * 100, max_tokens=1000), price)
    assert large.tokens - small.tokens >= 990 + 99 * 4 / 3
    assert large.cost >= 1000 * 10 + (large.tokens - 1000) * 2.5


def test_days_and_months_are_those_of_utc() -> None:
    assert [scope.period for scope in scopes(DANA, NOW)] == ["", "", "2026-11-21", "2026-11"]


@pytest.mark.parametrize(
    ("spent", "percent"),
    [
        (Spent(799, 0), 0),
        (Spent(800, 0), 80),
        (Spent(0, 4_000_000), 80),
        (Spent(999, 4_999_999), 80),
        (Spent(1000, 0), 100),
        (Spent(0, 5_000_000), 100),
    ],
)
def test_a_percentage_is_that_of_tokens_or_money_whichever_is_further(spent: Spent, percent: int) -> None:
    assert level(spent, Limit.model_validate({"tokens": 1000, "money": 5})) == percent
    assert level(spent, Limit()) == 0


async def test_two_processes_keep_one_sum(migrated_url: str, sessions: Sessions) -> None:
    engine, others = connect(migrated_url)
    stores = [UsageStore(sessions, Limits()), UsageStore(others, Limits())]
    behalfs = [replace(DANA, person=person, turn=f"{person}-{n}") for n in range(10) for person in ("dana", "omar")]
    await asyncio.gather(*(stores[n % 2].record(use(behalf=behalf)) for n, behalf in enumerate(behalfs)))
    await engine.dispose()
    day = [Scope("person_day", person, "2026-11-21") for person in ("dana", "omar")]
    month = Scope("specialist_month", "it_service_desk", "2026-11")
    found = await stores[0].spent([*day, month])
    assert [found[scope] for scope in day] == [Spent(1000, 100)] * 2
    assert found[month] == Spent(2000, 200)


async def test_a_percentage_is_reached_once_and_again_when_the_limit_was_raised(kept: Sessions) -> None:
    limits = Limits.model_validate({"person_day": {"tokens": 1000}})
    store = UsageStore(kept, limits)
    reached = []
    for _ in range(10):
        await store.record(use(100))
        reached.append((await sums(kept))["person_day"].reached)
    assert reached == [0] * 7 + [80, 80, 100]
    raised = UsageStore(kept, Limits.model_validate({"person_day": {"tokens": 2000}}))
    await raised.record(use(100))
    row = (await sums(kept))["person_day"]
    assert (row.reached, row.told) == (0, 0)
    await raised.record(use(500))
    assert (await sums(kept))["person_day"].reached == 80


async def test_a_turns_percentage_waits_for_nobody(kept: Sessions) -> None:
    await UsageStore(kept, Limits.model_validate({"turn": {"tokens": 100}})).record(use(100))
    row = (await sums(kept))["turn"]
    assert (row.reached, row.told) == (100, 100)


async def test_a_limit_that_nothing_fits_into_any_more_is_all_used(kept: Sessions) -> None:
    limits = Limits.model_validate({"person_day": {"tokens": 1000}})
    store = UsageStore(kept, limits)
    await store.record(use(500))
    for _ in range(2):
        await store.refused([scope for scope in scopes(DANA, NOW) if scope.limit == "person_day"], NOW)
        await store.record(use(1))
        found = await sums(kept)
        assert {limit: row.reached for limit, row in found.items()} == {
            "turn": 0,
            "conversation": 0,
            "person_day": 100,
            "specialist_month": 0,
        }
        assert found["person_day"].told == 0


async def test_what_is_old_is_forgotten(sessions: Sessions) -> None:
    store = UsageStore(sessions, Limits())
    for age, turn in ((KEPT + timedelta(days=1), "ancient"), (TURNS_KEPT + timedelta(days=1), "old"), (timedelta(), "new")):
        await store.record(use(behalf=Behalf(turn=turn), at=NOW - age))
    async with sessions.begin() as session:
        await forget_old_use(session, NOW)
    async with sessions() as session:
        assert (await session.execute(select(func.count()).select_from(t.model_use))).scalar_one() == 2
        assert set((await session.execute(select(t.model_spent.c.of).where(t.model_spent.c.limit == "turn"))).scalars()) == {"new"}


async def test_use_is_summed_by_what_is_asked_for(sessions: Sessions) -> None:
    store = UsageStore(sessions, Limits())
    cached = replace(use(cost=30), usage=Usage(input=10, output=5, cache_read=80, cache_written=10), at=NOW - timedelta(days=1))
    omar = replace(DANA, person="omar")
    for one in (cached, use(), use(cost=5, behalf=omar, outcome="late"), use(0, 0, omar, outcome="late"), use(at=NOW - timedelta(days=9))):
        await store.record(one)
    since = NOW - timedelta(days=2)
    dana, other = await used(sessions, "person", since)
    assert (dana.key, dana.calls, dana.usage, dana.cost, dana.failures) == ("dana", 2, Usage(110, 5, 80, 10), 40, {})
    assert dana.from_cache == 0.4
    assert (other.key, other.calls, other.cost, other.failures) == ("omar", 2, 5, {"late": 2})
    assert [one.key for one in await used(sessions, "day", since)] == ["2026-11-20", "2026-11-21"]
    for by in ("conversation", "specialist", "model", "prompt"):
        assert [one.calls for one in await used(sessions, by, since)] == [4]  # type: ignore[arg-type]


async def test_limits_are_shown_the_fullest_first(kept: Sessions) -> None:
    limits = Limits.model_validate({"person_day": {"tokens": 1000}, "conversation": {"tokens": 500}, "turn": {}})
    store = UsageStore(kept, limits)
    await store.record(use(400))
    await store.record(use(300, behalf=replace(DANA, person="omar", conversation="c-2")))
    await store.record(use(999, behalf=Behalf(person="kim"), at=NOW - timedelta(days=1)))
    found = [(one.scope.of, one.share) for one in await standing(kept, limits, NOW)][:4]
    assert found == [("conversation-1", 0.8), ("c-2", 0.6), ("dana", 0.4), ("omar", 0.3)]
