"""The guarded model: what is asked, what is refused without asking, and what is remembered of it."""

import asyncio
from typing import Any

import pytest

from bot.database import Sessions
from bot.language.budgets import estimate
from bot.language.settings import ModelSettings
from bot.language.usage import Use
from bot.metrics import Metrics
from connectors.calling.breaker import FAILURES, OPEN
from connectors.errors import ConnectorError, Refused, Retry
from connectors.memory.language import ScriptedModel
from connectors.ports.language import Ask, Behalf, Completion, Unusable, Usage, Watch
from tests.bot.language.asking import DANA, NOW, Ticking, ask, guarded, parrot, rows, sums

SETTINGS = ModelSettings()
READ = estimate(ask(), SETTINGS.price("small")).tokens - ask().max_tokens
"""Tokens that are taken to be read where nobody says how many were."""


def broken_off(error: ConnectorError, used: Usage) -> ConnectorError:
    """As what breaks in the midst of a message is raised."""
    error.__cause__ = Unusable("cut", model="claude-haiku-5-5", usage=used)
    return error


class Counting(ScriptedModel):
    """Uses what it is told to."""

    def __init__(self, usage: Usage) -> None:
        super().__init__(parrot)
        self._use = usage

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        done = await super().complete(ask, watch=watch)
        return Completion(done.result, "claude-haiku-5-5", self._use)


async def test_a_call_is_recorded_with_all_it_counts_for(sessions: Sessions) -> None:
    model = guarded(sessions, inner=Counting(Usage(input=1000, output=100, cache_read=20_000, cache_written=8)))
    done = await model.complete(ask())
    assert done.result == {"said": "My mail doesn't open."}
    (row,) = await rows(sessions)
    assert (row.turn_id, row.conversation_id, row.person_id, row.specialist) == ("turn-1", "conversation-1", "dana", "it_service_desk")
    assert (row.prompt, row.model, row.outcome, row.at) == ("test-1", "claude-haiku-5-5", "ok", NOW)
    assert (row.input_tokens, row.output_tokens, row.cache_read_tokens, row.cache_written_tokens) == (1000, 100, 20_000, 8)
    assert row.cost == 1000 * 0.10 + 100 * 0.50 + 20_000 * 0.01 + 8 * 0.125
    found = await sums(sessions)
    assert {(one.limit, one.of, one.period) for one in found.values()} == {
        ("turn", "turn-1", ""),
        ("conversation", "conversation-1", ""),
        ("person_day", "dana", "2026-11-21"),
        ("specialist_month", "it_service_desk", "2026-11"),
    }
    assert {(one.tokens, one.cost) for one in found.values()} == {(21_108, row.cost)}


async def test_nobody_waits_for_nobodys_budget(kept: Sessions) -> None:
    await guarded(kept).complete(ask(behalf=Behalf()))
    assert {limit: row.of for limit, row in (await sums(kept)).items()} == {"specialist_month": "front_door"}


@pytest.mark.parametrize(
    ("error", "outcome", "spent"),
    [
        (Unusable("malformed", usage=Usage(input=50, output=7), model="claude-haiku-5-5"), "malformed", 57),
        (broken_off(Retry("overloaded"), Usage(input=50, output=7)), "overloaded", 57),
        (broken_off(Refused("not_authorised"), Usage(input=50, output=7)), "not_authorised", 57),
        (Unusable("late", usage=Usage(cache_read=50, output=7), model="claude-haiku-5-5"), "late", 57),
        (Unusable("late", model="claude-haiku-5-5"), "late", READ),
        (Unusable("cut", model="claude-haiku-5-5"), "cut", READ),
        (Retry("overloaded"), "overloaded", 0),
        (Refused("bad_request"), "bad_request", 0),
        (ValueError("a bug"), "broken", 0),
    ],
)
async def test_an_error_is_recorded_with_what_it_cost(kept: Sessions, error: Exception, outcome: str, spent: int) -> None:
    model = guarded(kept, lambda _: error)
    with pytest.raises(type(error)):
        await model.complete(ask())
    (row,) = await rows(kept)
    assert (row.outcome, row.input_tokens + row.output_tokens + row.cache_read_tokens) == (outcome, spent)
    assert (await sums(kept)).get("turn") is None if spent == 0 else (await sums(kept))["turn"].tokens == spent
    assert model._budget._held == {}


