"""Slots that a language model points out in somebody's words, with values that nobody has to take its word for. Pure.

What the words say is read by the typed extractors, as ever. Where they cannot read them ("trente jours"), the model's canonical value
goes through the same extractors, which take nothing that the catalogue or the type does not know; the value is then the model's, and
the employee says yes to it first. So it is with what is read only in the piece that the model cut out: around it, it may mean
something else.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bot.intent.checks import SaidSlot
from bot.intent.slots import Found, SlotContext, extract
from connectors.ports.records import Json
from specialists.request import SlotValue
from specialists.skill import SkillSpec, SlotSpec

_FARTHEST = timedelta(days=2 * 366)
"""A day further off is none that anybody means."""


@dataclass(frozen=True, slots=True)
class Around:
    """The whole of what was written. `denies`: something in it is not wanted, so nothing that is read in it is plain.
    `doubtful`: slots in which the offline engine found what it does not know, or more than one thing."""

    own: str
    quoted: str = ""
    denies: bool = False
    doubtful: Collection[str] = ()


def filled(
    spec: SkillSpec,
    base: Mapping[str, SlotValue],
    said: Sequence[SaidSlot],
    context: SlotContext,
    around: Around,
    *,
    answering: bool = False,
) -> dict[str, SlotValue]:
    """`base`, what is known, with what was pointed out. Own words go before quoted ones, which are tainted. Where the same words are read
    in two ways, the model's choice is its own: it is asked about."""
    slots, given = dict(base), {one.slot: one for one in said}
    for slot in spec.slots:
        one = given.get(slot.name)
        value = _value(spec, slot, one, slots, context, around, answering=answering) if one is not None else None
        before = slots.get(slot.name)
        if one is None or value is None or (before is not None and before.value == value.value and not before.tainted):
            continue
        if before is None or (before.tainted and one.origin == "own"):
            slots[slot.name] = value
        elif one.origin == "own" and slot.type != "text":
            slots[slot.name] = replace(value, source="model")
    return slots


def _value(
    spec: SkillSpec,
    slot: SlotSpec,
    one: SaidSlot,
    slots: Mapping[str, SlotValue],
    context: SlotContext,
    around: Around,
    *,
    answering: bool,
) -> SlotValue | None:
    tainted = one.origin == "quoted"
    known = {name: value.value for name, value in slots.items()}
    if slot.type == "text":
        # The words are the value. That they are one which must be given is the model's guess.
        words = one.said.strip()[:500]
        return SlotValue(words, words, "document" if tainted else "model" if slot.required else "utterance", tainted)
    found = _read(spec, slot, one.said, known, context)
    if found is not None:
        if tainted:
            return SlotValue(found.value, found.label, "document", tainted)
        whole = None if around.denies or slot.name in around.doubtful else _read(spec, slot, around.own, known, context)
        plain = whole is not None and whole.value == found.value
        return SlotValue(found.value, found.label, "model" if not plain else "answer" if answering else "utterance")
    guess = _read(spec, slot, one.said, known, context, asked=True)
    if guess is None and slot.type != "person":
        guess = _read(spec, slot, one.value, known, context, asked=True)
        # Whatever words it points at: where something was quoted, nobody knows that the value is not from there.
        tainted = tainted or bool(around.quoted)
    return (
        None
        if guess is None
        else SlotValue(guess.value, guess.label, "model", tainted or _quotes(spec, slot, guess, known, context, around))
    )


def _quotes(spec: SkillSpec, slot: SlotSpec, guess: Found, known: Mapping[str, Json], context: SlotContext, around: Around) -> bool:
    """Whether the quoted words say the same."""
    theirs = _read(spec, slot, around.quoted, known, context) if around.quoted else None
    return theirs is not None and theirs.value == guess.value


def _read(
    spec: SkillSpec, slot: SlotSpec, words: str, known: Mapping[str, Json], context: SlotContext, *, asked: bool = False
) -> Found | None:
    found = extract(spec, words, context, known=known, asked=slot.name if asked else None).found.get(slot.name)
    return None if found is None or (slot.type == "date" and not _possible(slot, str(found.value), known, context)) else found


def _possible(slot: SlotSpec, day: str, known: Mapping[str, Json], context: SlotContext) -> bool:
    """Neither past nor out of order, nor beyond what anybody plans."""
    since = str(known.get(slot.after or "", ""))
    return context.today.isoformat() <= day <= (context.today + _FARTHEST).isoformat() and since <= date.fromisoformat(day).isoformat()
