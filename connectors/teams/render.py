"""A `Reply` as Teams shows it. Pure and total: it never raises; what is too long is divided, or cut visibly.

What is only words is a message of Markdown, and so is every answer: only a message's text has the label that a computer wrote it, and
citations. Tables and buttons of an answer stand in a card below its text; everything else is a card alone, which can be changed in
place. Teams shows the bot as whoever speaks, so a member of staff is named above what they wrote.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.chat.markdown import Piece, pieces, without_sources
from connectors.chat.packing import shortened, starts
from connectors.chat.text import cut, host_of, units
from connectors.chat.wording import Wording, put
from connectors.ports.chat import Reply, ReplyKind
from connectors.teams import limits
from connectors.teams.buttons import Buttons
from connectors.teams.cards import ACTIONS, FILE_NAMES, HEADER, LINE, Card, below, card_of, shell, source_line, summary_of
from connectors.teams.entities import ai_message
from connectors.teams.forms import form_card, form_message
from connectors.teams.limits import Json, json_units, literal, message_text, size
from connectors.teams.rich import said, table

__all__ = ["Part", "card_of", "form_card", "render"]

MESSAGES = 3
"""Messages that a long answer may take."""
SOURCES = 10
LINK = 400
"""Units of a source with its link; a longer one has its host only."""
TABLES = 20_000
"""Bytes that the tables below an answer may take."""
NOTICES = 2_000
"""What is said of tables and what is left out takes no more."""
FEEDBACK: Json = {"feedbackLoop": {"type": "default"}}


@dataclass(frozen=True, slots=True)
class Part:
    """A message. `text` is safe Markdown; `summary` what notifications say."""

    text: str
    card: Card | None = None
    entities: tuple[Json, ...] = ()
    channel_data: Json = field(default_factory=dict)
    summary: str = ""


def render(reply: Reply, wording: Wording) -> tuple[Part, ...]:
    """All that is shown, in order: one message or more. Somebody's rating is of the first one."""
    summary = summary_of(reply, wording)
    feedback = FEEDBACK if reply.feedback is not None and reply.author is None else {}
    if reply.form is not None and reply.kind is ReplyKind.FORM:
        return (Part("", form_message(reply, wording), summary=summary),)
    found = _pieces(reply)
    if reply.kind is not ReplyKind.ANSWER and not _only_words(reply, found):
        return (Part("", card_of(reply, wording), channel_data=feedback, summary=summary),)
    front, tail = _author(reply), _tail(reply, wording)
    kept, tables = _without_tables(found, _beside(reply, found, tail, wording), wording)
    room = limits.TEXT - units(front)
    messages = shortened(kept, room, wording, most=MESSAGES if reply.request is None else 1)
    parts = []
    for n, message in enumerate(messages):
        first, last = n == 0, n == len(messages) - 1
        text = message_text("\n\n".join(filter(None, (front if first else "", message, tail if last else ""))))
        made = reply.kind is ReplyKind.ANSWER and reply.author is None
        entities = (ai_message(reply.citations, None if len(messages) == 1 else message),) if made else ()
        left = limits.MESSAGE - json_units(text) - json_units(entities) - 500
        card = _card(reply, tables, left, wording) if last else None
        text = text if text or card is not None else "…"
        parts.append(Part(text, card, entities, feedback if first else {}, summary))
    return tuple(parts)


# -- the text --------------------------------------------------------------------------------------------------------------


def _only_words(reply: Reply, found: Sequence[Piece]) -> bool:
    """Nothing in it needs a card."""
    more: tuple[Any, ...] = (reply.actions, reply.fields, reply.transcript, reply.prompts, reply.sections, reply.form, reply.progress)
    own = reply.kind in (ReplyKind.HOME, ReplyKind.GREETING, ReplyKind.FORM, ReplyKind.PROGRESS)
    return not own and not any(more) and not any(piece.cells for piece in found) and bool(found or reply.citations)


