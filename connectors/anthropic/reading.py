"""Pure: what the events of one streamed message add up to."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jiter
from anthropic.types import RawContentBlockDelta, RawMessageStreamEvent

from connectors.ports.language import Ask, Completion, Unusable, Usage

_STOPPED = {"refusal": "refusal", "max_tokens": "max_tokens", "model_context_window_exceeded": "max_tokens"}
"""Reasons to stop with which no result can be whole."""
_MOST = 10_000_000
"""Tokens of one message; none has so many."""
_LONGEST_NAME = 120
_PER_TOKEN = 3
"""Characters; rather too few."""


class Reading:
    """One message as far as it has come. Reading an event that lacks what it must have, or has what cannot be, raises Unusable
    (malformed)."""

    def __init__(self, model: str) -> None:
        self.model = model
        """The one that was asked, until the message names who answers."""
        self.usage = Usage()
        self._said: list[str] = []
        self._stopped: str | None = None
        self._told = False
        """Whether the message has said what it used in the end."""
        self._whole = False
        self._shown: object = None

    @property
    def began(self) -> bool:
        """Whether anything of the result has come."""
        return bool(self._said)

    def take(self, event: RawMessageStreamEvent) -> None:
        """Events and blocks of kinds that are not known, and thinking, are passed over, as the API's rules of versions ask."""
        try:
            # By its type: the SDK makes an event of a kind that it does not know into one of a class that it does.
            if event.type == "message_start":
                self.model = _text(event.message.model)[:_LONGEST_NAME] or self.model
                self._spent(event.message.usage)
            elif event.type == "content_block_delta":
                self._said += filter(None, [_piece(event.delta)])
            elif event.type == "message_delta":
                self._stopped = event.delta.stop_reason and _text(event.delta.stop_reason)
                self._spent(event.usage)
                self._told = True
            elif event.type == "message_stop":
                self._whole = True
        except (AttributeError, TypeError) as error:
            raise self.unusable("malformed") from error

    def grown(self) -> Mapping[str, Any] | None:
        """The result so far, when there is more of it than the last time."""
        try:
            so_far = jiter.from_json("".join(self._said).encode(), partial_mode="trailing-strings")
        except ValueError:
            return None
        if not isinstance(so_far, dict) or so_far == self._shown:
            return None
        self._shown = so_far
        return so_far

    def completion(self, ask: Ask) -> Completion:
        """Raises Unusable: cut, refusal, max_tokens, malformed, schema."""
        if not self._whole:
            raise self.unusable("cut")
        if self._stopped in _STOPPED:
            raise self.unusable(_STOPPED[self._stopped])
        try:
            result = jiter.from_json("".join(self._said).encode(), allow_inf_nan=False)
        except ValueError:
            # Its words quote what was said.
            raise self.unusable("malformed") from None
        if not ask.accepts(result):
            raise self.unusable("schema")
        return Completion(result, self.model, self.usage)

    def unusable(self, code: str) -> Unusable:
        """With what was used: where the end has not come, at least as much as was said."""
        used = self.usage
        if not self._told:
            used = replace(used, output=max(used.output, sum(map(len, self._said)) // _PER_TOKEN))
        return Unusable(code, model=self.model, usage=used)

    def _spent(self, usage: Any) -> None:
        """Counts are of the whole message so far; those that an event leaves out stay as they were."""
        known = self.usage
        self.usage = Usage(
            input=_count(usage.input_tokens, known.input),
            output=_count(usage.output_tokens, known.output),
            cache_read=_count(usage.cache_read_input_tokens, known.cache_read),
            cache_written=_count(usage.cache_creation_input_tokens, known.cache_written),
        )


def _piece(delta: RawContentBlockDelta) -> str:
    """Of the result, which is a tool's input or constrained text."""
    if delta.type == "input_json_delta":
        return _text(delta.partial_json)
    return _text(delta.text) if delta.type == "text_delta" else ""


def _text(told: object) -> str:
    """The SDK checks no types, and whoever is in between may send any."""
    if not isinstance(told, str):
        raise TypeError("no text")
    return told


def _count(told: object, known: int) -> int:
    if told is None:
        return known
    if not isinstance(told, int) or not 0 <= told <= _MOST:
        raise TypeError("no count")
    return int(told)
