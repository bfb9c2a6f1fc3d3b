"""Claude as a language model of the port.

It has no connector.yaml: that file says which ports of skills a connector serves, and no skill may ask a model anything.
"""

import asyncio
from contextlib import aclosing

from connectors.anthropic.client import MessagesClient
from connectors.anthropic.reading import Reading
from connectors.anthropic.requests import request_of
from connectors.anthropic.settings import ClaudeSettings
from connectors.errors import Refused, Retry
from connectors.ports.language import NOBODY, Ask, Completion, Prompt, Size, Unusable, Usage, Watch

_TINY = Prompt("check", 1, "Say whether the text is a greeting.")
_YES_OR_NO = {
    "type": "object",
    "properties": {"greeting": {"type": "boolean"}},
    "required": ["greeting"],
    "additionalProperties": False,
}


class Claude:
    """Implements `connectors.ports.language.LanguageModel`."""

    def __init__(self, settings: ClaudeSettings) -> None:
        self._names: dict[Size, str] = {"small": settings.small, "large": settings.large}
        self._client = MessagesClient(settings.api_key, settings.base_url)

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        """As the port says. `watch` is awaited between events and never cut off; the time it takes counts."""
        loop = asyncio.get_running_loop()
        started, reading = loop.time(), Reading(self.name(ask.size))

        def deadline() -> float:
            return started + (ask.within if reading.began else min(ask.first, ask.within))

        request = {**request_of(ask, reading.model), "max_tokens": ask.max_tokens}
        try:
            async with aclosing(self._client.stream(request, deadline)) as events:
                async for event in events:
                    reading.take(event)
                    if watch is not None and reading.began and (grown := reading.grown()) is not None:
                        await watch(grown)
        except Unusable as error:
            # What a watcher raises is its own; the client's names no model.
            raise error if error.model else reading.unusable(error.code) from None
        except (Refused, Retry) as error:
            if reading.usage == Usage():
                raise
            raise error from reading.unusable("cut")
        return reading.completion(ask)

    async def count(self, ask: Ask) -> int:
        return await self._client.count(request_of(ask, self.name(ask.size)))

    def name(self, size: Size) -> str:
        return self._names[size]

    async def check(self) -> str:
        """For `foyer doctor`: that both models can be asked as they will be, which costs nothing. Raises ConnectorError, in words."""
        for size, model in self._names.items():
            try:
                await self.count(Ask(_TINY, size, "Hello.", _YES_OR_NO, NOBODY))
            except Refused as error:
                raise Refused(error.code, self._refusal(error, model)) from error
            except Retry as error:
                raise Retry(error.code, f"{self._client.base_url} does not serve now: {error.code}", error.after) from error
        return f"{self._names['small']} (small), {self._names['large']} (large), at {self._client.base_url}"

    def _refusal(self, error: Refused, model: str) -> str:
        if error.code == "not_authorised":
            return f"{self._client.base_url} does not accept ANTHROPIC_API_KEY ({error.detail or error.code})"
        if error.detail == "not_found_error":
            return f"there is no model {model} at {self._client.base_url}"
        return f"{self._client.base_url} does not take questions to {model} ({error.detail or error.code})"

    async def close(self) -> None:
        await self._client.close()