async def test_after_five_failures_nobody_is_asked_and_one_success_closes(kept: Sessions) -> None:
    clock, broken = Ticking(), True
    inner = ScriptedModel(lambda asked: Retry("unreachable") if broken else parrot(asked))
    metrics = Metrics()
    model = guarded(kept, inner=inner, monotonic=clock, metrics=metrics)
    for _ in range(FAILURES):
        assert b'foyer_model_open{size="small"} 1.0' in metrics.text()
        with pytest.raises(Retry, match="unreachable"):
            await model.complete(ask())
    with pytest.raises(Retry, match="breaker_open") as refused:
        await model.complete(ask())
    assert b'foyer_model_open{size="small"} 0.0' in metrics.text()
    assert b'foyer_model_calls_total{outcome="unreachable",size="small"} 5.0' in metrics.text()
    assert refused.value.after == OPEN
    assert len(inner.asked) == FAILURES
    clock.now += OPEN
    broken = False
    await model.complete(ask())
    await model.complete(ask())


async def test_a_large_model_that_fails_leaves_the_small_one_alone(kept: Sessions) -> None:
    model = guarded(kept, lambda asked: Retry("unreachable") if asked.size == "large" else parrot(asked))
    for _ in range(FAILURES + 1):
        with pytest.raises(Retry):
            await model.complete(ask(size="large"))
    assert (await model.complete(ask(size="small"))).result


async def test_a_probe_that_no_budget_is_left_for_lets_the_next_one_probe(kept: Sessions) -> None:
    clock, broken = Ticking(), True
    limits = {"limits": {"person_day": {"tokens": 10_000}}}
    model = guarded(kept, lambda asked: Retry("unreachable") if broken else parrot(asked), limits, monotonic=clock)
    for _ in range(FAILURES):
        with pytest.raises(Retry):
            await model.complete(ask())
    clock.now, broken = clock.now + OPEN, False
    with pytest.raises(Refused, match="budget_spent"):
        await model.complete(ask("word " * 10_000))
    await model.complete(ask())


class Hanging(ScriptedModel):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__(parrot)
        self.begun, self.go_on = asyncio.Semaphore(0), asyncio.Event()

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        self.begun.release()
        await self.go_on.wait()
        return await super().complete(ask, watch=watch)


async def test_who_gives_up_has_spent_it_and_holds_nothing_any_more(kept: Sessions) -> None:
    inner = Hanging()
    model = guarded(kept, inner=inner)
    task = asyncio.create_task(model.complete(ask()))
    await inner.begun.acquire()
    assert model._budget._held
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (row,) = await rows(kept)
    assert row.outcome == "cancelled"
    assert row.input_tokens == READ
    assert row.cost == SETTINGS.price("small").most(READ, 0), "it may have been written to the cache"
    assert model._budget._held == {}


async def test_what_was_seen_of_a_result_that_nobody_waits_for_any_more_counts(kept: Sessions) -> None:
    model, half = guarded(kept, inner=ScriptedModel(parrot, pieces=2, pause=30.0)), asyncio.Event()

    async def watch(_: object) -> None:
        half.set()

    task = asyncio.create_task(model.complete(ask("word " * 60), watch=watch))
    await half.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (row,) = await rows(kept)
    assert 30 < row.output_tokens < 120
    assert row.cost == SETTINGS.price("small").most(row.input_tokens, row.output_tokens)


@pytest.mark.parametrize(("seconds", "opens"), [(0.3, False), (1.5, True)])
async def test_a_call_that_had_hardly_any_time_tells_nothing_of_the_model(kept: Sessions, seconds: float, opens: bool) -> None:
    model = guarded(kept, lambda _: Unusable("late"))
    for _ in range(FAILURES):
        with pytest.raises(Unusable, match="late"):
            await model.complete(ask(first=seconds, within=seconds))
    assert model.breakers["small"].is_open is opens


