"""What a language model is told of an utterance, and the shape of what it says. Pure.

It is told the skills there are, the employee's own words, what is being asked of them, their own open requests by case number, and
titles of articles they may read. Never ids, addresses, other people, or what is said in private.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from bot.conversation.model import AwaitsChoice, AwaitsHandoffAnswer, AwaitsSolved, OpenRequest, Recall
from bot.intent.answers import asked_about
from bot.intent.catalogue import Catalogue
from bot.intent.sensitive import TOPICS
from bot.intent.text import Reading
from specialists.skill import SkillSpec, SlotSpec

MOST_SKILLS = 8
MOST_TITLES = 5
_MOST_NAMES = 60
"""Things of one kind that are named to the model; with more it gives the employee's own word for one."""
_MOST_REQUESTS = 6
_MOST_BEFORE = 1200
"""Characters of what was said before."""
NONE = "none"
ACTS = ("skill", "question", "status", "human", "help", "greeting", "thanks", "unclear")
"""What a model may take words for. A yes, a no, an undo and a "never mind" are not among them: those are the offline engine's alone."""
_TYPES = {
    "text": "the employee's own words",
    "application": "the name of an application",
    "role": "a role in that application",
    "duration": "a length of time, as in: 30 days",
    "date": "a day, as in: 2026-03-14",
    "hardware": "the name of a piece of hardware",
    "number": "a number in digits",
    "amount": "an amount with its currency, as in: 45.90 EUR",
    "person": "a person's name",
    "device": "a kind of device, as in: laptop",
}


def shortlist(likely: Sequence[tuple[str, float]], asked: str | None, skills: Mapping[str, SkillSpec]) -> tuple[str, ...]:
    """The skills that a model chooses from: the likeliest, and the one that is being asked about, by name, so that the text stays
    the same from call to call. With few enough skills it is all of them."""
    if len(skills) <= MOST_SKILLS:
        return tuple(sorted(skills))
    first = (asked,) if asked in skills else ()
    best = dict.fromkeys((*first, *(name for name, _ in likely if name in skills)))
    return tuple(sorted(list(best)[:MOST_SKILLS]))


def shape(skills: Mapping[str, Collection[str]]) -> Mapping[str, Any]:
    """JSON schema of what a model says, within what strict tools take; what they do not (lengths) is checked afterwards.

    `skills`: those on offer, each with its slots.
    """
    slot = {"type": "string", "enum": sorted({one for slots in skills.values() for one in slots}) or [NONE]}
    said = {"type": "string"}
    value = _object(slot=slot, said=said, value={"type": "string"})
    wish = _object(
        act={"type": "string", "enum": [*ACTS]},
        skill={"type": "string", "enum": [*skills, NONE]},
        said=said,
        in_english={"type": "string"},
        confidence={"type": "number"},
        for_somebody_else={"type": "string"},
        slots={"type": "array", "items": value},
    )
    return _object(
        language={"type": "string"},
        urgent={"type": "boolean"},
        sensitive={"type": "string", "enum": [*TOPICS, NONE]},
        wishes={"type": "array", "items": wish},
        answers={"type": "array", "items": value},
    )


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def described(specs: Sequence[SkillSpec], catalogue: Catalogue) -> str:
    """The skills, the same text from call to call."""
    told = ["<skills>"]
    for spec in specs:
        told.append(f"{spec.name}: {spec.title or spec.name}. {spec.description}")
        told += [f"  {slot.name}: {_slot(slot)}" for slot in spec.slots]
    told.append("</skills>")
    types = {slot.type for spec in specs for slot in spec.slots}
    if "application" in types and catalogue.applications:
        told += _listed("applications", [f"{one.name} ({', '.join(catalogue.roles_of(one.key))})" for one in catalogue.applications])
    if "hardware" in types and catalogue.items:
        told += _listed("hardware", [one.name for one in catalogue.items])
    return "\n".join(told)


def _slot(slot: SlotSpec) -> str:
    kind = f"one of {', '.join(slot.choices)}" if slot.type == "choice" else _TYPES[slot.type]
    until = f", at most {slot.maximum.days} days" if slot.maximum is not None else ""
    return kind + until + (f", not before {slot.after}" if slot.after else "") + ("" if slot.required else ", if said")


def _listed(what: str, names: Sequence[str]) -> list[str]:
    """By name, so that the order does not change with what the systems answer."""
    return [f"<{what}>", *sorted(names)[:_MOST_NAMES], f"</{what}>"]


def content(reading: Reading, recall: Recall, titles: Sequence[str], today: date, specs: Mapping[str, SkillSpec]) -> str:
    """Everything that changes from call to call, each kind in a block of its own; what is in a block cannot end it."""
    blocks = [
        _block("today", f"{today:%A} {today.isoformat()}"),
        _block("being_asked", _being_asked(recall, specs)),
        _block("open_requests", "\n".join(_request(one, specs) for one in recall.requests[:_MOST_REQUESTS])),
        _block("said_before", recall.summary[:_MOST_BEFORE]),
        _block("question_before", (recall.question or "")[:_MOST_BEFORE]),
        _block("article_titles", "\n".join(titles[:MOST_TITLES])),
        words(reading),
    ]
    return "\n".join(block for block in blocks if block)


def words(reading: Reading) -> str:
    """What was quoted, and last what was said."""
    return "\n".join(filter(None, (_block("quoted", reading.quoted), _block("own_words", reading.own))))


def _block(name: str, text: str) -> str:
    inside = text.strip().replace("<", "\u2039").replace(">", "\u203a")
    return f"<{name}>\n{inside}\n</{name}>" if inside else ""


def _being_asked(recall: Recall, specs: Mapping[str, SkillSpec]) -> str:
    asked = asked_about(recall)
    if asked is not None and asked[0].skill in specs:
        request, slot = asked
        name = _title(request.skill, specs)
        missing = ", ".join(request.missing) or NONE
        if slot is None:
            return f"Whether {name} ({request.skill}) is to be done as said. Slots that may be changed: {', '.join(request.slots) or NONE}."
        return f"The slot {slot} of {name} ({request.skill}). Missing slots: {missing}."
    match recall.awaits[:1]:
        case (AwaitsChoice(skills),):
            return f"Which of these is meant: {', '.join(skills)}."
        case (AwaitsHandoffAnswer(),):
            return "Whether a person is wanted."
        case (AwaitsSolved(),):
            return "Whether that solved it."
        case _:
            return ""


def _request(request: OpenRequest, specs: Mapping[str, SkillSpec]) -> str:
    return f"{request.case}: {_title(request.skill, specs)}"


def _title(skill: str, specs: Mapping[str, SkillSpec]) -> str:
    spec = specs.get(skill)
    return spec.title or skill if spec is not None else skill
