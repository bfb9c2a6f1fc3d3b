"""Every call of a system goes through here: bounded in time, repeated where that does no harm, not made at all while the system is down,
and told to the log, the metrics and whoever records.

So connectors neither retry nor break: they raise the error that says what happened, once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, NoReturn, Protocol, get_type_hints

import structlog

from connectors.calling.breaker import Breaker, Entry
from connectors.calling.codes import BREAKER_OPEN, BUSY, DOWN, FOR_OPERATOR, LOCKED_OUT, cause
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ports.calls import Call, CallRules, record
from connectors.ports.systems import Effect

log = structlog.get_logger()

PROBED: Final = 1.0
"""Seconds that whoever comes while another one tries the system again is asked to wait."""
LEAST_PAUSE: Final = 0.1
"""Seconds for a system that wants to be left alone and does not say for how long."""
MOST_PAUSE: Final = 3600.0

Operation = Callable[..., Awaitable[Any]]


class Watch(Protocol):
    """What the metrics hear of calls."""

    def called(self, connector: str, operation: str, came_to: str, seconds: float) -> None: ...

    def watch_connector(self, connector: str, called: Callable[[], bool]) -> None:
        """`called`: whether this system is called now, which it is not while its breaker is open."""


class Guard:
    """Of one connector instance, for all its ports. `rules` None: it lives in this process, and its calls are only recorded."""

    def __init__(
        self,
        name: str,
        rules: CallRules | None,
        *,
        watch: Watch | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.breaker = Breaker()
        self._rules = rules
        self._watch = watch
        self._monotonic = monotonic
        self._sleep = sleep
        self._because = ""
        """The code that opened the breaker."""
        self._pausing = 0.0
        """Until when the system wants to be left alone."""
        if watch is not None and rules is not None:
            watch.watch_connector(name, lambda: not self.breaker.is_open)

    def port(self, port: str, protocol: type, inner: object, local: Collection[str] = ()) -> Any:
        """`inner` as a port of that protocol: its operations and nothing else. `local`: those that need no system."""
        return _Port(port, {name: self._guarded(port, protocol, name, inner, name in local) for name in operations(protocol)})

    @property
    def closed_to(self) -> str | None:
        """The code of what keeps calls from being made now; None when they are made."""
        return self._because if self.breaker.is_open else None

    def _guarded(self, port: str, protocol: type, name: str, inner: object, local: bool) -> Operation:
        operation, changes = f"{port}.{name}", changing(protocol, name)
        made: Operation = getattr(inner, name)
        rules = None if local else self._rules

        async def call(*args: Any, **kwargs: Any) -> Any:
            began, tries, came_to, reference = self._monotonic(), 0, "cancelled", None
            try:
                while True:
                    tries += 1
                    try:
                        with structlog.contextvars.bound_contextvars(connector=self.name):
                            result = await (self._once(rules, made, changes, args, kwargs) if rules is not None else made(*args, **kwargs))
                    except Retry as error:
                        wait = self._wait(rules, error, tries, self._monotonic() - began) if rules is not None and not changes else None
                        if wait is None:
                            raise
                        await self._sleep(wait)
                        continue
                    if isinstance(result, Effect):
                        reference, came_to = result.reference, "changed" if result.changed else "unchanged"
                    else:
                        came_to = "read"
                    return result
            except ConnectorError as error:
                came_to = error.code
                if self._own(error):
                    self._told(operation, error, tries)
                raise
            except Exception as error:
                came_to = "broken"
                log.error("outside_call_broke", connector=self.name, operation=operation, error=type(error).__name__)
                raise
            finally:
                took = self._monotonic() - began
                record(Call(self.name, operation, came_to, round(1000 * took), tries, reference))
                if self._watch is not None:
                    self._watch.called(self.name, operation, came_to, took)

        return call

    async def _once(self, rules: CallRules, made: Operation, changes: bool, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        entry = self._enter()
        try:
            try:
                async with asyncio.timeout(rules.timeout) as limit:
                    result = await made(*args, **kwargs)
            except TimeoutError as error:
                if not limit.expired():
                    raise
                detail = f"no answer within {rules.timeout:g} s"
                raise (OutcomeUnknown if changes else Retry)("timeout", detail) from error
        except ConnectorError as error:
            if self._own(error):
                self._judge(entry, error)
            else:
                self.breaker.left(entry)
            raise
        except BaseException:
            # Given up from outside, or broken in here: that says nothing of the system.
            self.breaker.left(entry)
            raise
        self._spoke(entry)
        return result

    def _own(self, error: ConnectorError) -> bool:
        """Whether it says something of this system: a connector may ask another one too, as the directory whom an account belongs to."""
        error.connector = error.connector or self.name
        return error.connector == self.name

    def _enter(self) -> Entry:
        now = self._monotonic()
        if now < self._pausing:
            raise Retry("rate_limited", after=self._pausing - now)
        entry = self.breaker.enter(now)
        if entry is None:
            raise Retry(BREAKER_OPEN, self._because, after=self.breaker.wait(now) or PROBED)
        return entry

    def _wait(self, rules: CallRules, error: Retry, tries: int, elapsed: float) -> float | None:
        """Seconds before a read is tried again; None when whoever asked decides. A try that took its whole time is not repeated."""
        if error.code not in DOWN or not self._own(error) or error.after is not None or tries > rules.retries or self.breaker.is_open:
            return None
        wait = rules.wait * 2.0 ** (tries - 1)
        return wait if elapsed + wait < rules.timeout else None

    def _judge(self, entry: Entry, error: ConnectorError) -> None:
        now = self._monotonic()
        if error.code == "rate_limited":
            asked = error.after if isinstance(error, Retry) and error.after is not None else LEAST_PAUSE
            self._pausing = max(self._pausing, now + min(asked, MOST_PAUSE))
        if error.code == BUSY:
            self.breaker.left(entry)
            return
        if error.code not in DOWN | LOCKED_OUT:
            self._spoke(entry)
            return
        was_open = self.breaker.is_open
        self.breaker.failed(entry, now, at_once=error.code in LOCKED_OUT)
        if self.breaker.is_open:
            self._because = error.code
        if self.breaker.is_open and not was_open:
            log.warning("outside_no_longer_called", connector=self.name, code=error.code, seconds=round(self.breaker.wait(now), 1))

    def _spoke(self, entry: Entry) -> None:
        """It answered, whatever it said: what was broken before is over."""
        was_open = self.breaker.is_open
        self.breaker.succeeded(entry)
        if was_open and not self.breaker.is_open:
            log.info("outside_called_again", connector=self.name)

    def _told(self, operation: str, error: ConnectorError, tries: int) -> None:
        if self._rules is None or error.code == BREAKER_OPEN:
            return  # that it is open was told once
        say = log.error if cause(error) in FOR_OPERATOR else log.warning
        unknown = isinstance(error, OutcomeUnknown)
        say(
            "outside_call_failed",
            connector=self.name,
            operation=operation,
            code=error.code,
            detail=error.detail,
            tries=tries,
            outcome="unknown" if unknown else "none",
        )


class _Port:
    """A port as everybody gets it. What its protocol does not have is not there."""

    __slots__ = ("_name", "_operations")

    def __init__(self, name: str, made: Mapping[str, Operation]) -> None:
        self._name = name
        self._operations = made

    def __getattr__(self, name: str) -> Operation:
        try:
            return self._operations[name]
        except KeyError:
            raise AttributeError(f"the port {self._name} has no {name}") from None


class Unserved:
    """A port that no connector serves: whatever is asked of it is refused. For what was begun while one did."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Operation:
        if name.startswith("_"):
            raise AttributeError(name)

        async def call(*args: Any, **kwargs: Any) -> NoReturn:
            raise Refused("not_served", f"foyer.yaml: no connector serves {self._name}")

        return call


def operations(protocol: type) -> tuple[str, ...]:
    return tuple(name for name, made in vars(protocol).items() if not name.startswith("_") and callable(made))


def changing(protocol: type, operation: str) -> bool:
    """Whether the operation has an effect: then it is never repeated here, and one that is given up may have had it."""
    return get_type_hints(getattr(protocol, operation)).get("return") is Effect
