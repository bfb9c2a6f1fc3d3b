"""Pure: what the Messages API accepts, as far as a client of tools and text can go wrong; all else is refused.

Source: platform.claude.com, API reference of 2026-10-21 (Messages, Count tokens, Errors), "Tool use", "Prompt caching", "Thinking",
"Effort", and what is new in each model.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.anthropic.errors import ApiError
from tests.fakes.anthropic.schemas import Complexity

Json = dict[str, Any]

VERSIONS = frozenset({"2023-06-01", "2026-10-21"})
COUNTED = frozenset({"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"})
CREATED = COUNTED | {"max_tokens", "stream", "metadata", "stop_sequences", "service_tier"}
MAX_OUTPUT, MAX_STRICT, MAX_BREAKPOINTS = 128_000, 20, 4
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TOOL = frozenset({"name", "description", "input_schema", "strict", "eager_input_streaming", "cache_control", "type", "input_examples"})


@dataclass(frozen=True)
class Model:
    """`thinking`: the kinds that it takes; without any it thinks adaptively, unless that is not among them."""

    forced: bool
    thinking: frozenset[str]
    effort: bool = True


MODELS: Mapping[str, Model] = {
    "claude-haiku-5-5": Model(True, frozenset({"adaptive", "disabled"})),
    "claude-sonnet-5-5": Model(False, frozenset({"adaptive", "between_tools"})),
    "claude-opus-5-5": Model(False, frozenset({"adaptive"})),
    "claude-haiku-4-5": Model(True, frozenset({"enabled", "disabled"}), effort=False),
}


def check_headers(headers: Mapping[str, str], key: str) -> None:
    """The key comes in either header: `x-api-key` by HTTP's reference, a bearer's from the SDK since its version 2."""
    given = [headers.get("x-api-key"), (headers.get("authorization") or "").removeprefix("Bearer ") or None]
    if [one for one in given if one is not None] != [key]:
        raise ApiError("invalid x-api-key", status=401, type="authentication_error")
    if headers.get("anthropic-version") not in VERSIONS:
        raise ApiError("anthropic-version: header is required")
    if headers.get("content-type", "").split(";")[0] != "application/json":
        raise ApiError("content-type: must be application/json")
    if headers.get("anthropic-beta"):
        raise ApiError(f"Unexpected value(s) `{headers['anthropic-beta']}` for the `anthropic-beta` header.")


def check_body(body: Any, *, counting: bool) -> None:
    """Raises ApiError."""
    if not isinstance(body, dict):
        raise ApiError("The request body is not valid JSON.")
    _keys(body, COUNTED if counting else CREATED, ("model", "messages") if counting else ("model", "messages", "max_tokens"))
    model = MODELS.get(body["model"]) if isinstance(body["model"], str) else None
    if model is None:
        raise ApiError(f"model: {body['model']}", status=404, type="not_found_error")
    if not counting:
        _limits(body)
    _system(body.get("system"))
    tools = _tools(body)
    _messages(body["messages"])
    _choice(body, model, tools)
    _thinking(body, model)
    _breakpoints(body)


def forced_tool(body: Json) -> str | None:
    """The tool that must be called."""
    choice = body.get("tool_choice", {})
    return str(choice["name"]) if choice.get("type") == "tool" else None


def thinks(body: Json) -> bool:
    """Whether the answer begins with thinking."""
    kind = body.get("thinking", {}).get("type", "adaptive")
    return kind in MODELS[body["model"]].thinking and kind in ("adaptive", "enabled") and forced_tool(body) is None


def _keys(value: Json, known: frozenset[str], needed: tuple[str, ...] = (), at: str = "") -> None:
    for key in value:
        if key not in known:
            raise ApiError(f"{at}{key}: Extra inputs are not permitted")
    for key in needed:
        if key not in value:
            raise ApiError(f"{at}{key}: Field required")


def _limits(body: Json) -> None:
    tokens = body["max_tokens"]
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not 1 <= tokens <= MAX_OUTPUT:
        raise ApiError(f"max_tokens: {tokens!r} is not between 1 and {MAX_OUTPUT}")
    if body.get("stream") is not True:
        raise ApiError("stream: the fake answers streams only")
    metadata = body.get("metadata", {})
    _keys(metadata, frozenset({"user_id"}), at="metadata.")
    if re.search(r"@|\s", str(metadata.get("user_id", ""))):
        raise ApiError("metadata.user_id: must not identify anybody")


def _text(text: Any, at: str) -> None:
    if not isinstance(text, str):
        raise ApiError(f"{at}: Input should be a valid string")
    if not text.strip():
        raise ApiError(f"{at}: text content blocks must contain non-whitespace text")


def _system(system: Any) -> None:
    if system is None:
        return
    if isinstance(system, str):
        return _text(system, "system")
    if not isinstance(system, list) or not system:
        raise ApiError("system: Input should be a valid list")
    for number, block in enumerate(system):
        at = f"system.{number}"
        _keys(block, frozenset({"type", "text", "cache_control"}), ("type", "text"), f"{at}.")
        if block["type"] != "text":
            raise ApiError(f"{at}.type: Input should be 'text'")
        _text(block["text"], at)


def _tools(body: Json) -> Mapping[str, Json]:
    tools, complexity, strict = body.get("tools", []), Complexity(), 0
    if not isinstance(tools, list):
        raise ApiError("tools: Input should be a valid list")
    named: dict[str, Json] = {}
    for number, tool in enumerate(tools):
        at = f"tools.{number}"
        _keys(tool, _TOOL, ("name", "input_schema"), f"{at}.")
        if tool.get("type", "custom") != "custom":
            raise ApiError(f"{at}.type: {tool['type']!r} is not known")
        if not isinstance(tool["name"], str) or not _NAME.fullmatch(tool["name"]):
            raise ApiError(f"{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if tool["name"] in named:
            raise ApiError("tools: Tool names must be unique.")
        named[tool["name"]] = tool
        if tool.get("strict"):
            strict += 1
            complexity.check(tool["input_schema"], f"{at}.input_schema")
        elif not isinstance(tool["input_schema"], dict) or tool["input_schema"].get("type") != "object":
            raise ApiError(f"{at}.input_schema.type: Input should be 'object'")
    if strict > MAX_STRICT:
        raise ApiError(f"tools: at most {MAX_STRICT} strict tools")
    config = body.get("output_config", {})
    _keys(config, frozenset({"effort", "format"}), at="output_config.")
    if (wanted := config.get("format")) is not None:
        _keys(wanted, frozenset({"type", "schema"}), ("type", "schema"), "output_config.format.")
        if wanted["type"] != "json_schema":
            raise ApiError("output_config.format.type: Input should be 'json_schema'")
        complexity.check(wanted["schema"], "output_config.format.schema")
    return named


def _messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise ApiError("messages: at least one message is required")
    asked: list[str] = []
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        _keys(message, frozenset({"role", "content"}), ("role", "content"), f"{at}.")
        if message["role"] != ("user", "assistant")[number % 2]:
            raise ApiError(f"{at}: roles must alternate between 'user' and 'assistant', and begin with 'user'")
        asked = _content(message["role"], message["content"], asked, at)
    if len(messages) % 2 == 0:
        raise ApiError("This model does not support assistant message prefill. The conversation must end with a user message.")


def _content(role: str, content: Any, asked: list[str], at: str) -> list[str]:
    """Ids of the tool calls in it, which the next message has to answer."""
    if isinstance(content, str):
        _text(content, at)
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list) or not content:
        raise ApiError(f"{at}.content: must not be empty")
    calls: list[str] = []
    answers: list[str] = []
    for number, block in enumerate(content):
        place = f"{at}.content.{number}"
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text":
            _keys(block, frozenset({"type", "text", "cache_control"}), ("text",), f"{place}.")
            _text(block["text"], place)
        elif kind == "tool_use" and role == "assistant":
            _keys(block, frozenset({"type", "id", "name", "input", "cache_control"}), ("id", "name", "input"), f"{place}.")
            if not isinstance(block["input"], dict):
                raise ApiError(f"{place}.input: Input should be a valid dictionary")
            if block["id"] in calls:
                raise ApiError("messages: `tool_use` ids must be unique")
            calls.append(block["id"])
        elif kind == "tool_result" and role == "user":
            _keys(block, frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"}), ("tool_use_id",), f"{place}.")
            if number != len(answers):
                raise ApiError(f"{place}: `tool_result` blocks must come first in the content")
            answers.append(block["tool_use_id"])
        elif kind in ("thinking", "redacted_thinking") and role == "assistant":
            continue
        else:
            raise ApiError(f"{place}.type: {kind!r} may not stand in a message of the {role}")
    if missing := [id for id in asked if id not in answers]:
        raise ApiError(f"{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {missing[0]}")
    if foreign := [id for id in answers if id not in asked]:
        raise ApiError(f"{at}: unexpected `tool_use_id` found in `tool_result` blocks: {foreign[0]}")
    return calls


def _choice(body: Json, model: Model, tools: Mapping[str, Json]) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in ("auto", "any", "tool", "none"):
        raise ApiError(f"tool_choice.type: {kind!r} is not known")
    _keys(
        choice,
        frozenset({"type"} | ({"name"} if kind == "tool" else set()) | (set() if kind == "none" else {"disable_parallel_tool_use"})),
        at="tool_choice.",
    )
    if not tools:
        raise ApiError("tool_choice: may only be specified while providing tools")
    if kind in ("any", "tool") and not model.forced:
        raise ApiError('tool_choice: type "tool" and "any" are not supported for this model.')
    if kind == "tool" and choice.get("name") not in tools:
        raise ApiError(f"tool_choice.name: Tool '{choice.get('name')}' not found in provided tools")
    if kind in ("any", "tool") and body.get("thinking", {}).get("type") == "enabled":
        raise ApiError("Thinking may not be enabled when tool_choice forces tool use.")


def _thinking(body: Json, model: Model) -> None:
    thinking, effort = body.get("thinking"), body.get("output_config", {}).get("effort")
    if effort is not None and (not model.effort or effort not in ("low", "medium", "high", "xhigh", "max")):
        raise ApiError("output_config.effort: this model does not support it")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in model.thinking:
        raise ApiError(f'"thinking.type.{kind}" is not supported for this model.')
    _keys(
        thinking,
        frozenset({"type"} | {"enabled": {"budget_tokens", "display"}, "adaptive": {"display"}}.get(str(kind), set())),
        at="thinking.",
    )
    if kind == "enabled" and not 1024 <= thinking.get("budget_tokens", 0) < body.get("max_tokens", MAX_OUTPUT):
        raise ApiError("thinking.budget_tokens: must be at least 1024 and less than max_tokens")
    if kind in ("disabled", "between_tools") and effort in ("xhigh", "max"):
        raise ApiError(f"thinking.type.{kind} is not supported at effort {effort}")


def _breakpoints(body: Json) -> None:
    found = [block["cache_control"] for block in [body, *blocks(body)] if block.get("cache_control") is not None]
    if len(found) > MAX_BREAKPOINTS:
        raise ApiError(f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {len(found)}.")
    for number, mark in enumerate(found):
        _keys(mark, frozenset({"type", "ttl"}), ("type",), f"cache_control.{number}.")
        if mark["type"] != "ephemeral" or mark.get("ttl", "5m") not in ("5m", "1h"):
            raise ApiError("cache_control: Input should be 'ephemeral', of 5m or 1h")
    lasting = [mark.get("ttl", "5m") for mark in found]
    if "1h" in lasting and "5m" in lasting[: lasting.index("1h")]:
        raise ApiError("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.")
    for block in blocks(body):
        if block.get("type") in ("thinking", "redacted_thinking") and "cache_control" in block:
            raise ApiError("cache_control cannot be set on thinking blocks")


def blocks(body: Json) -> list[Json]:
    """In the order in which they are cached: tools, system, messages."""
    system, found = body.get("system"), list(body.get("tools", []))
    found += [{"type": "text", "text": system}] if isinstance(system, str) else system or []
    for message in body["messages"]:
        content = message["content"]
        said = [{"type": "text", "text": content}] if isinstance(content, str) else content
        found += [{"role": message["role"], **block} for block in said]
    return found
