"""What an utterance fills of a request that is being asked about. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.conversation.model import AwaitsConfirmation, AwaitsSlot, OpenRequest, Recall
from bot.intent import acts
from bot.intent.slots import Found, SlotContext, choices_of, extract
from bot.intent.withdrawing import UNSENT
from specialists.request import SlotValue
from specialists.skill import SkillSpec

_LONG = 10
"""Words from which an utterance that misses the question is not searched for other slots."""
_CHANGES = re.compile(
    r"(?:(?:actually|oh|sorry|wait|no|please|and|but|hm+|well|rather)[\s,]+)*"
    r"(?:make (?:it|that)|change (?:it|that|the \w+) to|let's (?:say|make it)|i meant)\b",
    re.IGNORECASE,
)
"""It changes what was said before rather than gives a reason."""
_YES_NO = re.compile(
    r"^(?:yes|yeah|yep|yup|sure|ok|okay|no|nope|nah|correct|right)\b[\s,.!-]*(?:(?:please|but|and|thanks|only)\b[\s,]*)*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Answers:
    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def answers_to(spec: SkillSpec, pending: tuple[OpenRequest, str | None] | None, text: str, context: SlotContext) -> Answers:
    """The slot that was asked for, others that are missing, and filled ones that are changed ("make it 60 days")."""
    if pending is None:
        return Answers()
    request, asked = pending
    known = {name: one.value for name, one in request.slots.items()}
    types = {slot.name: slot.type for slot in spec.slots}
    if asked is not None and acts.asks_which(text):
        choices = next((choices_of(slot, known, context) for slot in spec.slots if slot.name == asked), ())
        return Answers(candidates={asked: choices})
    found = extract(spec, _YES_NO.sub("", text, count=1) if asked is None else text, context, known=known, asked=asked)
    if asked is None:
        changed = {name: one for name, one in found.found.items() if types[name] != "text" and one.value != known.get(name)}
        return Answers(_values(changed), found.candidates)
    if types.get(asked) == "text":
        if _CHANGES.match(text) and (changed := {name: one for name, one in found.found.items() if name != asked}):
            return Answers(_values(changed))
        # Free text mentions much: it changes nothing that is filled.
        return Answers(_values({name: one for name, one in found.found.items() if name == asked or name not in known}))
    if asked not in found.found and (acts.is_question(text) or len(text.split()) > _LONG):
        return Answers(candidates=found.candidates)
    return Answers(
        _values({name: one for name, one in found.found.items() if name == asked or one.value != known.get(name)}), found.candidates
    )


def asked_about(recall: Recall) -> tuple[OpenRequest, str | None] | None:
    """The request that was asked about last, and the slot that was asked for (None: it was to be confirmed)."""
    for item in recall.awaits:
        if isinstance(item, AwaitsSlot | AwaitsConfirmation):
            request = next((one for one in recall.requests if one.id == item.request_id), None)
            return None if request is None else (request, item.slot if isinstance(item, AwaitsSlot) else None)
    return None


def left_open(recall: Recall) -> OpenRequest | None:
    """The one request that still lacks something while nothing is being asked of it: a detour came between."""
    if any(isinstance(item, AwaitsSlot | AwaitsConfirmation) for item in recall.awaits):
        return None
    unsent = [request for request in recall.requests if request.state in UNSENT]
    return unsent[0] if len(unsent) == 1 and unsent[0].missing else None


def late_answers(spec: SkillSpec, request: OpenRequest, text: str, context: SlotContext) -> Answers:
    """What fills a request that nothing is being asked of any more; nothing unless it fills what is missing."""
    types = {slot.name: slot.type for slot in spec.slots}
    asked = next((name for name in request.missing if types.get(name) not in ("text", "number")), None)
    found = answers_to(spec, (request, asked), text, context).slots
    missing = {name: value for name, value in found.items() if name in request.missing and types[name] != "text"}
    return Answers(found if missing else {})


def _values(found: Mapping[str, Found]) -> dict[str, SlotValue]:
    return {name: SlotValue(one.value, one.label, "answer") for name, one in found.items()}
