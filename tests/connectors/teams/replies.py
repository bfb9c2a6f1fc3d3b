"""Whether what is shown of a reply is allowed on Teams: what of the card schema 1.5 the renderer uses, written down once more."""

import json
import re
from collections.abc import Iterator
from typing import Any

from connectors.teams.render import Part

ROOM = 28_000
MESSAGE = 80_000
LIVE = re.compile(r"(<|&lt;)/?at\b|@(channel|here|everyone)\b", re.IGNORECASE)
FUNCTION = re.compile(r"\{\{(DATE|TIME)")
TAG = re.compile(r"<[a-z/!]", re.IGNORECASE)
READ = ("text", "title", "label", "errorMessage", "placeholder", "tooltip", "fallbackText", "summary", "abstract", "name")
STYLES = {"Action": ("default", "positive", "destructive"), "Container": ("default", "emphasis"), "TextBlock": ("heading",)}
COMMON = {"type", "spacing", "separator"}
KNOWN: dict[str, tuple[set[str], set[str]]] = {
    "AdaptiveCard": ({"body"}, {"$schema", "version", "fallbackText", "msteams", "actions"}),
    "TextBlock": ({"text", "wrap"}, {"style", "size", "weight"}),
    "RichTextBlock": ({"inlines"}, set()),
    "TextRun": ({"text"}, {"weight", "italic", "strikethrough", "fontType", "isSubtle", "size", "underline", "selectAction"}),
    "Container": ({"items"}, {"style"}),
    "ColumnSet": ({"columns"}, set()),
    "Column": ({"width", "items"}, set()),
    "Table": ({"columns", "rows", "firstRowAsHeader"}, {"showGridLines"}),
    "TableRow": ({"cells"}, set()),
    "TableCell": ({"items"}, set()),
    "ActionSet": ({"actions"}, set()),
    "Action.Execute": ({"verb", "title", "data", "fallback"}, {"style", "tooltip"}),
    "Action.Submit": ({"title", "data"}, {"style", "tooltip", "associatedInputs"}),
    "Action.ShowCard": ({"title", "card"}, {"style", "tooltip"}),
    "Action.OpenUrl": ({"url", "title"}, set()),
    "Input.Text": ({"id", "label"}, {"isMultiline", "maxLength", "isRequired", "errorMessage", "value"}),
    "Input.Date": ({"id", "label"}, {"isRequired", "errorMessage", "value"}),
    "Input.Number": ({"id", "label"}, {"isRequired", "errorMessage", "value"}),
    "Input.ChoiceSet": ({"id", "label", "choices", "style"}, {"isRequired", "errorMessage", "value", "placeholder"}),
}
FULL = ("body", "inlines", "items", "columns", "rows", "cells", "actions", "choices")


def nodes(value: object) -> Iterator[dict[str, Any]]:
    """Every element and action, but nothing of what a button carries."""
    if isinstance(value, dict):
        if "type" in value:
            yield value
        for key, one in value.items():
            if key not in ("data", "msteams"):
                yield from nodes(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from nodes(one)


def of_type(card: object, kind: str) -> list[dict[str, Any]]:
    return [one for one in nodes(card) if one["type"] == kind]


def shown(value: object, key: str = "") -> Iterator[str]:
    """Everything that people read; neither ids nor values."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name != "data":
                yield from shown(one, name)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from shown(one, key)
    elif isinstance(value, str) and key in READ:
        yield value


def words(value: object) -> str:
    return "\n".join(shown(value))


def check_card(card: dict[str, Any]) -> None:
    text = json.dumps(card, ensure_ascii=False)
    assert len(text.encode()) <= ROOM
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.5")
    assert card["fallbackText"].strip()
    assert '"Image"' not in text
    ids = [node["id"] for node in nodes(card) if "id" in node]
    assert len(ids) == len(set(ids))
    for node in nodes(card):
        needed, more = KNOWN[node["type"]]
        assert needed <= set(node), node
        assert set(node) <= needed | more | COMMON, node
        for name in FULL:
            assert node.get(name, True), node
        if "style" in node and node["type"].startswith("Action."):
            assert node["style"] in STYLES["Action"]
        if node["type"] in ("ActionSet", "AdaptiveCard"):
            assert len(node.get("actions", ())) <= 6
        if node["type"].startswith("Action."):
            assert node["title"].strip()
        if node["type"] == "Action.Execute":
            assert node["fallback"]["data"] == node["data"]
        if node["type"] == "Action.OpenUrl":
            assert re.match(r"(?i)https?://", node["url"])
        if node["type"].startswith("Input."):
            assert node["label"].strip()
            assert ("isRequired" in node) == ("errorMessage" in node)
        if node["type"] == "TextBlock":
            assert not TAG.search(node["text"])
        if node["type"] == "Table":
            assert all(len(row["cells"]) == len(node["columns"]) for row in node["rows"])
            assert len(node["rows"]) <= 51
    for one in shown(card):
        one.encode()
        assert not LIVE.search(one), one
        assert not FUNCTION.search(one), one


def check_part(part: Part) -> None:
    """As Teams takes it, calling nobody and computing nothing."""
    whole = [part.text, part.card, part.entities, part.channel_data, part.summary]
    assert len(json.dumps(whole, ensure_ascii=False).encode("utf-16-le", "strict")) < MESSAGE
    assert part.text.strip() or part.card is not None
    assert part.summary.strip()
    for one in (part.text, part.summary):
        assert not LIVE.search(one), one
    assert not TAG.search(part.text)
    assert "![" not in part.text
    if part.card is not None:
        check_card(part.card)
    assert len(part.entities) <= 1
    for entity in part.entities:
        places = [claim["position"] for claim in entity["citation"]]
        assert len(places) == len(set(places)) <= 20
        for claim in entity["citation"]:
            appearance = claim["appearance"]
            assert 1 <= len(appearance["name"]) <= 80
            assert 1 <= len(appearance["abstract"]) <= 160
            assert re.match(r"(?i)https?://", appearance.get("url", "https://"))
            assert not LIVE.search(words(appearance))
