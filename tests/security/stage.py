"""A whole Foyer that is put back, as often as wanted, to where a scene begins: its databases are copied in a few milliseconds.

Background loops and what is only kept in memory go on; between two plans all of them are at rest.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from bot.bootstrap import App
from connectors.ports.language import LanguageModel
from knowledge.embedding.onnx_minilm import OnnxMiniLM, default_directory
from knowledge.embedding.port import Encoder
from knowledge.embedding.prepared import PreparedEncoder
from knowledge.index import MemoryIndex
from specialists.policy.decide import Policy
from tests.scenarios.company import Company

Rows = Mapping[str, frozenset[tuple[Any, ...]]]
"""Table -> its rows; of the sandbox company, which knows nothing of Foyer."""
WATCHED = ("people", "memberships", "accounts", "reset_links", "inbox", "applications", "entitlements", "leaves", "orders", "devices",
           "tickets", "effects")  # fmt: skip


class Remembering:
    """An encoder that makes no vector twice."""

    def __init__(self, inner: Encoder) -> None:
        self._inner = inner
        self.name, self.dimension = inner.name, inner.dimension
        self._made: dict[str, Any] = {}

    async def encode(self, texts: Sequence[str]) -> Any:
        missing = [text for text in dict.fromkeys(texts) if text not in self._made]
        if missing:
            self._made.update(zip(missing, await self._inner.encode(missing), strict=True))
        return np.stack([self._made[text] for text in texts]) if texts else await self._inner.encode(texts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


ENCODER = Remembering(PreparedEncoder(OnnxMiniLM(), default_directory() / "prepared.npz"))


class Staged(Company):
    """Assisted by a model, under a policy of its own if one is given."""

    def __init__(self, home: Path, model: LanguageModel | None, policy: Policy | None = None, **more: Any) -> None:
        self.own_policy = policy
        super().__init__(home, model=model, **more)

    def _app(self) -> App:
        return App(
            self.settings,
            clock=self.clock,
            index=MemoryIndex(),
            encoder=ENCODER,
            monotonic=lambda: self.clock().timestamp(),
            policy=self.own_policy,
            model=self.model,
        )


class Kept:
    """Where a scene begins: the databases, and the time."""

    def __init__(self, files: Mapping[Path, sqlite3.Connection], at: datetime) -> None:
        self.files, self.at = files, at


class Stage:
    def __init__(self, company: Staged) -> None:
        self.company = company
        self._files = (company.home / "foyer.db", company.home / "sandbox.sqlite", company.home / "engine.db")

    def keep(self) -> Kept:
        kept = {}
        for path in self._files:
            kept[path] = sqlite3.connect(":memory:", check_same_thread=False)
            with sqlite3.connect(path) as live:
                live.backup(kept[path])
            live.close()
        return Kept(kept, self.company.clock.now)

    async def put_back(self, kept: Kept) -> None:
        """On a thread of its own: it waits for whoever is writing, and that may be a loop of Foyer's."""
        with ThreadPoolExecutor(1) as thread:
            await asyncio.get_running_loop().run_in_executor(thread, self._put_back, kept)
        self.company.clock.now = kept.at

    @staticmethod
    def _put_back(kept: Kept) -> None:
        for path, copy in kept.files.items():
            live = sqlite3.connect(path, timeout=30)
            copy.backup(live)
            live.close()

    def outside(self) -> Rows:
        """All that the sandbox company has, read beside Foyer."""
        live = sqlite3.connect(self._files[1], timeout=30)
        found = {table: frozenset(tuple(row) for row in live.execute(f"SELECT * FROM {table}")) for table in WATCHED}
        live.close()
        return found

    def inside(self, table: str) -> list[dict[str, Any]]:
        """The rows of one of Foyer's tables."""
        live = sqlite3.connect(self._files[0], timeout=30)
        live.row_factory = sqlite3.Row
        found = [dict(row) for row in live.execute(f'SELECT * FROM "{table}"')]
        live.close()
        return found