async def test_a_probe_that_had_hardly_any_time_lets_the_next_one_probe(kept: Sessions) -> None:
    clock, error = Ticking(), Unusable("late")
    model = guarded(kept, lambda asked: error if asked.first < 1 or clock.now < 1010 else parrot(asked), monotonic=clock)
    for _ in range(FAILURES):
        with pytest.raises(Unusable):
            await model.complete(ask())
    clock.now += OPEN
    with pytest.raises(Unusable, match="late"):
        await model.complete(ask(first=0.3))
    await model.complete(ask())
    assert not model.breakers["small"].is_open


async def test_an_adapter_that_breaks_its_promise_is_not_asked_for_ever(kept: Sessions) -> None:
    inner = ScriptedModel(lambda _: TypeError("a bug"))
    model = guarded(kept, inner=inner)
    for _ in range(FAILURES):
        with pytest.raises(TypeError):
            await model.complete(ask())
    with pytest.raises(Retry, match="breaker_open"):
        await model.complete(ask())
    assert len(inner.asked) == FAILURES


async def test_a_placeholder_beyond_all_numbers_holds_nothing(kept: Sessions) -> None:
    said = f"[email {'9' * 5000}]"
    model = guarded(kept, lambda _: {"said": said})
    assert (await model.complete(ask())).result == {"said": said}
    assert [row.outcome for row in await rows(kept)] == ["ok"]
    assert model._budget._held == {}


