"""Typed slots out of people's words, each with where it stands. Pure: the catalogue and today are passed in.

What does not parse is not filled; the employee is asked. What the words narrow down without deciding ("a laptop") is
given as candidates, so that the question can name them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from rapidfuzz import fuzz, process

from bot.intent.acts import load, ordinal
from bot.intent.amounts import find_amounts
from bot.intent.catalogue import Catalogue
from bot.intent.dates import DateSpan, find_dates, until_end
from bot.intent.durations import NUMBERS, Duration, find_durations, last_day
from bot.intent.matching import Mention, Names, Token, matcher, tokens
from bot.intent.text import plain
from connectors.ports.people import DirectoryPerson
from connectors.ports.records import Json
from connectors.ports.systems import Device
from specialists.skill import SkillSpec, SlotSpec

MOST_CANDIDATES = 6
_WORDS: Mapping[str, Any] = load("words.yaml", "en")


@dataclass(frozen=True, slots=True)
class Found:
    """A slot's value for actions, its label for people, and where the words stand in the text."""

    value: Json
    label: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class SlotContext:
    """`today` is the day in the person's own zone."""

    catalogue: Catalogue
    today: date
    locale: str = "en-US"
    currency: str = "USD"
    """Of the person's country."""
    devices: tuple[Device, ...] = ()
    """What the person has."""
    people: Mapping[str, tuple[DirectoryPerson, ...]] = field(default_factory=dict)
    """Words of the text that name somebody -> who may be meant."""


@dataclass(slots=True)
class Extraction:
    found: dict[str, Found] = field(default_factory=dict)
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    """Slots whose thing was named but is not in the catalogue: the words."""


def extract(
    spec: SkillSpec, text: str, context: SlotContext, *, known: Mapping[str, Json] | None = None, asked: str | None = None
) -> Extraction:
    """The slots of a skill that the text fills. `known`: values it has already. `asked`: the slot that was asked for,
    which may be answered by a bare word or number."""
    known, out = known or {}, Extraction()
    for slot in spec.slots:
        of_asked = slot.name == asked
        match slot.type:
            case "application":
                _named(slot, matcher(context.catalogue).applications.find(text), context, out, text)
                if slot.name not in out.found and (name := _UNKNOWN.search(text)) and name["name"].lower() not in _NO_NAMES:
                    out.unknown[slot.name] = name["name"]
            case "hardware":
                _named(slot, _hardware(text, context, asked=of_asked), context, out, text)
                _cheapest(slot, text, context, out)
            case "duration":
                _duration(slot, text, context, out, asked=of_asked)
            case "number":
                _number(slot, text, context, out, asked=of_asked)
            case "choice":
                _choice(slot, text, out)
            case "amount":
                amounts = find_amounts(text, context.currency, bare=of_asked)
                if amounts:
                    one = amounts[0]
                    out.found[slot.name] = Found(str(one), one.label(context.locale), one.first, one.last)
            case "person":
                _person(slot, text, context, out)
            case "device":
                _device(slot, text, context, out)
            case "text":
                _text(slot, text, out, asked=of_asked)
            case "role" | "date":
                pass
    for slot in spec.slots:
        if slot.type == "role":
            application = out.found.get(slot.of or "")
            _role(slot, text, str(application.value) if application else known.get(slot.of or ""), context, out, asked=slot.name == asked)
    _dates([slot for slot in spec.slots if slot.type == "date"], text, context, out, known, asked)
    return out


def choices_of(slot: SlotSpec, known: Mapping[str, Json], context: SlotContext) -> tuple[str, ...]:
    """Everything that a slot may be, as people read it; () when that is not a matter of choosing."""
    match slot.type:
        case "role":
            return context.catalogue.roles_of(str(known.get(slot.of or "", "")))
        case "application":
            return tuple(app.name for app in context.catalogue.applications)
        case "hardware":
            return tuple(item.name for item in context.catalogue.items)
        case "device":
            return tuple(device_label(device) for device in context.devices)
        case _:
            return tuple(slot.choices)


