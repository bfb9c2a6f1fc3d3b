"""A language model in memory: says what a function says, piece by piece."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import jiter

from connectors.ports.language import Ask, Completion, Size, Unusable, Usage, Watch

Script = Callable[[Ask], Any]
"""What the model answers: an object, anything else that it might say, or an exception to raise."""


class ScriptedModel:
    """Implements `connectors.ports.language.LanguageModel`. `asked` is all that it was asked, in order."""

    def __init__(self, script: Script, *, pieces: int = 4, delay: float = 0.0, pause: float = 0.0) -> None:
        """`pieces`: in how many a watched result comes; `delay`, `pause`: seconds before the first, and between two."""
        self.script = script
        self.asked: list[Ask] = []
        self._pieces = pieces
        self.delay = delay
        self.pause = pause

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        self.asked.append(ask)
        started = asyncio.get_running_loop().time()
        await self._wait(ask, self.delay, started + min(ask.first, ask.within))
        result = self.script(ask)
        if isinstance(result, Unusable) and not result.model:
            raise Unusable(result.code, result.detail, model=self.name(ask.size), usage=self._usage(ask, ""))
        if isinstance(result, Exception):
            raise result
        said, shown = json.dumps(result), None
        for piece in range(1, self._pieces + 1):
            if watch is not None and isinstance(result, Mapping):
                so_far = jiter.from_json(said[: len(said) * piece // self._pieces].encode() or b"null", partial_mode="trailing-strings")
                if isinstance(so_far, dict) and so_far != shown:
                    shown = so_far
                    await watch(so_far)
            if piece < self._pieces:
                await self._wait(ask, self.pause, started + ask.within)
        if not isinstance(result, Mapping) or not ask.accepts(result):
            raise Unusable("schema", model=self.name(ask.size), usage=self._usage(ask, said))
        return Completion(result, self.name(ask.size), self._usage(ask, said))

    async def count(self, ask: Ask) -> int:
        return self._usage(ask, "").input

    def name(self, size: Size) -> str:
        return f"scripted-{size}"

    async def _wait(self, ask: Ask, seconds: float, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await asyncio.sleep(seconds)
        except TimeoutError:
            raise Unusable("late", model=self.name(ask.size), usage=self._usage(ask, "")) from None

    @staticmethod
    def _usage(ask: Ask, said: str) -> Usage:
        return Usage(input=len(ask.prompt.text + ask.stable + ask.content) // 4, output=len(said) // 4)
