"""What an utterance fills of a request that is being asked about. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.conversation.model import OpenRequest
from bot.intent import acts
from bot.intent.slots import Found, SlotContext, extract
from specialists.request import SlotValue
from specialists.skill import SkillSpec

_LONG = 10
"""Words from which an utterance that misses the question is not searched for other slots."""
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
    found = extract(spec, _YES_NO.sub("", text, count=1) if asked is None else text, context, known=known, asked=asked)
    if asked is None:
        changed = {name: one for name, one in found.found.items() if types[name] != "text" and one.value != known.get(name)}
        return Answers(_values(changed), found.candidates)
    if types.get(asked) == "text":
        # Free text mentions much: it changes nothing that is filled.
        return Answers(_values({name: one for name, one in found.found.items() if name == asked or name not in known}))
    if asked not in found.found and (acts.is_question(text) or len(text.split()) > _LONG):
        return Answers(candidates=found.candidates)
    return Answers(
        _values({name: one for name, one in found.found.items() if name == asked or one.value != known.get(name)}), found.candidates
    )


def _values(found: Mapping[str, Found]) -> dict[str, SlotValue]:
    return {name: SlotValue(one.value, one.label, "answer") for name, one in found.items()}
