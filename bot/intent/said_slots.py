"""Slots that a language model points out in somebody's words, with values that nobody has to take its word for. Pure.

What the words say is read by the typed extractors, as ever. Where they cannot read them ("trente jours"), the model's canonical value
goes through the same extractors, which take nothing that the catalogue or the type does not know; the value is then the model's, and
the employee says yes to it first.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from bot.intent.checks import SaidSlot
from bot.intent.slots import Found, SlotContext, extract
from connectors.ports.records import Json
from specialists.request import SlotValue
from specialists.skill import SkillSpec, SlotSpec

_FARTHEST = timedelta(days=2 * 366)
"""A day further off is none that anybody means."""


def filled(
    spec: SkillSpec, base: Mapping[str, SlotValue], said: Sequence[SaidSlot], context: SlotContext, *, answering: bool = False
) -> dict[str, SlotValue]:
    """`base`, what is known, with what was pointed out. Own words go before quoted ones, which are tainted. Where the same words are read
    in two ways, the model's choice is its own: it is asked about."""
    slots, given = dict(base), {one.slot: one for one in said}
    for slot in spec.slots:
        one = given.get(slot.name)
        value = _value(spec, slot, one, slots, context, answering=answering) if one is not None else None
        before = slots.get(slot.name)
        if one is None or value is None or (before is not None and before.value == value.value and not before.tainted):
            continue
        if before is None or (before.tainted and one.origin == "own"):
            slots[slot.name] = value
        elif one.origin == "own" and slot.type != "text":
            slots[slot.name] = SlotValue(value.value, value.label, "model")
    return slots


def _value(
    spec: SkillSpec, slot: SlotSpec, one: SaidSlot, slots: Mapping[str, SlotValue], context: SlotContext, *, answering: bool
) -> SlotValue | None:
    tainted = one.origin == "quoted"
    known = {name: value.value for name, value in slots.items()}
    if slot.type == "text":
        # The words are the value. That they are one which must be given is the model's guess.
        words = one.said.strip()[:500]
        return SlotValue(words, words, "document" if tainted else "model" if slot.required else "utterance", tainted)
    found = _read(spec, slot, one.said, known, context)
    if found is not None:
        return SlotValue(found.value, found.label, "document" if tainted else "answer" if answering else "utterance", tainted)
    guess = _read(spec, slot, one.said, known, context, asked=True)
    if guess is None and slot.type != "person":
        guess = _read(spec, slot, one.value, known, context, asked=True)
    return None if guess is None else SlotValue(guess.value, guess.label, "model", tainted)


def _read(
    spec: SkillSpec, slot: SlotSpec, words: str, known: Mapping[str, Json], context: SlotContext, *, asked: bool = False
) -> Found | None:
    found = extract(spec, words, context, known=known, asked=slot.name if asked else None).found.get(slot.name)
    return None if found is None or (slot.type == "date" and not _possible(slot, str(found.value), known, context)) else found


def _possible(slot: SlotSpec, day: str, known: Mapping[str, Json], context: SlotContext) -> bool:
    """Neither past nor out of order, nor beyond what anybody plans."""
    since = str(known.get(slot.after or "", ""))
    return context.today.isoformat() <= day <= (context.today + _FARTHEST).isoformat() and since <= date.fromisoformat(day).isoformat()
