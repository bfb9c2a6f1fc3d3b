"""The language model that everything assisted gets: the real one, behind a breaker, budgets and redaction, and with a record of its use.

Nothing here decides what is done with what it says. Whatever is refused here costs nothing, and the offline twin of whoever asked serves.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from bot.database import Sessions
from bot.language.breaker import verdict
from bot.language.budgets import Scope, Spent, estimate, scopes, tokens_of
from bot.language.redaction import Redactor, Restore, words_of
from bot.language.settings import ModelSettings
from bot.language.usage import OK, Budget, UsageStore, Use
from bot.metrics import Metrics
from connectors.calling.breaker import Breaker, Entry
from connectors.errors import ConnectorError, Retry
from connectors.ports.language import Ask, Completion, LanguageModel, Size, Unusable, Usage, Watch, telling
from connectors.ports.records import Clock, utcnow

log = structlog.get_logger()
WAITED = 0.5
"""Of the time within which something should have come: whoever gave up after that was kept waiting, and did not change their mind."""
FAIR = 1.0
"""Seconds: a call that had less tells nothing of the model when nothing comes, but of how late it was asked."""
Names = Callable[[str], Awaitable[frozenset[str]]]
"""The people whom a text names."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call under way, with what it holds until it is recorded."""

    ask: Ask
    entry: Entry
    scopes: tuple[Scope, ...]
    held: Spent
    at: datetime
    began: float


