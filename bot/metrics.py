"""Prometheus metrics of this process. No label names a person."""

import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from specialists.request import EventKind, RequestEvent


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._turns = Histogram(
            "foyer_turn_seconds",
            "From the start of a turn to its commit.",
            buckets=(0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 0.5, 1, 2, 5),
            registry=self.registry,
        )
        self._events = Counter("foyer_request_events", "What happened to requests.", ["kind"], registry=self.registry)
        self._resolutions = Counter("foyer_resolutions", "Requests by how they were resolved.", ["how"], registry=self.registry)
        self.waiting = Gauge("foyer_waiting", "Rows that wait: inbox, outbox, held for quiet hours.", ["queue"], registry=self.registry)

        self._calls = Counter(
            "foyer_model_calls", "Calls of a language model, by their outcome.", ["size", "outcome"], registry=self.registry
        )
        self._open = Gauge(
            "foyer_model_open", "Whether a language model is asked; 0 while its breaker is open.", ["size"], registry=self.registry
        )

        self._outside = Counter(
            "foyer_outside_calls", "Calls of systems, by what came of them.", ["connector", "operation", "came_to"], registry=self.registry
        )
        self._outside_seconds = Histogram(
            "foyer_outside_seconds",
            "Calls of systems, all their tries together.",
            ["connector", "operation"],
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
            registry=self.registry,
        )
        self._outside_called = Gauge(
            "foyer_outside_called", "Whether a system is called; 0 while its breaker is open.", ["connector"], registry=self.registry
        )

    def called(self, connector: str, operation: str, came_to: str, seconds: float) -> None:
        self._outside.labels(connector, operation, came_to).inc()
        self._outside_seconds.labels(connector, operation).observe(seconds)

    def watch_connector(self, connector: str, called: Callable[[], bool]) -> None:
        """`called`: whether this system is called now."""
        self._outside_called.labels(connector).set_function(called)

    def model_asked(self, size: str, outcome: str) -> None:
        self._calls.labels(size, outcome).inc()

    def watch_model(self, size: str, asked: Callable[[], bool]) -> None:
        """`asked`: whether this model is asked now."""
        self._open.labels(size).set_function(asked)

    @staticmethod
    def now() -> float:
        return time.perf_counter()

    def turn(self, started: float) -> None:
        self._turns.observe(time.perf_counter() - started)

    def events(self, events: Iterable[RequestEvent]) -> None:
        for event in events:
            self._events.labels(event.kind.value).inc()
            if event.kind is EventKind.RESOLVED:
                self._resolutions.labels(event.data["how"]).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)
