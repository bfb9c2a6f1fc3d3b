"""The durable workflow engine behind a thin door: the only module that imports DBOS.

What is started here is finished, also by the next process. It keeps rows of its own, in a SQLite file of its own or in
PostgreSQL's schema "dbos"; only ids go into them. Steps run at least once: whoever writes one makes a repetition harmless.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from dbos import DBOS, DBOSConfig, Serializer, SetEnqueueOptions, SetWorkflowID, StepOptions
from sqlalchemy import make_url

from connectors.ports.records import Clock, utcnow

log = structlog.get_logger()
T = TypeVar("T")

Workflow = Callable[[str], Awaitable[None]]

_VERSION: Final = "foyer"
"""Constant, because rows of another version are never picked up again: not the timers of yesterday's release either."""
_TIMERS: Final = "timers"
_POLL: Final = 1.0
"""Seconds between looks at the timers: overshoot against idle cost."""


class Failed(Exception):
    """An error that a workflow or step ended with in an earlier process. Only its type is kept: texts may be personal."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a step is tried whose infrastructure fails (the database is away); `wait` doubles, in seconds."""

    attempts: int = 8
    wait: float = 0.25


class Engine:
    """One per process. `register` everything, then `launch` inside the running loop, and `close` at the end.

    `url`: of the engine's own database; a SQLite file must not be the application's. `executor_id` differs between
    replicas on one PostgreSQL: a process recovers what its own id left behind.
    """

    def __init__(
        self, url: str, *, clock: Clock = utcnow, retries: Retries | None = None, poll: float = _POLL, executor_id: str = "foyer"
    ) -> None:
        self._url = make_url(url)
        self._clock = clock
        self._retries = retries or Retries()
        self._poll = poll
        self._executor_id = executor_id
        self._bodies: dict[str, Workflow] = {}
        self._workflows: dict[str, Callable[[str], Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    def register(self, name: str, fn: Workflow) -> None:
        """A workflow under a name that stays registered as long as rows may bear it."""
        self._bodies[name] = fn

    async def launch(self) -> None:
        """Creates or migrates the engine's tables and goes on with what an earlier process left."""
        logging.getLogger("dbos").handlers[:] = [_QuietHandler()]
        DBOS(config=self._config())
        self._closing = False
        self._workflows = {name: self._decorated(name, body) for name, body in self._bodies.items()}
        DBOS.launch()
        await DBOS.register_queue_async(_TIMERS, polling_interval_sec=self._poll, on_conflict="always_update")

    async def close(self, patience: float = 5.0) -> None:
        """Lets running workflows come to an end for `patience` seconds; the next launch finishes the others."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)
        self._closing = True
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        # DBOS put its own executor in, and has just shut it down.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="foyer"))
        for task in (left := set(self._tasks)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self._workflows = {}

    async def start(self, name: str, workflow_id: str, argument: str) -> None:
        """Starts a workflow at once. The same id again starts nothing."""
        with SetWorkflowID(workflow_id):
            await DBOS.start_workflow_async(self._workflows[name], argument)

    async def schedule_at(self, name: str, workflow_id: str, argument: str, at: datetime) -> None:
        """Starts a workflow at `at` or up to about a second later, in whichever process lives then. The same id again starts nothing."""
        delay = max(0.0, (at - self._clock()).total_seconds())
        with SetWorkflowID(workflow_id), SetEnqueueOptions(delay_seconds=delay):
            await DBOS.enqueue_workflow_async(_TIMERS, self._workflows[name], argument)

    async def fire(self, workflow_id: str) -> None:
        """Makes a timer due now."""
        await DBOS.set_workflow_delay_async(workflow_id, delay_seconds=0)

    async def again(self, workflow_id: str) -> None:
        """Runs a workflow that ended in an error once more, from its first step."""
        await DBOS.rewind_workflow_async(workflow_id, start_step=1)

    async def status(self, workflow_id: str) -> str | None:
        """DBOS's word (PENDING, ENQUEUED, DELAYED, SUCCESS, ERROR, CANCELLED); None when there is no such workflow."""
        found = await DBOS.get_workflow_status_async(workflow_id)
        return found.status if found else None

    async def busy(self) -> bool:
        """Whether anything runs or is due; timers that wait for their time do not count."""
        if self._tasks:
            return True
        return bool(await DBOS.list_workflows_async(status=["PENDING", "ENQUEUED"], limit=1, load_input=False, load_output=False))

    async def step(self, name: str, fn: Callable[..., Awaitable[T]], *args: str | int) -> T:
        """One step of a workflow: its result, JSON, is kept, and a replay reads it instead of doing the step again.

        Repeated with growing waits on any error, because `connectors.errors` are results and never leave a step: what is
        left is infrastructure.
        """
        if self._closing:
            await _forever()

        async def run() -> T:
            return await fn(*args)

        options: StepOptions = {
            "name": name,
            "retries_allowed": True,
            "max_attempts": self._retries.attempts,
            "interval_seconds": self._retries.wait,
            "backoff_rate": 2.0,
        }
        return await DBOS.run_step_async(options, run)

    def _config(self) -> DBOSConfig:
        if self._url.get_backend_name() == "sqlite":
            assert self._url.database is not None
            _set_wal(Path(self._url.database))
            url = self._url.set(drivername="sqlite")
        else:
            url = self._url.set(drivername="postgresql+psycopg")
        return {
            "name": "foyer",
            "system_database_url": url.render_as_string(hide_password=False),
            "application_version": _VERSION,
            "executor_id": self._executor_id,
            "serializer": _Json(),
            "notification_listener_polling_interval_sec": 0.25,
            "enable_otlp": False,
            "log_level": "WARNING",
        }

    def _decorated(self, name: str, body: Workflow) -> Callable[[str], Any]:
        async def run(argument: str) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await body(argument)
            except Exception as error:
                if self._closing:
                    await _forever()
                log.error("workflow_failed", workflow=name, argument=argument, error=type(error).__name__)
                raise
            finally:
                self._tasks.discard(task)

        # Counting recoveries would give up on a workflow because the process was restarted often.
        return DBOS.workflow(name=name, max_recovery_attempts=None)(run)


async def _forever() -> None:
    """An end of a workflow while the engine goes away would be kept as its result; so it has none, and `close` cancels it."""
    await asyncio.Event().wait()


def _set_wal(path: Path) -> None:
    """DBOS never sets it, and without it readers and writers lock each other out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


class _QuietHandler(logging.Handler):
    """DBOS logs exceptions with their texts and traces, which may be personal: what, where and which type remain."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        tell = log.warning if record.levelno >= logging.ERROR else log.info
        tell("engine_noticed", where=f"{record.filename}:{record.lineno}", error=error)


class _Json(Serializer):
    """Not DBOS's pickle: rows that anyone can read, and no code in them."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=_error)

    def deserialize(self, serialized_data: str) -> Any:
        data = json.loads(serialized_data)
        return Failed(data["error"]) if isinstance(data, dict) and data.keys() == {"error"} else data

    def name(self) -> str:
        return "foyer_json"


def _error(data: Any) -> dict[str, str]:
    if isinstance(data, BaseException):
        return {"error": type(data).__name__}
    raise TypeError(f"a workflow passes JSON only, not {type(data).__name__}")