class Guarded:
    """Implements `connectors.ports.language.LanguageModel`.

    Raises what the model raises, and Retry("breaker_open", after=seconds) and Refused("budget_spent"), for which nobody was asked.
    """

    def __init__(
        self,
        inner: LanguageModel,
        sessions: Sessions,
        settings: ModelSettings,
        *,
        clock: Clock = utcnow,
        monotonic: Callable[[], float] = time.monotonic,
        redactor: Redactor | None = None,
        names: Names | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """`redactor`: by the settings when None; `names`: needed where the settings hide names."""
        self._inner = inner
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._redactor = redactor or Redactor(settings.redact)
        self._names = names if "names" in settings.redact else None
        self._store = UsageStore(sessions, settings.limits)
        self._budget = Budget(self._store, settings.limits)
        self.breakers: Mapping[Size, Breaker] = {"small": Breaker(), "large": Breaker()}
        self._metrics = metrics or Metrics()
        for size, breaker in self.breakers.items():
            self._metrics.watch_model(size, lambda breaker=breaker: not breaker.is_open)  # type: ignore[misc]

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        entry = self._enter(ask)
        try:
            hidden, restore = await self._hide(ask)
            call = await self._begin(hidden, entry)
        except BaseException:
            self.breakers[ask.size].left(entry)
            raise
        watched = _Watched(watch, restore) if watch is not None else None
        try:
            done = await self._inner.complete(hidden, watch=watched)
        except asyncio.CancelledError:
            kept_waiting = self._monotonic() - call.began >= WAITED * ask.first and not (watched and watched.saw)
            self._judge(call, "given_up" if kept_waiting else None)
            self._end_unknown(call, "cancelled", watched)
            raise
        except Exception as error:
            self._failed(call, error, watched)
            raise
        self.breakers[ask.size].succeeded(entry)
        fits = False
        try:
            result = restore(done.result)
            fits = ask.accepts(result)
        finally:
            self._end(call, OK if fits else "schema", done.usage, done.model)
        if not fits:
            raise Unusable("schema", "with what was hidden put back", model=done.model, usage=done.usage)
        return replace(done, result=result)

    async def count(self, ask: Ask) -> int:
        hidden, _ = await self._hide(ask)
        return await self._inner.count(hidden)

    def name(self, size: Size) -> str:
        return self._inner.name(size)

    def _enter(self, ask: Ask) -> Entry:
        now, breaker = self._monotonic(), self.breakers[ask.size]
        entry = breaker.enter(now)
        if entry is None:
            log.info("model_not_asked", prompt=ask.prompt.id, size=ask.size, seconds=round(breaker.wait(now), 1))
            raise Retry("breaker_open", after=breaker.wait(now))
        return entry

    async def _hide(self, ask: Ask) -> tuple[Ask, Restore]:
        """What is stable first: it has the same placeholders in every call, and stays in the model's cache."""
        named = frozenset[str]()
        if self._names is not None:
            named = await self._names(words_of(ask.stable)) | await self._names(words_of(ask.content))
        (stable, content), restore = self._redactor.hide((ask.stable, ask.content), named)
        return replace(ask, stable=stable, content=content), restore

    async def _begin(self, ask: Ask, entry: Entry) -> _Call:
        at = self._clock()
        of, wanted = scopes(ask.behalf, at), estimate(ask, self._settings.price(ask.size))
        await self._budget.hold(of, wanted, at)
        return _Call(ask, entry, of, wanted, at, self._monotonic())

    def _failed(self, call: _Call, error: Exception, watched: "_Watched | None") -> None:
        told = telling(error)
        if watched is not None and error is watched.broke:
            outcome = "broken"
            self._judge(call, None)
        elif isinstance(error, ConnectorError):
            outcome = error.code
            self._judge(call, error)
        else:
            # It promises not to: whatever it heard of the model, it could not make anything of it.
            outcome = "broken"
            self._judge(call, outcome)
        if told is not None and told.usage != Usage():
            self._end(call, outcome, told.usage, told.model)
        elif told is not None:
            self._end_unknown(call, outcome, watched)
        else:
            self._end(call, outcome, Usage())

    def _judge(self, call: _Call, error: ConnectorError | str | None) -> None:
        """`error`: or a code for it; None: what came of it says nothing of the model."""
        breaker, now = self.breakers[call.ask.size], self._monotonic()
        if isinstance(error, str):
            error = Retry(error)
        hurried = min(call.ask.first, call.ask.within) < FAIR
        if error is None or (hurried and error.code in ("late", "given_up")):
            breaker.left(call.entry)
            return
        was_open = breaker.is_open
        verdict(breaker, call.entry, error, now)
        if breaker.is_open and not was_open:
            log.warning("model_breaker_open", size=call.ask.size, code=error.code, seconds=round(breaker.wait(now), 1))

    def _end_unknown(self, call: _Call, outcome: str, watched: "_Watched | None") -> None:
        """What it used nobody told, but that it was read is likely: all that it was held for, and what was seen of the result."""
        read, said = call.held.tokens - call.ask.max_tokens, min(watched.said if watched else 0, call.ask.max_tokens)
        cost = self._settings.price(call.ask.size).most(read, said)
        self._end(call, outcome, Usage(input=read, output=said), cost=cost)

    def _end(self, call: _Call, outcome: str, usage: Usage, model: str = "", cost: int | None = None) -> None:
        """Records it, while whoever asked goes on. What cannot be recorded stays held: it is spent."""
        took = round((self._monotonic() - call.began) * 1000)
        model = model or self._inner.name(call.ask.size)
        if cost is None:
            cost = self._settings.price(call.ask.size).of(usage)
        use = Use(call.ask.behalf, call.ask.prompt.id, model, usage, cost, outcome[:20], took, call.at)
        self._metrics.model_asked(call.ask.size, use.outcome)
        log.info(
            "model_asked",
            prompt=use.prompt,
            model=model,
            outcome=use.outcome,
            ms=took,
            input=usage.input,
            output=usage.output,
            cache_read=usage.cache_read,
            cache_written=usage.cache_written,
        )
        self._store.aside(self._record(call, use))

    async def _record(self, call: _Call, use: Use) -> None:
        await self._store.record(use)
        self._budget.let_go(call.scopes, call.held)


class _Watched:
    """Passes on what has come so far, with what was hidden put back. What breaks in there is not the model's fault."""

    def __init__(self, watch: Watch, restore: Restore) -> None:
        self._watch = watch
        self._restore = restore
        self._so_far: Mapping[str, Any] | None = None
        self.broke: Exception | None = None

    @property
    def saw(self) -> bool:
        return self._so_far is not None

    @property
    def said(self) -> int:
        """Tokens, about."""
        return tokens_of(json.dumps(self._so_far, ensure_ascii=False)) if self._so_far is not None else 0

    async def __call__(self, so_far: Mapping[str, Any]) -> None:
        self._so_far = so_far
        try:
            await self._watch(self._restore(so_far, partial=True))
        except Exception as error:
            self.broke = error
            raise
