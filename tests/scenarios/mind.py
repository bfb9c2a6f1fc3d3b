"""What a well-behaved language model would say, made by rule: for the model in memory, and as the brain of the fake Messages API."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.ports.language import Ask

Json = dict[str, Any]
_OWN = re.compile(r"<own_words>\n(.*?)\n</own_words>", re.DOTALL)
_TEXT = re.compile(r'"text": ("(?:[^"\\]|\\.)*")')
"""Of the first passage; all around it may have been redacted."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_BLANK = {"text": "", "lines": []}


class Mind:
    """`means`: what words wish for, as the result of recognition; all other words are a question. `thoughts`: what it was asked for."""

    def __init__(self, means: Mapping[str, Json] | None = None) -> None:
        self._means = means or {}
        self.thoughts: list[str] = []

    def script(self, ask: Ask) -> Any:
        return self._think(ask.shape, ask.content)

    def brain(self, request: Json) -> Any:
        tools = request.get("tools")
        shape = tools[0]["input_schema"] if tools else request["output_config"]["format"]["schema"]
        return self._think(shape, request["messages"][0]["content"])

    def _think(self, shape: Mapping[str, Any], content: str) -> Json:
        wanted = shape["properties"]
        if "wishes" in wanted:
            self.thoughts.append("recognition")
            return self._recognition(content)
        if "covered" in wanted:
            self.thoughts.append("answer")
            return _answer(content)
        self.thoughts.append("summary")
        return {"asked": _BLANK, "facts": [], "tried": [], "open": []}

    def _recognition(self, content: str) -> Json:
        found = _OWN.search(content)
        own = found[1] if found is not None else ""
        return self._means.get(own) or recognition(wish(own, act="question"))


def wish(said: str, skill: str = "none", act: str = "skill", **slots: tuple[str, str]) -> Json:
    """`slots`: the words, and the value that they stand for."""
    values = [{"slot": name, "said": words, "value": value} for name, (words, value) in slots.items()]
    about = {"in_english": said, "confidence": 0.95, "for_somebody_else": ""}
    return {"act": act, "skill": skill, "said": said, **about, "slots": values}


def recognition(*wishes: Json, language: str = "en") -> Json:
    return {"language": language, "urgent": False, "sensitive": "none", "wishes": [*wishes], "answers": []}


def _answer(content: str) -> Json:
    """The first sentences of the first passage, in its own words."""
    text = _TEXT.search(content)
    said = [
        {"passage": 1, "quote": sentence, "text": sentence, "step": False}
        for sentence in (_sentences(json.loads(text[1])) if text is not None else ())[:3]
    ]
    return {"covered": bool(said), "language": "en", "sentences": said}


def _sentences(text: str) -> Sequence[str]:
    prose = [line for line in text.splitlines() if line and line[0].isalpha()]
    return [sentence for line in prose for sentence in _SENTENCE.split(line) if sentence.count(" ") > 3]
