"""Pure: a question of the port as a request of the Messages API, in the manner that its model takes.

Source: platform.claude.com, "Strict tool use", "Structured outputs", "Prompt caching", and what is new in each model.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.ports.language import Ask

Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a model is made to answer in a shape, and as fast as it can.

    `forced`: by one strict tool that it must call. Where a model refuses that, its text is constrained to the shape instead; a tool
    that it may call would leave it the choice to answer in prose.
    """

    forced: bool = False
    thinking: str | None = None
    effort: str | None = None


MANNERS: Mapping[str, Manner] = {
    # Thinks unless told not to, and would do so before the first word that a person waits for; at low effort both may be asked.
    "claude-haiku-5-5": Manner(forced=True, thinking="disabled", effort="low"),
    # Refuses a forced tool (400) and "disabled"; "between_tools" without tools is no thinking at all.
    "claude-sonnet-5-5": Manner(thinking="between_tools", effort="low"),
}
ANY = Manner()
"""What every model since 4.5 takes: constrained text, thinking and effort as the model has them."""

_UNSUPPORTED = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems", "uniqueItems"}
)
"""Bounds that the API cannot hold a model to and refuses; `Ask.accepts` does."""
_NAMED = ("properties", "$defs", "definitions")
"""Their keys are names, no keywords."""
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def manner_of(model: str) -> Manner:
    return MANNERS.get(model, ANY)


def request_of(ask: Ask, model: str) -> Request:
    """All of it but `max_tokens`: what counting tokens takes too.

    No `metadata.user_id`: even a hashed one would tell the vendor which questions are the same person's, and nothing needs it.
    """
    manner, shape = manner_of(model), narrowed(ask.shape)
    # What is cached is a prefix: tools, then these blocks in order. The prompt has a mark of its own, since `stable` changes more often.
    system = [_cached(text) for text in (ask.prompt.text, ask.stable) if text]
    request: Request = {"model": model, "system": system, "messages": [{"role": "user", "content": clean(ask.content)}]}
    settings: dict[str, Any] = {"effort": manner.effort} if manner.effort else {}
    if manner.forced:
        name = tool_name(ask.prompt.name)
        request["tools"] = [
            {
                "name": name,
                "description": "Gives the result.",
                "input_schema": shape,
                "strict": True,
                # Otherwise each value is held back until it is complete, and nobody sees an answer grow.
                "eager_input_streaming": True,
            }
        ]
        request["tool_choice"] = {"type": "tool", "name": name, "disable_parallel_tool_use": True}
    else:
        settings["format"] = {"type": "json_schema", "schema": shape}
    if manner.thinking:
        request["thinking"] = {"type": manner.thinking}
    if settings:
        request["output_config"] = settings
    return request


def tool_name(prompt: str) -> str:
    """A name that tools may have, of a prompt's."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", prompt)[:64]


def clean(text: str) -> str:
    """Text that can be sent: unpaired surrogates are no UTF-8, and control characters no text. As long as before."""
    return _SURROGATE.sub("\ufffd", _NO_TEXT.sub(" ", text))


def narrowed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same shape in the subset of JSON schema that the API compiles."""

    def within(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: narrowed(one) for name, one in value.items()} if key in _NAMED else narrowed(value)
        return [within(key, one) for one in value] if isinstance(value, (list, tuple)) else value

    kept = {key: value for key, value in schema.items() if key not in _UNSUPPORTED and not (key == "minItems" and value > 1)}
    return {key: within(key, value) for key, value in kept.items()}


def _cached(text: str) -> dict[str, Any]:
    return {"type": "text", "text": clean(text), "cache_control": {"type": "ephemeral"}}
