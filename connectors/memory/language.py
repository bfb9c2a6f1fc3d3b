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

    def __init__(self, script: Script, *, pieces: int = 4, delay: float = 0.0) -> None:
        """`pieces`: in how many a watched result comes; `delay`: seconds before the first."""
        self.script = script
        self.asked: list[Ask] = []
        self._pieces = pieces
        self.delay = delay

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        self.asked.append(ask)
        try:
            async with asyncio.timeout(min(ask.first, ask.within)):
                await asyncio.sleep(self.delay)
        except TimeoutError:
            raise Unusable("late", model=self.name(ask.size), usage=self._usage(ask, "")) from None
        result = self.script(ask)
        if isinstance(result, Exception):
            raise result
        said = json.dumps(result)
        if watch is not None and isinstance(result, Mapping):
            for piece in range(1, self._pieces + 1):
                so_far = jiter.from_json(said[: len(said) * piece // self._pieces].encode(), partial_mode="trailing-strings")
                if isinstance(so_far, dict):
                    await watch(so_far)
        if not ask.accepts(result):
            raise Unusable("schema", model=self.name(ask.size), usage=self._usage(ask, said))
        return Completion(result, self.name(ask.size), self._usage(ask, said))

    async def count(self, ask: Ask) -> int:
        return self._usage(ask, "").input

    def name(self, size: Size) -> str:
        return f"scripted-{size}"

    @staticmethod
    def _usage(ask: Ask, said: str) -> Usage:
        return Usage(input=len(ask.prompt.text + ask.stable + ask.content) // 4, output=len(said) // 4)
