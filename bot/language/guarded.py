"""The language model that everything assisted gets: the real one, behind a breaker, budgets and redaction, and with a record of its use.

Nothing here decides what is done with what it says. Whatever is refused here costs nothing, and the offline twin of whoever asked serves.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from bot.database import Sessions
from bot.language.breaker import Breaker, Entry, verdict
from bot.language.budgets import Scope, Spent, estimate, scopes
from bot.language.redaction import Redactor, Restore, words_of
from bot.language.settings import ModelSettings
from bot.language.usage import OK, Budget, UsageStore, Use
from connectors.errors import ConnectorError, Retry
from connectors.ports.language import Ask, Completion, LanguageModel, Size, Unusable, Usage, Watch
from connectors.ports.records import Clock, utcnow

log = structlog.get_logger()
WAITED = 0.5
"""Of the time within which something should have come: whoever gave up after that was kept waiting, and did not change their mind."""
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
            self._judge(call, Retry("given_up") if kept_waiting else None)
            # How far it came is not known, that it was read is likely.
            await self._end(call, "cancelled", Usage(input=call.held.tokens - ask.max_tokens))
            raise
        except Exception as error:
            of_model = isinstance(error, ConnectorError) and (watched is None or error is not watched.broke)
            self._judge(call, error if of_model and isinstance(error, ConnectorError) else None)
            usage = error.usage if isinstance(error, Unusable) else Usage()
            outcome = error.code if of_model and isinstance(error, ConnectorError) else "broken"
            await self._end(call, outcome, usage, error.model if isinstance(error, Unusable) else "")
            raise
        self.breakers[ask.size].succeeded(entry)
        result = restore(done.result)
        fits = ask.accepts(result)
        await self._end(call, OK if fits else "schema", done.usage, done.model)
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

    def _judge(self, call: _Call, error: ConnectorError | None) -> None:
        """None: what came of it says nothing of the model."""
        breaker, now = self.breakers[call.ask.size], self._monotonic()
        if error is None:
            breaker.left(call.entry)
            return
        was_open = breaker.is_open
        verdict(breaker, call.entry, error, now)
        if breaker.is_open and not was_open:
            log.warning("model_breaker_open", size=call.ask.size, code=error.code, seconds=round(breaker.wait(now), 1))

    async def _end(self, call: _Call, outcome: str, usage: Usage, model: str = "") -> None:
        """Records it. What cannot be recorded stays held: it is spent."""
        took = round((self._monotonic() - call.began) * 1000)
        model = model or self._inner.name(call.ask.size)
        cost = self._settings.price(call.ask.size).of(usage)
        use = Use(call.ask.behalf, call.ask.prompt.id, model, usage, cost, outcome[:20], took, call.at)
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
        await self._store.in_peace(self._record(call, use))

    async def _record(self, call: _Call, use: Use) -> None:
        try:
            await self._store.record(use)
        except Exception:  # the answer is there and paid for: whoever waits gets it
            log.exception("model_use_not_recorded", prompt=use.prompt)
        else:
            self._budget.let_go(call.scopes, call.held)


class _Watched:
    """Passes on what has come so far, with what was hidden put back. What breaks in there is not the model's fault."""

    def __init__(self, watch: Watch, restore: Restore) -> None:
        self._watch = watch
        self._restore = restore
        self.saw = False
        self.broke: Exception | None = None

    async def __call__(self, so_far: Mapping[str, Any]) -> None:
        self.saw = True
        try:
            await self._watch(self._restore(so_far, partial=True))
        except Exception as error:
            self.broke = error
            raise
