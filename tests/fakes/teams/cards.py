"""Adaptive Cards: what Teams refuses of them, and what a person sees in them. Pure.

Documented: version 1.5 at most, 28 KB a card's message, `Action.Execute` with a verb and a fallback for older clients. From memory:
that a card whose `body` is no list, or an action without a title, is answered with 400 BadSyntax (real clients often show nothing).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.teams.state import BotError, Json

MAX_CARD = 28 * 1024
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5")
ELEMENTS = frozenset((
    "TextBlock", "RichTextBlock", "Image", "ImageSet", "Media", "Container", "ColumnSet", "Column", "FactSet", "ActionSet", "Table",
    "TableRow", "TableCell", "Input.Text", "Input.Number", "Input.Date", "Input.Time", "Input.Toggle", "Input.ChoiceSet", "TextRun",
))  # fmt: skip
ACTIONS = frozenset(("Action.Execute", "Action.Submit", "Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility"))


def check(card: Any, *, whole: bool = True) -> None:
    """Raises BotError where Teams would refuse the card. `whole` False: the card inside an Action.ShowCard."""
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        raise _bad("an Adaptive Card has type AdaptiveCard")
    if whole and card.get("version") not in VERSIONS:
        raise _bad(f"version {card.get('version')!r}")
    if not isinstance(card.get("body", []), list) or not isinstance(card.get("actions", []), list):
        raise _bad("body and actions are lists")
    if whole and len(json.dumps(card, ensure_ascii=False).encode()) > MAX_CARD:
        raise BotError(413, "MessageSizeTooBig", "The card is larger than 28 KB")
    for element in every_element(card):
        if element.get("type") not in ELEMENTS:
            raise _bad(f"no element {element.get('type')!r}")
        if element["type"] == "TextBlock" and not isinstance(element.get("text"), str):
            raise _bad("a TextBlock has a text")
        if str(element["type"]).startswith("Input.") and not element.get("id"):
            raise _bad("an input has an id")
    _check_ids(card)
    for action in _own_actions(card):
        _check_action(action)


def _check_ids(card: Json) -> None:
    ids = [element["id"] for element, _ in _inputs(card)]
    if len(ids) != len(set(ids)):
        raise _bad(f"ids of inputs are unique in a card: {ids}")


def _check_action(action: Json) -> None:
    kind = action.get("type")
    if kind not in ACTIONS:
        raise _bad(f"no action {kind!r}")
    if not action.get("title"):
        raise _bad("an action has a title")
    if kind == "Action.Execute" and not action.get("verb"):
        raise _bad("Action.Execute has a verb")
    if kind == "Action.OpenUrl" and not str(action.get("url", "")).startswith(("https://", "http://")):
        raise _bad("Action.OpenUrl has an address")
    if kind == "Action.ShowCard":
        check(action.get("card"), whole=False)
    if isinstance(action.get("fallback"), dict):
        _check_action(action["fallback"])


def _bad(why: str) -> BotError:
    return BotError(400, "BadSyntax", f"Bad format of the card: {why}")


def _children(element: Json) -> Iterator[Json]:
    # A table's columns are widths, and no elements.
    for name in ("items", *(("columns",) if element.get("type") != "Table" else ()), "rows", "cells", "inlines"):
        for child in element.get(name) or []:
            if isinstance(child, dict):
                yield child


def every_element(card: Json) -> Iterator[Json]:
    """All elements of a card, in reading order; not those of its ShowCards."""
    waiting = list(reversed(card.get("body") or []))
    while waiting:
        element = waiting.pop()
        if not isinstance(element, dict):
            raise _bad("an element is an object")
        yield element
        waiting.extend(reversed(list(_children(element))))


def _own_actions(card: Json) -> Iterator[Json]:
    for element in every_element(card):
        yield from element.get("actions") or []
        yield from (element[name] for name in ("selectAction", "inlineAction") if isinstance(element.get(name), dict))
    yield from card.get("actions") or []


def actions(card: Json) -> Iterator[tuple[Json, list[Json]]]:
    """Every action, those inside ShowCards too, each with the cards that it stands in, the outermost first."""
    yield from _actions(card, [card])


def _actions(card: Json, around: list[Json]) -> Iterator[tuple[Json, list[Json]]]:
    for action in _own_actions(card):
        yield action, around
        if action.get("type") == "Action.ShowCard":
            yield from _actions(action["card"], [*around, action["card"]])


def labels(card: Json | None) -> list[str]:
    """The titles of all buttons, those inside ShowCards too."""
    return [action.get("title", "") for action, _ in actions(card)] if card else []


def find(card: Json, label: str) -> tuple[Json, list[Json]]:
    """The one button of this title that does something, and the cards it stands in; a ShowCard of that title is opened."""
    every = list(actions(card))
    found = [(action, around) for action, around in every if action.get("title") == label]
    done = [(action, around) for action, around in found if action["type"] != "Action.ShowCard"]
    if not done and len(found) == 1:
        inside = [(action, around) for action, around in every if found[0][0]["card"] in around]
        done = [pair for pair in inside if pair[0]["type"] in ("Action.Execute", "Action.Submit")][:1]
    if len(done) != 1:
        raise AssertionError(f"{len(done)} buttons {label!r} among {labels(card)}")
    return done[0]


def _inputs(card: Json) -> Iterator[tuple[Json, Json]]:
    for element in every_element(card):
        if str(element["type"]).startswith("Input."):
            yield element, card
    for action in _own_actions(card):
        if action.get("type") == "Action.ShowCard" and isinstance(action.get("card"), dict):
            yield from _inputs(action["card"])


def filled(around: list[Json], values: Mapping[str, str], *, checked: bool = True) -> Json:
    """What the inputs of these cards hold after somebody filled in `values` (by id, label or placeholder).

    A choice is named by its words or its value. Raises AssertionError when Teams would not let them.
    """
    left = dict(values)
    held: Json = {}
    for card in around:
        for element in every_element(card):
            if not str(element["type"]).startswith("Input."):
                continue
            names = (element["id"], element["id"].rpartition(".")[2], element.get("label"), element.get("placeholder"))
            name = next((name for name in names if name in left), None)
            value = str(element.get("value", "")) if name is None else _value(element, left.pop(name))
            if checked and element.get("isRequired") and not value:
                assert element.get("errorMessage"), f"{element['id']} is required and says nothing when it is missing"
                raise AssertionError(f"{element.get('label') or element['id']} is required")
            if value:
                held[element["id"]] = value
    if left:
        raise AssertionError(f"no input {sorted(left)}")
    return held


def _value(element: Json, given: str) -> str:
    kind = element["type"]
    if kind == "Input.ChoiceSet" and given:
        choices = element.get("choices") or []
        by_name = {choice["title"]: choice["value"] for choice in choices} | {choice["value"]: choice["value"] for choice in choices}
        if given not in by_name:
            raise AssertionError(f"no choice {given!r} among {sorted(by_name)}")
        return str(by_name[given])
    if kind == "Input.Text" and len(given) > element.get("maxLength", 10**6):
        raise AssertionError(f"{len(given)} characters: the input takes {element['maxLength']}")
    if kind == "Input.Number" and given:
        float(given)
    return given


def words(card: Json | None) -> str:
    """All that is to be read on a card, its buttons too; not what ShowCards hide."""
    return "\n".join(_words(card)) if card else ""


def _words(card: Json) -> Iterator[str]:
    for element in every_element(card):
        if element["type"] == "RichTextBlock":
            yield "".join(str(part["text"] if isinstance(part, dict) else part) for part in element["inlines"])
        elif element["type"] != "TextRun":
            yield from (str(element[name]) for name in ("text", "label", "altText") if element.get(name))
        for fact in element.get("facts") or []:
            yield f"{fact['title']} {fact['value']}"
        if str(element["type"]).startswith("Input.") and element.get("value"):
            yield str(element["value"])
    yield from (action["title"] for action in _own_actions(card) if action.get("title"))