def day_label(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"


# -- things of the catalogue ---------------------------------------------------------------------------------------


def _named(slot: SlotSpec, mentions: Sequence[Mention], context: SlotContext, out: Extraction, text: str) -> None:
    mention = _meant(mentions, text)
    if mention is None:
        return
    labels = {app.key: app.name for app in context.catalogue.applications} | {item.key: item.name for item in context.catalogue.items}
    if len(mention.keys) == 1:
        out.found[slot.name] = Found(mention.keys[0], labels[mention.keys[0]], mention.first, mention.last)
    else:
        out.candidates[slot.name] = tuple(labels[key] for key in mention.keys[:MOST_CANDIDATES])


def _hardware(text: str, context: SlotContext, *, asked: bool) -> Sequence[Mention]:
    """What is named; when it was asked for, "the 27 inch one" names enough."""
    # "wireless one" is no misspelt "wireless mouse".
    bare = _ONE.sub(lambda match: " " * len(match[0]), text) if asked else text
    return matcher(context.catalogue).items(bare) or (matcher(context.catalogue).described(bare) if asked else [])


_ONE = re.compile(r"\bones?\b", re.IGNORECASE)
_CHEAPEST = re.compile(r"\b(?:cheapest|least expensive|lowest price)\b", re.IGNORECASE)


def _cheapest(slot: SlotSpec, text: str, context: SlotContext, out: Extraction) -> None:
    """Decides between what the words leave open: "the cheapest monitor"."""
    if slot.name not in out.candidates or not _CHEAPEST.search(text):
        return
    labels = out.candidates.pop(slot.name)
    item = min((one for one in context.catalogue.items if one.name in labels), key=lambda one: one.price)
    out.found[slot.name] = Found(item.key, item.name, 0, len(text))


def _meant(mentions: Sequence[Mention], text: str) -> Mention | None:
    """The one that access is wanted to, else the first that is named by its own name, else the first."""
    if not mentions:
        return None
    for mention in mentions:
        if _TOWARDS.search(text[: mention.first].lower()):
            return mention
    return next((mention for mention in mentions if mention.by_name), mentions[0])


_TOWARDS = re.compile(
    r"(?:access|permissions?|rights?|role|licen[cs]e|seat|account|log ?in) (?:to|for|in|on|with|of)\s+(?:the\s+)?$|\binto\s+(?:the\s+)?$"
)


_UNKNOWN = re.compile(
    r"\b(?:(?:access|permissions?|rights|licen[cs]e|seat|account|log ?in) (?:to|for|in|on)|(?:add|let|get) me (?:in)?to)\s+"
    r"(?!(?:the )?(?:this|that|my|our|your|a|an|some|it|all|every|in|to|on|for)\b)(?:the )?"
    r"(?P<name>[\w.+-]*\w(?: (?!(?:as|for|until|till|from|with|please|pls|and|or|because|so|to|in|on|by|asap|again|too|now|today"
    r"|tomorrow|app|tool|application|software|system)\b)[\w.+-]*\w){0,2})",
    re.IGNORECASE,
)
_NO_NAMES = frozenset({"app", "application", "tool", "software", "system", "something", "things", "everything", "project", "team", "next"})


def _role(slot: SlotSpec, text: str, application: Json, context: SlotContext, out: Extraction, *, asked: bool) -> None:
    app = context.catalogue.application(str(application)) if application else None
    roles = app.roles if app else tuple(dict.fromkeys(role for one in context.catalogue.applications for role in one.roles))
    if asked:
        index = ordinal(text, len(roles)) if app else None
        if index is not None:
            out.found[slot.name] = Found(roles[index], roles[index], 0, len(text))
            return
    taken = matcher(context.catalogue).applications.find(text)
    words = [token for token in tokens(text) if not any(mention.first <= token.first < mention.last for mention in taken)]
    others: Mapping[str, Sequence[str]] = _WORDS["roles"]
    everyday = _WORDS["everyday"]
    best: tuple[int, str, Token, Token] | None = None
    for role in roles:
        for rank, phrase in enumerate((role, *(others.get(role, ()) if app else ()))):
            wanted = [token.word for token in tokens(phrase)]
            for start in range(len(words) - len(wanted) + 1):
                window = words[start : start + len(wanted)]
                if not all(_alike(token.word, word) for token, word in zip(window, wanted, strict=True)):
                    continue
                before, after = text[: window[0].first].lower(), text[window[-1].last :].lower()
                if re.search(r"\bfrom (?:an? )?$", before) or (
                    phrase in everyday and not asked and not _as_role(before, after, taken, window)
                ):
                    continue
                if not app and (rank or phrase in everyday):
                    continue
                weight = -len(wanted) * 4 + min(rank, 1) * 2
                if best is None or weight < best[0]:
                    best = (weight, role, window[0], window[-1])
    if best is not None:
        out.found[slot.name] = Found(best[1], best[1], best[2].first, best[3].last)


def _alike(said: str, word: str) -> bool:
    return said == word or (len(word) >= 5 and (said == word + "s" or fuzz.ratio(said, word) >= 88))


def _as_role(before: str, after: str, applications: Sequence[Mention], window: list[Token]) -> bool:
    return bool(
        re.search(r"\b(?:as|be|become|role:?|to|can|only|with) (?:an? |the )?$", before)
        or re.match(
            r"[\s-]*(?:only )?(?:access|role|rights?|permissions?|licen[cs]e|seat|account|user|status|boards?|files?|documents?)\b", after
        )
        or any(0 <= window[0].first - mention.last <= 1 for mention in applications)
    )


# -- people and what they have -----------------------------------------------------------------------------------------


def _person(slot: SlotSpec, text: str, context: SlotContext, out: Extraction) -> None:
    """The first of the text's names that somebody has; where several have it, they are the candidates."""
    there = [(text.find(words), words, people) for words, people in context.people.items() if words in text]
    for first, words, people in sorted(there, key=lambda one: (one[0], -len(one[1]))):
        if len(people) == 1:
            out.found[slot.name] = Found(people[0].key, people[0].name, first, first + len(words))
        else:
            twins = len({one.name for one in people}) < len(people)
            out.candidates[slot.name] = tuple(f"{one.name} ({one.email})" if twins else one.name for one in people[:MOST_CANDIDATES])
        return


def _device(slot: SlotSpec, text: str, context: SlotContext, out: Extraction) -> None:
    """ "My laptop", by its kind, its model or the tag on it; what they have two of is left open."""
    mentions = _owned(context.devices).find(text)
    if mentions:
        by_tag = {device.tag: device_label(device) for device in context.devices}
        mention = min(mentions, key=lambda one: (len(one.keys), one.first))
        if len(mention.keys) == 1:
            out.found[slot.name] = Found(mention.keys[0], by_tag[mention.keys[0]], mention.first, mention.last)
        else:
            out.candidates[slot.name] = tuple(by_tag[key] for key in mention.keys[:MOST_CANDIDATES])


@lru_cache(maxsize=64)
def _owned(devices: tuple[Device, ...]) -> Names:
    called: dict[str, list[str]] = {}
    for device in devices:
        for name in (device.tag, device.model, device.kind, *_WORDS["hardware"].get(device.kind, ())):
            called.setdefault(name, []).append(device.tag)
    return Names([(name, tuple(tags), True) for name, tags in called.items()])


def device_label(device: Device) -> str:
    return f"{device.model} ({device.tag})"


# -- lengths, days and numbers -------------------------------------------------------------------------------------


def _duration(slot: SlotSpec, text: str, context: SlotContext, out: Extraction, *, asked: bool) -> None:
    found = _how_long(text, context, asked=asked)
    if found is not None and found.days > 0 and (slot.maximum is None or found.days <= slot.maximum.days):
        out.found[slot.name] = Found(found.iso, found.label, found.first, found.last)


def _how_long(text: str, context: SlotContext, *, asked: bool) -> Duration | None:
    for duration in find_durations(text):
        if not _PAST.search(text[: duration.first].lower()):
            return duration
    end = until_end(text, context.today)
    if end is not None:
        return Duration(max((end[0] - context.today).days, 1), end[1], end[2])
    for span in find_dates(text, context.today, context.locale):
        if span.end is not None and span.end > context.today and (span.start is None or asked):
            return Duration((span.end - context.today).days, span.first, span.last)
    bare = re.fullmatch(r"\s*(?:about |around |maybe )?(\d{1,3})\s*", text) if asked else None
    return Duration(int(bare[1]), bare.start(1), bare.end(1)) if bare else None


_PAST = re.compile(r"\b(?:last|past|since|in the last|over the last|within|every|first|about) $")


def _dates(slots: list[SlotSpec], text: str, context: SlotContext, out: Extraction, known: Mapping[str, Json], asked: str | None) -> None:
    if not slots:
        return
    end_slot = next((slot for slot in slots if slot.after), None)
    start_slot = next((slot for slot in slots if end_slot is not None and slot.name == end_slot.after), slots[0])
    asked_end = end_slot is not None and asked == end_slot.name
    since = known.get(start_slot.name)
    base = date.fromisoformat(since) if asked_end and isinstance(since, str) else context.today
    spans = find_dates(text, base, context.locale)
    durations = find_durations(text)
    if not spans and asked in (start_slot.name, end_slot.name if end_slot else ""):
        spans = [DateSpan(day, day, 0, len(text), single=True) for day in _bare_day(text, base, context.locale)]
    if asked_end and end_slot is not None:
        if spans and spans[0].end is not None:
            # "the same day" and the day itself are later than nothing: a weekday counts from the first day on.
            out.found[end_slot.name] = _date(spans[0].end, spans[0])
            if spans[0].start is not None and not spans[0].single:
                out.found[start_slot.name] = _date(spans[0].start, spans[0])
        elif durations:
            out.found[end_slot.name] = _date_at(last_day(base, text, durations[0]), durations[0].first, durations[0].last)
        elif _SAME_DAY.search(text):
            out.found[end_slot.name] = _date_at(base, 0, len(text))
        return
    span = next((one for one in spans if one.start and not one.single), next(iter(spans), None))
    if span is None:
        return
    start, end = span.start, span.end
    if start is not None and (end is None or span.single) and durations:
        end = last_day(start, text, durations[0])
    elif span.single and asked == start_slot.name and not _SAME_DAY.search(text):
        end = None
    if start is not None:
        out.found[start_slot.name] = _date(start, span)
    if end is not None and end_slot is not None:
        out.found[end_slot.name] = _date(end, span)


_SAME_DAY = re.compile(
    r"\b(?:same day|(?:just|only) (?:that|the|this|one) (?:one )?day|that day|just|only|one day|a day|single day)\b", re.IGNORECASE
)


def _bare_day(text: str, base: date, locale: str) -> list[date]:
    bare = re.fullmatch(r"\s*(\d{1,2})(?:st|nd|rd|th|\.)?\s*", text)
    return [span.end for span in find_dates(f"the {bare[1]}th", base, locale) if span.end] if bare else []


def _date(day: date | None, span: DateSpan) -> Found:
    assert day is not None  # the caller looked
    return _date_at(day, span.first, span.last)


def _date_at(day: date, first: int, last: int) -> Found:
    return Found(day.isoformat(), day_label(day), first, last)


def _number(slot: SlotSpec, text: str, context: SlotContext, out: Extraction, *, asked: bool) -> None:
    """A count: before the thing that is counted, or the bare answer."""
    said = tokens(text)
    for mention in matcher(context.catalogue).items(text):
        before = [one for one in said if one.last <= mention.first][-5:]
        if not before:
            continue
        for token, following in zip(reversed(before), (None, *reversed(before[1:])), strict=True):
            count = _count(token.word)
            measure = following is not None and following.word in _MEASURES
            if count is None and token.word not in _BEFORE_THINGS:
                break
            if count is not None and not measure and token.word not in ("a", "an"):
                out.found[slot.name] = Found(count, str(count), token.first, token.last)
                return
    multiple = re.search(r"\b(?:x\s*(\d{1,3})|(\d{1,3})\s*(?:x|pieces|pcs|times|of them|units))\b", text.lower())
    if multiple:
        count = int(multiple[1] or multiple[2])
        out.found[slot.name] = Found(count, str(count), multiple.start(), multiple.end())
    elif asked:
        counts = [(token, value) for token in said if (value := _count(token.word)) is not None]
        if len(counts) == 1:
            out.found[slot.name] = Found(counts[0][1], str(counts[0][1]), counts[0][0].first, counts[0][0].last)


def _count(word: str) -> int | None:
    return int(word) if word.isdecimal() and len(word) <= 3 else NUMBERS.get(word)


_MEASURES = frozenset({"inch", "in", "k", "gb", "tb", "w", "watt", "hz"})
_BEFORE_THINGS = _MEASURES.union(
    ["new", "more", "additional", "extra", "big", "bigger", "large", "small", "external", "wireless", "wired", "ergonomic", "vertical"],
    ["good", "better", "of", "the", "usb", "c", "hd", "curved", "second", "work", "ultrawide"],
)


# -- words ---------------------------------------------------------------------------------------------------------


def _choice(slot: SlotSpec, text: str, out: Extraction) -> None:
    index = ordinal(text, len(slot.choices))
    if index is not None:
        out.found[slot.name] = Found(slot.choices[index], slot.choices[index], 0, len(text))
        return
    lowered = text.lower()
    for choice in slot.choices:
        match = re.search(rf"\b{re.escape(choice.lower())}\b", lowered)
        if match:
            out.found[slot.name] = Found(choice, choice, match.start(), match.end())
            return
    best = process.extractOne(plain(text), [choice.lower() for choice in slot.choices], scorer=fuzz.ratio, score_cutoff=80)
    if best is not None:
        out.found[slot.name] = Found(slot.choices[best[2]], slot.choices[best[2]], 0, len(text))


def _text(slot: SlotSpec, text: str, out: Extraction, *, asked: bool) -> None:
    """Asked for: the whole utterance. Else what follows "because" and the like."""
    if asked:
        words = text.strip()
        if any(character.isalnum() for character in words):
            out.found[slot.name] = Found(words[:500], words[:500], 0, len(text))
        return
    match = _REASON.search(text)
    if match:
        group = "why" if match["why"] else "project"
        words = match[group].strip(" .!,")
        if len(words) >= 3:
            out.found[slot.name] = Found(words[:500], words[:500], match.start(group), match.end(group))


_REASON = re.compile(
    r"\b(?:because(?: of)?|since (?=i|my|we|our|the)|so that|in order to|reason:?|due to|to work on)\b\s*(?P<why>[^\n.!?]{3,})"
    r"|\bfor (?P<project>(?:the|our|a|my) [\w -]{2,40}?"
    r"(?:project|campaign|workshop|migration|launch|audit|event|room|office|show|client|customer))\b",
    re.IGNORECASE,
)
