"""`foyer knowledge reindex` works in pieces, so that its progress can be shown and nothing else waits."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from bot import control
from bot.bootstrap import App
from knowledge.projection import Progress


@dataclass
class SlowProjection:
    """Each step takes a second of the clock that the command looks at."""

    steps: int = 3
    now: float = 0.0
    forgotten: int = 0
    came: list[int] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    async def forget_index(self) -> None:
        self.forgotten += 1

    async def step(self) -> bool:
        self.now += 1.1
        self.steps -= 1
        return self.steps >= 0

    async def progress(self) -> Progress | None:
        return Progress(3 - self.steps, 3) if self.steps else None

    async def count(self) -> int:
        return 42


async def test_reindexing_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    projection = SlowProjection()
    monkeypatch.setattr(control, "time", projection)
    app = cast(App, SimpleNamespace(library=SimpleNamespace(projection=projection)))
    told = [await control.knowledge_reindex(app, {"begin": True})]
    while "passages" not in told[-1]:
        told.append(await control.knowledge_reindex(app, {}))
    assert told == [{"done": 1, "total": 3}, {"done": 2, "total": 3}, {}, {"passages": 42}]
    assert projection.forgotten == 1
