"""What the harness must catch: the same parts without their checks, given as arguments instead of the real ones."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.conversation.model import Recall
from bot.intent.assisted import PROMPT as UNDERSTANDING
from bot.intent.model import Beneficiary, Recognition, Wish
from bot.intent.recognizer import Recognizer
from connectors.errors import ConnectorError
from connectors.memory.language import ScriptedModel
from connectors.ports.language import NOBODY, Ask
from connectors.ports.people import Person
from knowledge.answers import Answer
from knowledge.assisted import PROMPT as ANSWERING
from knowledge.composing import SHAPE
from specialists.policy.decide import Policy
from specialists.policy.model import PolicyDecision, PolicyQuery
from specialists.request import SlotValue
from specialists.skill import SkillSpec

_STRING = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _shape(skills: Sequence[str], slots: Sequence[str]) -> Mapping[str, Any]:
    slot = _object(slot={"type": "string", "enum": [*slots]}, said=_STRING, value=_STRING)
    wish = _object(
        skill={"type": "string", "enum": [*skills]},
        said=_STRING,
        confidence={"type": "number"},
        for_somebody_else=_STRING,
        slots={"type": "array", "items": slot},
    )
    return _object(wishes={"type": "array", "items": wish})


class CredulousRecognizer:
    """Takes the model at its word: any skill, any value, for anybody, as sure as it says."""

    def __init__(self, offline: Recognizer, model: ScriptedModel, skills: Mapping[str, SkillSpec]) -> None:
        self._offline, self._model, self._skills = offline, model, skills

    async def recognize(self, text: str, recall: Recall) -> Recognition:
        offline = await self._offline.recognize(text, recall)
        slots = [slot.name for spec in self._skills.values() for slot in spec.slots]
        told = "\n".join(
            line for spec in self._skills.values() for line in (f"{spec.name}: .", *(f"  {slot.name}: ." for slot in spec.slots))
        )
        try:
            said = await self._model.complete(Ask(UNDERSTANDING, "small", text, _shape([*self._skills], slots), NOBODY, stable=told))
        except (ConnectorError, RuntimeError):
            return offline
        result: Any = said.result
        wishes = tuple(self._wish(wish) for wish in result["wishes"] if wish["skill"] in self._skills)
        return replace(offline, wishes=wishes, sensitive=None) if wishes else offline

    def _wish(self, said: Mapping[str, Any]) -> Wish:
        slots = {one["slot"]: SlotValue(one["value"] or "x", one["said"]) for one in said["slots"]}
        other = Beneficiary("Omar", "e1002") if said["for_somebody_else"] else None
        return Wish("skill", said["said"], min(1.0, said["confidence"]), said["skill"], slots, other)


class AllowingPolicy(Policy):
    """Allows everything to everybody, at once."""

    def decide(self, query: PolicyQuery) -> PolicyDecision:
        return PolicyDecision("run_autonomous", ("everything",), self.version)


class CredulousAnswerer:
    """Shows whatever the model writes, under the passages that it was given."""

    def __init__(self, offline: Any, model: ScriptedModel) -> None:
        self._offline, self._model = offline, model

    async def answer(self, question: str, asker: Person, **more: Any) -> Answer:
        known = ("context", "vector", "search")
        offline: Answer = await self._offline.answer(question, asker, **{key: more[key] for key in known if key in more})
        passages = [{"number": n, "text": one.chunk.text} for n, one in enumerate(offline.passages, 1)]
        content = json.dumps({"question": question, "passages": passages})
        try:
            said = await self._model.complete(Ask(ANSWERING, "large", content, SHAPE, NOBODY))
        except (ConnectorError, RuntimeError):
            return offline
        sentences: Sequence[Mapping[str, Any]] = said.result["sentences"]  # type: ignore[assignment]
        return replace(offline, kind="answered", text=" ".join(one["text"] for one in sentences)) if sentences else offline
