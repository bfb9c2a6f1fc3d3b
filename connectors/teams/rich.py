"""Markdown -> elements of an Adaptive Card. Pure and total.

Words stand in TextRuns, in which Teams reads no Markdown, so nothing in anybody's words can be taken for a link, a list or formatting;
what was Markdown in the reply is said by elements. There are no pictures.
"""

from collections.abc import Sequence
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from connectors.chat.markdown import link_words, tree, words_of
from connectors.chat.text import clean, head, units
from connectors.chat.wording import Wording, put
from connectors.teams import limits
from connectors.teams.limits import Json, line, literal, plain, size

STYLES: dict[str, Json] = {"strong": {"weight": "Bolder"}, "em": {"italic": True}, "s": {"strikethrough": True}}
CODE: Json = {"fontType": "Monospace"}
INDENT = "\u2003"
RUN = 30_000
"""Units of one run: more than fits on a card, so that what is cut is counted."""
CELL = 300


def text_blocks(markdown: str, room: int, wording: Wording) -> list[Json]:
    """The text in at most `room` bytes; what is missing is counted."""
    source = clean(markdown).strip()
    shown = _source(source, wording)
    limit = min(units(source), room)
    while size(shown) > room and limit > 0:
        limit = limit * 3 // 4
        kept = head(source, limit)
        notice = put(wording.cut, count=len(source) - len(kept))
        shown = [*_source(kept, wording), block([run(notice, isSubtle=True)])]
    return shown if size(shown) <= room else []


def block(runs: Sequence[Json], **more: Any) -> Json:
    return {"type": "RichTextBlock", "inlines": list(runs), **more}


def run(said: str, **style: Any) -> Json:
    return {"type": "TextRun", "text": plain(said, RUN, empty=" "), **style}


def said(words: str, limit: int, **more: Any) -> Json:
    """One line of plain words."""
    return block([{"type": "TextRun", "text": line(words, limit)}], **more)


def heading(words: str, size: str = "Medium") -> Json:
    """A TextBlock, since only it can be a heading for a screen reader."""
    return {
        "type": "TextBlock",
        "text": literal(words, limits.TITLE),
        "style": "heading",
        "size": size,
        "weight": "Bolder",
        "wrap": True,
    }


def linked(words: str, href: str, **style: Any) -> list[Json]:
    """What it says, and the host behind it; only words where it is no address of the web."""
    shown, url, host = link_words(words, href)
    if url is None or url.lower().startswith("mailto:"):
        return [run(shown + host, **style)]
    opens = {"type": "Action.OpenUrl", "title": line(shown, limits.BUTTON), "url": url}
    made = run(shown, **style) | {"selectAction": opens, "underline": True}
    return [made, run(host, **style)] if host else [made]


def table(rows: Sequence[Sequence[str]]) -> Json:
    """The first row is the header."""
    width = len(rows[0])
    made = []
    for number, row in enumerate(rows):
        style: Json = {"weight": "Bolder"} if number == 0 else {}
        cells = [(*row, *[""] * width)[at] for at in range(width)]
        filled = [block([{"type": "TextRun", "text": line(cell, CELL, empty=" "), **style}]) for cell in cells]
        made.append({"type": "TableRow", "cells": [{"type": "TableCell", "items": [one]} for one in filled]})
    columns = [{"width": 1} for _ in range(width)]
    return {"type": "Table", "columns": columns, "firstRowAsHeader": True, "showGridLines": True, "rows": made}


def _source(source: str, wording: Wording) -> list[Json]:
    parsed = tree(source)
    if parsed is None:
        return [block([run(one)], spacing="None") for one in source.split("\n") if one.strip()]
    return _blocks(parsed.children, wording)


def _blocks(nodes: Sequence[SyntaxTreeNode], wording: Wording, indent: str = "") -> list[Json]:
    found: list[Json] = []
    for node in nodes:
        match node.type:
            case "paragraph":
                found += _lines(node.children[0].children, indent)
            case "heading":
                found.append(heading(words_of(node)))
            case "bullet_list" | "ordered_list":
                found += _list(node, wording, indent)
            case "fence" | "code_block":
                lines = [one.replace("\t", "    ") for one in node.content.rstrip("\n").split("\n")]
                shown = [block([run(one.replace(" ", "\u00a0"), **CODE)], spacing="None") for one in lines]
                found.append({"type": "Container", "style": "emphasis", "items": shown})
            case "blockquote":
                inside = _blocks(node.children, wording)
                if inside:
                    found.append({"type": "Container", "style": "emphasis", "items": inside})
            case "table":
                found += _table(node, wording)
    return found


def _lines(nodes: Sequence[SyntaxTreeNode], before: str = "") -> list[Json]:
    """A paragraph: every line an element of its own, close together."""
    lines: list[list[Json]] = [[]]
    for one in _inline(nodes, {}):
        if one is None:
            lines.append([])
        else:
            lines[-1].append(one)
    shown = [one for one in lines if any(part["text"].strip() for part in one)]
    if before:
        shown = [[run(before), *one] for one in shown]
    return [block(one, **({"spacing": "Small"} if n else {})) for n, one in enumerate(shown)]


def _list(node: SyntaxTreeNode, wording: Wording, indent: str) -> list[Json]:
    found: list[Json] = []
    start = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, start):
        mark = f"{number}. " if node.type == "ordered_list" else "• "
        inside = _blocks(item.children, wording, indent + INDENT)
        if inside and inside[0]["type"] == "RichTextBlock":
            inside[0]["inlines"][0] = run(indent + mark)
        else:
            inside.insert(0, block([run(indent + mark)]))
        found += [one | {"spacing": "Small"} for one in inside]
    return found


def _table(node: SyntaxTreeNode, wording: Wording) -> list[Json]:
    rows = [[words_of(cell) for cell in row.children[: limits.TABLE_COLUMNS]] for part in node.children for row in part.children]
    shown = rows[: limits.TABLE_ROWS + 1]
    left_out = len(rows) - len(shown)
    return [table(shown), *([said(put(wording.more, count=left_out), RUN)] if left_out else [])]


def _inline(nodes: Sequence[SyntaxTreeNode], style: Json) -> list[Json | None]:
    """Runs; None where a line ends."""
    found: list[Json | None] = []
    for node in nodes:
        match node.type:
            case "softbreak" | "hardbreak":
                found.append(None)
            case "strong" | "em" | "s":
                found += _inline(node.children, style | STYLES[node.type])
            case "link":
                found += linked(words_of(node), str(node.attrs.get("href", "")), **style)
            case "image":
                host = link_words("", str(node.attrs.get("src", "")))[0] or "?"
                found.append(run(f"{words_of(node)} ({host})".strip(), **style))
            case "code_inline":
                found.append(run(node.content, **style, **CODE))
            case _ if node.content:
                found.append(run(node.content, **style))
    return found
