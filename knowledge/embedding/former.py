"""The encoder that served before another one was chosen: opened again, its vectors serve until the new ones are all made."""

import asyncio
from collections.abc import Callable

import structlog

from knowledge.embedding.port import Encoder, EncoderUnavailable

log = structlog.get_logger()


class Former:
    """`own`: where the encoder that is configured comes from, to be kept for the day when it is the former one.

    `reopen`: makes an encoder of what was kept; given None for vectors that are older than that. None where nothing is there any more.
    """

    def __init__(self, own: str = "", reopen: Callable[[str | None], Encoder | None] = lambda _: None) -> None:
        self.own = own
        self._reopen = reopen
        self._opened: dict[tuple[str, str | None], Encoder | None] = {}
        self._opening = asyncio.Lock()

    async def named(self, name: str, origin: str | None) -> Encoder | None:
        """The encoder of this name, if it still is what is to be found at `origin`, and works. Tried once."""
        key = (name, origin)
        if key not in self._opened:
            async with self._opening:
                if key not in self._opened:
                    self._opened[key] = await self._open(name, origin)
        return self._opened[key]

    async def _open(self, name: str, origin: str | None) -> Encoder | None:
        try:
            encoder = self._reopen(origin)
            if encoder is not None and encoder.name == name:
                await encoder.encode([name])
                return encoder
        except (EncoderUnavailable, OSError, ValueError, RuntimeError) as error:
            log.warning("former_encoder_gone", encoder=name, error=type(error).__name__)
        else:
            log.warning("former_encoder_gone", encoder=name)
        return None