async def test_nobody_waits_for_the_record(kept: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    model, free = guarded(kept), asyncio.Event()
    record = model._store.record

    async def busy(use: Use) -> None:
        await free.wait()
        await record(use)

    monkeypatch.setattr(model._store, "record", busy)
    async with asyncio.timeout(20):
        assert (await model.complete(ask())).result
    assert model._budget._held, "until it is recorded"
    free.set()
    assert [row.outcome for row in await rows(kept)] == ["ok"]
    assert model._budget._held == {}


async def test_one_call_that_is_too_large_uses_nothing_up(kept: Sessions) -> None:
    model = guarded(kept, inner=Counting(Usage(input=8000)), given={"limits": {"person_day": {"tokens": 20_000}}})
    reached = []
    for content in ("word 123456 " * 2500, "", ""):
        if content:
            with pytest.raises(Refused, match="budget_spent"):
                await model.complete(ask(content))
        else:
            await model.complete(ask())
        day = (await sums(kept)).get("person_day")
        reached.append(day.reached if day is not None else None)
    assert reached == [None, 0, 80]
    with pytest.raises(Refused, match="budget_spent"):
        await model.complete(ask("word 123456 " * 2500))
    assert (await sums(kept))["person_day"].reached == 100, "little is left, and it was not enough"


@pytest.mark.parametrize(("waited", "opens"), [(1.5, True), (0.2, False)])
async def test_to_be_given_up_after_a_wait_is_a_failure_of_the_model(kept: Sessions, waited: float, opens: bool) -> None:
    clock, inner = Ticking(), Hanging()
    model = guarded(kept, inner=inner, monotonic=clock)
    for _ in range(FAILURES):
        task = asyncio.create_task(model.complete(ask()))
        await inner.begun.acquire()
        clock.now += waited
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert model.breakers["small"].is_open is opens


async def test_calls_at_the_same_time_never_go_over_a_limit_together(kept: Sessions) -> None:
    one = estimate(ask(max_tokens=200), SETTINGS.price("small")).tokens
    inner = Hanging()
    model = guarded(kept, inner=inner, given={"limits": {"person_day": {"tokens": 3 * one + one // 2}}})
    tasks = [asyncio.create_task(model.complete(ask(max_tokens=200))) for _ in range(10)]
    for _ in range(3):
        await inner.begun.acquire()
    while sum(task.done() for task in tasks) < 7:
        await asyncio.sleep(0.01)
    assert len(inner.asked) == 0
    inner.go_on.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, Completion) for one in done) == 3
    assert {one.code for one in done if isinstance(one, ConnectorError)} == {"budget_spent"}


class Greedy(ScriptedModel):
    """Uses all that may be used."""

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        await asyncio.sleep(0)
        done = await super().complete(ask, watch=watch)
        most = estimate(ask, SETTINGS.price(ask.size)).tokens
        return Completion(done.result, done.model, Usage(cache_written=most - ask.max_tokens, output=ask.max_tokens))


@pytest.mark.parametrize("limit", [{"tokens": 20_000}, {"money": 0.004}])
async def test_at_the_edge_nothing_goes_over_whatever_the_order(sessions: Sessions, limit: dict[str, Any]) -> None:
    """Sixty calls of several sizes, eight at a time, for two people and one specialist: some fit into what is left, and most don't."""
    model = guarded(
        sessions, inner=Greedy(parrot), given={"limits": {"person_day": limit, "turn": {}, "specialist_month": {"tokens": 35_000}}}
    )
    at_once = asyncio.Semaphore(8)

    async def call(n: int) -> str:
        behalf = Behalf(f"turn-{n}", None, ("dana", "omar")[n % 2], "people")
        async with at_once:
            try:
                await model.complete(ask("word " * (7 * n % 50), behalf, max_tokens=100 + 300 * (n % 4)))
            except Refused:
                return "refused"
            return "done"

    outcomes = await asyncio.gather(*(call(n) for n in range(60)))
    assert {"refused", "done"} == set(outcomes)
    totals = {}
    for row in await rows(sessions):
        for of in (row.person_id, row.specialist):
            tokens, cost = totals.get(of, (0, 0))
            spent = row.input_tokens + row.output_tokens + row.cache_read_tokens + row.cache_written_tokens
            totals[of] = (tokens + spent, cost + row.cost)
    for person in ("dana", "omar"):
        tokens, cost = totals[person]
        assert tokens <= limit.get("tokens", tokens)
        assert cost <= limit.get("money", cost) * 1_000_000
    assert totals["people"][0] <= 35_000
    assert max(totals["dana"][0], totals["omar"][0]) > 10_000
    assert model._budget._held == {}


async def test_what_cannot_be_recorded_is_still_answered_and_stays_held(kept: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    model = guarded(kept)

    async def full(_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(model._store, "record", full)
    assert (await model.complete(ask())).result
    await kept.at_rest()
    assert {scope.limit for scope in model._budget._held} == {"turn", "conversation", "person_day", "specialist_month"}


async def test_a_result_is_restored_and_so_is_what_comes_of_it_piece_by_piece(kept: Sessions) -> None:
    inner = ScriptedModel(parrot, pieces=40)
    seen: list[str] = []

    async def watch(so_far: Any) -> None:
        seen.append(so_far.get("said", ""))

    said = "Write to people@acme.example or omar@acme.example, or call +49 30 1234567."
    done = await guarded(kept, inner=inner).complete(ask(said), watch=watch)
    assert done.result == {"said": said}
    assert "@" not in inner.asked[0].content
    assert "1234567" not in inner.asked[0].content
    assert all(said.startswith(one) for one in seen)
    assert seen[-1] == said


async def test_a_watcher_that_breaks_is_not_the_models_fault(kept: Sessions) -> None:
    model = guarded(kept)

    async def watch(_: object) -> None:
        raise Retry("chat_unreachable")

    for _ in range(FAILURES):
        with pytest.raises(Retry, match="chat_unreachable"):
            await model.complete(ask(), watch=watch)
    assert not model.breakers["small"].is_open
    assert {row.outcome for row in await rows(kept)} == {"broken"}


async def test_nobodys_id_is_in_what_the_model_reads(kept: Sessions) -> None:
    inner = ScriptedModel(parrot)
    await guarded(kept, inner=inner).complete(ask("Hello", stable="skills: unlock"))
    (asked,) = inner.asked
    for one in (DANA.turn, DANA.conversation, DANA.person):
        assert one not in asked.content + asked.stable + asked.prompt.text


async def test_what_no_more_fits_the_shape_when_it_is_restored_is_unusable(kept: Sessions) -> None:
    shape = {**ask().shape, "properties": {"said": {"type": "string", "maxLength": 12}}}
    asked = Ask(ask().prompt, "small", "somebody.with.a.long.name@acme.example", shape, DANA)
    with pytest.raises(Unusable, match="schema"):
        await guarded(kept).complete(asked)
    assert [row.outcome for row in await rows(kept)] == ["schema"]


async def test_counting_hides_the_same(kept: Sessions) -> None:
    inner = ScriptedModel(parrot)
    assert await guarded(kept, inner=inner).count(ask("dana@acme.example")) == await inner.count(ask("[email 1]"))
