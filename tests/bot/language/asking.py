"""What the tests of the guarded model ask, and what they look at."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from bot import tables as t
from bot.database import Sessions
from bot.language.guarded import Guarded
from bot.language.settings import ModelSettings
from connectors.memory.language import ScriptedModel
from connectors.ports.language import Ask, Behalf, Prompt

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SHAPE = {"type": "object", "properties": {"said": {"type": "string"}}, "required": ["said"], "additionalProperties": False}
DANA = Behalf("turn-1", "conversation-1", "dana", "it_service_desk")


def ask(content: str = "My mail doesn't open.", behalf: Behalf = DANA, **more: Any) -> Ask:
    return Ask(Prompt("test", 1, "Say it again."), more.pop("size", "small"), content, SHAPE, behalf, **more)


def parrot(asked: Ask) -> object:
    """Says what it was asked."""
    return {"said": asked.content}


class Ticking:
    """A monotonic clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def guarded(sessions: Sessions, script: Callable[[Ask], Any] = parrot, given: dict[str, Any] | None = None, **more: Any) -> Guarded:
    settings = ModelSettings.model_validate(given or {})
    inner = more.pop("inner", None) or ScriptedModel(script)
    return Guarded(inner, sessions, settings, **{"clock": lambda: NOW, "monotonic": Ticking(), **more})


async def rows(sessions: Sessions) -> list[Any]:
    await sessions.at_rest()
    async with sessions() as session:
        return list((await session.execute(select(t.model_use).order_by(t.model_use.c.id))).all())


async def sums(sessions: Sessions) -> dict[str, Any]:
    """The sums by limit, where there is one of each."""
    await sessions.at_rest()
    async with sessions() as session:
        return {row.limit: row for row in (await session.execute(select(t.model_spent))).all()}
