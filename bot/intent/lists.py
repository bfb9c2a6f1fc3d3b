"""One wish for several things: "access to Figma as editor and GitHub" is two requests, one a thing. Pure."""

import re
from collections.abc import Sequence
from itertools import pairwise

from bot.intent.dates import find_dates
from bot.intent.matching import Mention, matcher
from bot.intent.slots import Extraction, Found, SlotContext, extract
from specialists.skill import SkillSpec

_SEPARATOR = re.compile(r",|/|&|\+|\b(?:and|plus|also|as well as)\b")
_LISTED = re.compile(
    r"\s*(?:as (?:an? )?[\w-]+|[\w-]+ (?:access|role|rights))?\s*(?:,|/|&|\+|and|plus|as well as|, and|and also|, also)\s*"
    r"(?:(?:also|for|to|in|on|an?|the|my|our|one|two|three|\d{1,2}|new|another|access|maybe|as|wireless|wired|ergonomic|bigger|second|external|from)\s+)*"
)
_OF_ONE = frozenset({"role", "number"})
"""Slot types that are said of one thing alone."""


def several(spec: SkillSpec, text: str, context: SlotContext) -> list[Extraction]:
    """One filling a thing when different things of a kind stand in an enumeration; empty when there is none.

    What is said beside a thing is its own (a role, a number); what is said of all holds for all (a length, a reason).
    """
    kinds = {slot.type: slot.name for slot in spec.slots}
    if "application" in kinds:
        return _each(spec, _enumerated(matcher(context.catalogue).applications.find(text), text), kinds["application"], text, context)
    if "hardware" in kinds:
        return _each(spec, _enumerated(matcher(context.catalogue).items(text), text), kinds["hardware"], text, context)
    return _stretches(spec, text, context)


def _enumerated(mentions: Sequence[Mention], text: str) -> list[Mention]:
    listed = list(mentions[:1])
    for mention in mentions[1:]:
        if _LISTED.fullmatch(text[listed[-1].last : mention.first].lower()):
            if all(mention.keys != other.keys for other in listed):
                listed.append(mention)
        elif len(listed) == 1:
            listed = [mention]
    return listed if len(listed) > 1 else []


def _each(spec: SkillSpec, mentions: list[Mention], thing: str, text: str, context: SlotContext) -> list[Extraction]:
    fillings = []
    whole = extract(spec, text, context).found
    types = {slot.name: slot.type for slot in spec.slots}
    for index, mention in enumerate(mentions):
        begin, end = 0, len(text)
        if index > 0:
            before = list(_SEPARATOR.finditer(text, mentions[index - 1].last, mention.first))
            begin = before[0].end() if before else mentions[index - 1].last
        if index + 1 < len(mentions):
            after = _SEPARATOR.search(text, mention.last, mentions[index + 1].first)
            end = after.start() if after else mentions[index + 1].first
        own = extract(spec, text[begin:end], context)
        filling = {name: found for name, found in whole.items() if name != thing and types[name] not in _OF_ONE}
        filling |= {name: Found(found.value, found.label, found.first + begin, found.last + begin) for name, found in own.found.items()}
        if thing in filling:
            filling |= _said_before_all(spec, text[: mentions[0].first], str(filling[thing].value), filling, context)
        fillings.append(Extraction(filling, own.candidates))
    return fillings


def _said_before_all(spec: SkillSpec, leading: str, application: str, filling: dict[str, Found], context: SlotContext) -> dict[str, Found]:
    """ "viewer access to Figma and Tableau": the role holds for each application that has it."""
    role = next((slot for slot in spec.slots if slot.type == "role" and slot.name not in filling), None)
    if role is None or role.of is None:
        return {}
    found = extract(spec, leading, context, known={role.of: application}).found.get(role.name)
    return {} if found is None else {role.name: found}


def _stretches(spec: SkillSpec, text: str, context: SlotContext) -> list[Extraction]:
    """ "Dec 22-24 and Dec 29-31": two stretches of leave. Neighbouring single days stay one."""
    end = next((slot for slot in spec.slots if slot.type == "date" and slot.after), None)
    if end is None or end.after is None:
        return []
    spans = find_dates(text, context.today, context.locale)
    if len(spans) < 2 or not all(_LISTED.fullmatch(text[one.last : other.first].lower()) for one, other in pairwise(spans)):
        return []
    fillings = [extract(spec, text[span.first : span.last], context) for span in spans]
    return fillings if all({end.name, end.after} <= filling.found.keys() for filling in fillings) else []
