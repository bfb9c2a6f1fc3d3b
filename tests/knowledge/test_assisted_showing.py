"""What of a composed answer is shown before its end, where not all of it may be, or the model says no."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.errors import Refused
from connectors.memory.language import ScriptedModel
from connectors.ports.language import Ask, Behalf, Completion, Watch
from knowledge.answers import Answer
from knowledge.embedding.onnx_minilm import OnnxMiniLM
from tests.knowledge.conftest import Shelf
from tests.knowledge.test_assisted import HOW_LONG, LEAVE, MORE, NOT_COVERED, TRUE, Helped, covered


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Nothing here depends on the kind of database."""
    return f"sqlite+aiosqlite:///{tmp_path / 'foyer.db'}"


@pytest.fixture
async def shelf(stored: async_sessionmaker[AsyncSession]) -> Shelf:
    made = Shelf(stored, encoder=OnnxMiniLM())
    await made.put(LEAVE, "leave.md")
    return made


class Halting(ScriptedModel):
    """Tells `parts` of its result, then goes on when `go_on` is set."""

    def __init__(self, result: Mapping[str, Any], *parts: Mapping[str, Any]) -> None:
        super().__init__(lambda ask: result)
        self.parts = parts
        self.go_on = asyncio.Event()

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        assert watch is not None
        for part in self.parts:
            await watch(part)
        await self.go_on.wait()
        return await super().complete(ask, watch=watch)


async def shown_openly(shelf: Shelf, model: ScriptedModel, allowed: Callable[[Answer], bool]) -> tuple[Answer, list[Answer]]:
    """The answer to somebody who waits a moment in a room where `allowed` says what may be shown; and what was."""
    helped = Helped(shelf, {})
    helped.answerer._model = model
    shown: list[Answer] = []

    async def show(so_far: Answer) -> None:
        if not allowed(so_far):
            raise Refused("not_shown_openly")
        shown.append(so_far)
        if isinstance(model, Halting):
            asyncio.get_running_loop().call_later(0.3, model.go_on.set)  # when there must have been something to see

    return await helped.ask(HOW_LONG, behalf=Behalf(until=helped.now + 0.4), show=show), shown


async def test_what_may_not_be_shown_openly_is_given_whole_in_the_end(shelf: Shelf) -> None:
    model = ScriptedModel(lambda ask: covered(TRUE, MORE), pieces=40)
    answer, shown = await shown_openly(shelf, model, lambda so_far: False)
    assert shown == []
    assert (answer.model, answer.fell_back) == ("scripted-large", None)


async def test_what_may_not_be_shown_openly_keeps_nobody_waiting(shelf: Shelf) -> None:
    model = Halting(covered(TRUE, MORE), covered(TRUE, {"passage": 1}))
    answer, shown = await shown_openly(shelf, model, lambda so_far: False)
    assert shown == []
    assert (answer.model, answer.fell_back) == (None, "late")
    assert answer.quotes


async def test_of_what_was_begun_openly_the_rest_is_waited_for(shelf: Shelf) -> None:
    model = Halting(covered(TRUE, MORE), covered(TRUE, {"passage": 1}), covered(TRUE, MORE, {"passage": 1}))
    answer, shown = await shown_openly(shelf, model, lambda so_far: len(so_far.said) < len("You get 30 days of paid leave a year. [1]") + 5)
    assert len(shown) == 1
    assert answer.fell_back is None
    assert len(answer.said) > len(shown[0].said)


async def test_once_the_model_has_said_no_nothing_is_shown_that_would_be_taken_back(shelf: Shelf) -> None:
    model = Halting(NOT_COVERED, {"covered": False})
    answer, shown = await shown_openly(shelf, model, lambda so_far: True)
    assert shown == []
    assert (answer.kind, answer.fell_back) in {("unknown", None), ("answered", "not_covered")}
