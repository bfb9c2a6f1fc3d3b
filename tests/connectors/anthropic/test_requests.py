"""What is asked of which model, and in which words of the API."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.anthropic.requests import clean, manner_of, narrowed, request_of, tool_name
from connectors.ports.language import NOBODY, Ask, Behalf, Prompt
from tests.fakes.anthropic.rules import MODELS, check_body

SHAPE = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"], "additionalProperties": False}
ASK = Ask(Prompt("recognition", 3, "Read the message."), "small", "Hi", SHAPE, NOBODY, stable="Skills: one, two.")
EPHEMERAL = {"type": "ephemeral"}


def test_a_model_that_can_be_forced_gets_one_strict_tool_and_does_not_think() -> None:
    request = request_of(ASK, "claude-haiku-5-5")
    assert request == {
        "model": "claude-haiku-5-5",
        "system": [
            {"type": "text", "text": "Read the message.", "cache_control": EPHEMERAL},
            {"type": "text", "text": "Skills: one, two.", "cache_control": EPHEMERAL},
        ],
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [
            {
                "name": "recognition",
                "description": "Gives the result.",
                "input_schema": SHAPE,
                "strict": True,
                "eager_input_streaming": True,
            }
        ],
        "tool_choice": {"type": "tool", "name": "recognition", "disable_parallel_tool_use": True},
        "thinking": {"type": "disabled"},
        "output_config": {"effort": "low"},
    }


def test_a_model_that_refuses_to_be_forced_gets_its_text_constrained() -> None:
    request = request_of(ASK, "claude-sonnet-5-5")
    assert "tools" not in request
    assert request["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": SHAPE}}
    assert request["thinking"] == {"type": "between_tools"}


def test_a_model_that_nobody_knows_yet_gets_what_all_of_them_take() -> None:
    request = request_of(ASK, "claude-haiku-9")
    assert request.keys() == {"model", "system", "messages", "output_config"}
    assert request["output_config"].keys() == {"format"}


@pytest.mark.parametrize("model", sorted(MODELS))
def test_the_api_accepts_it_for_every_model(model: str) -> None:
    check_body(request_of(ASK, model), counting=True)
    check_body({**request_of(replace(ASK, stable=""), model), "max_tokens": 1, "stream": True}, counting=False)


def test_the_rules_tell_models_apart() -> None:
    """Otherwise the test above would hold whatever is asked."""
    assert manner_of("claude-haiku-5-5") != manner_of("claude-sonnet-5-5")
    with pytest.raises(Exception, match="not supported for this model"):
        check_body({**request_of(ASK, "claude-haiku-5-5"), "model": "claude-sonnet-5-5"}, counting=True)


def test_nothing_tells_for_whom_it_is() -> None:
    behalf = Behalf("turn-17", "conversation-17", "person-17", "it")
    assert request_of(replace(ASK, behalf=behalf), "claude-haiku-5-5") == request_of(ASK, "claude-haiku-5-5")


def test_bounds_that_the_api_refuses_stay_with_us() -> None:
    bounded = {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "minimum": 1, "maximum": 9},
            "words": {"type": "array", "items": {"type": "string", "maxLength": 5, "minLength": 1}, "minItems": 2, "maxItems": 3},
            "either": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]},
        },
        "required": ["minimum", "words", "either"],
        "additionalProperties": False,
    }
    assert narrowed(bounded) == {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer"},
            "words": {"type": "array", "items": {"type": "string"}},
            "either": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        },
        "required": ["minimum", "words", "either"],
        "additionalProperties": False,
    }
    ask = replace(ASK, shape=bounded)
    check_body(request_of(ask, "claude-haiku-5-5"), counting=True)
    assert ask.accepts({"minimum": 3, "words": ["a", "b"], "either": None})
    assert not ask.accepts({"minimum": 30, "words": ["a", "b"], "either": None})


@given(st.text(st.characters(codec=None)))
def test_cleaned_text_is_as_long_and_can_be_sent(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert len(cleaned) == len(text)
    assert all(after in (before, " ", "\ufffd") for before, after in zip(text, cleaned, strict=True))


def test_cleaning_keeps_lines_tabs_and_every_script() -> None:
    text = "Zeile 1\n\tZeile 2\r\n你好 🙂 \u202e"
    assert clean(text) == text
    assert clean("a\x00b\ud83dc") == "a b\ufffdc"


def test_a_tool_has_a_name_that_tools_may_have() -> None:
    assert tool_name("handoff summary/é") == "handoff_summary__"
    assert len(tool_name("x" * 100)) == 64