def _pieces(reply: Reply) -> list[Piece]:
    said, _ = without_sources(reply.text, starts(reply.citations))
    return [flat for piece in pieces(said) if (flat := _flat(piece)) is not None]


def _flat(piece: Piece) -> Piece | None:
    """Teams shows no headings and no rules in the text of a message."""
    if len(piece.lines) == 1 and not piece.head and not piece.cells:
        if piece.lines[0] == "---":
            return None
        title = re.match(r"#{1,6} (.*)", piece.lines[0])
        if title:
            return Piece((f"**{title.group(1).replace('**', '')}**",)) if title.group(1).replace("**", "").strip() else None
    return piece


def _beside(reply: Reply, found: Sequence[Piece], tail: str, wording: Wording) -> int:
    """Bytes that are left for tables beside all else in the message."""
    text = min(sum(json_units(piece.markdown) + 4 for piece in found if not piece.cells), limits.TEXT * 2)
    buttons = size(Buttons(wording, ACTIONS).rows(reply.actions))
    taken = text + json_units(tail) + json_units(ai_message(reply.citations)) + buttons + HEADER + NOTICES
    return min(TABLES, limits.MESSAGE - taken)


def _without_tables(found: Sequence[Piece], room: int, wording: Wording) -> tuple[list[Piece], list[Json]]:
    """The text with a word where each table was, and the tables as elements of a card."""
    kept: list[Piece] = []
    tables: list[Json] = []
    count = 0
    for n, piece in enumerate(found):
        if not piece.cells:
            kept.append(piece)
        elif not (shown := _table(piece.cells, room, wording)):
            kept.append(_notice(put(wording.cut, count=len(piece.markdown))))
        else:
            count += 1
            tables += shown
            room -= size(shown)
            if n < len(found) - 1:
                kept.append(_notice(put(wording.table_below, count=count)))
    return kept, tables


def _table(cells: Sequence[Sequence[str]], room: int, wording: Wording) -> list[Json]:
    """As many rows as there is room for, and how many more there are; nothing where there is room for none."""
    rows = [row if len(row) <= limits.TABLE_COLUMNS else (*row[: limits.TABLE_COLUMNS - 1], "…") for row in cells[: limits.TABLE_ROWS + 1]]
    while rows:
        left_out = len(cells) - len(rows)
        shown = [table(rows), *([said(put(wording.more, count=left_out), LINE)] if left_out else [])]
        if size(shown) <= room:
            return shown if len(rows) > 1 or not left_out else []
        rows = rows[: len(rows) * 9 // 10]
    return []


def _notice(said: str) -> Piece:
    return Piece((f"*{literal(said, LINE)}*",))


def _author(reply: Reply) -> str:
    return f"**{literal(reply.author.name, LINE)}**" if reply.author is not None else ""


def _tail(reply: Reply, wording: Wording) -> str:
    """Sources and files in words: who reads a copy, or on a telephone, has no list of citations."""
    _, worded = without_sources(reply.text, starts(reply.citations))
    lines = []
    for citation in reply.citations[:SOURCES]:
        told, url = source_line(citation, worded)
        shown = literal(told, LINE)
        if url is not None:
            host = literal(f" ({host_of(url)})", LINE // 4)
            link = f"[{shown}]({url}) {host}"
            shown = link if units(link) <= LINK else f"{shown} {host}"
        lines.append(f"({citation.n}) {shown}")
    if len(reply.citations) > SOURCES:
        lines.append(put(wording.more, count=len(reply.citations) - SOURCES))
    if reply.files:
        names = ", ".join(file.name for file in reply.files)
        lines += ["", literal(put(wording.files, name=cut(names, FILE_NAMES)), LINE)]
    return "  \n".join(lines).strip()


# -- the card below it -----------------------------------------------------------------------------------------------------


def _card(reply: Reply, tables: Sequence[Json], room: int, wording: Wording) -> Card | None:
    body = below(reply, wording, min(limits.CARD, room) - HEADER, with_text=False, before=tables)
    return shell(body, summary_of(reply, wording)) if body else None
