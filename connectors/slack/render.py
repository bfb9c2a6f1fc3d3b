"""A `Reply` as Slack shows it. Pure and total: it never raises; what is too long is cut visibly, divided, or becomes a file.

A card (anything about a request, or with buttons under what is no answer) is one message, so that it can be changed in place; only
a long answer is divided, its sources and buttons at the end. Words that are not ours stand in `plain_text`, rich text or Markdown that
was written anew; where Slack insists on its own marks they are escaped.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.chat.markdown import Piece, pieces, safe_markdown, without_sources, words
from connectors.chat.packing import MARKS, first_words, packed, shortened, source_words, starts
from connectors.chat.text import clean, cut, head, host_of, safe_url, units, unmentioned
from connectors.chat.wording import Wording, put
from connectors.ports.chat import Citation, Field, Progress, Reply, ReplyKind
from connectors.slack import limits
from connectors.slack.buttons import button_rows, feedback_row
from connectors.slack.limits import escaped, escaped_cut, plain, text_size
from connectors.slack.rich import section, text

Block = dict[str, Any]
MESSAGES = 3
"""Messages that a long answer may take; beyond that it is a file."""
FIELD_TEXTS = 3_500
SIDE_BY_SIDE = 200
"""Units of a value that stands beside its label; a longer one stands below."""
STEPS = 20
STEP = 120
LINES = 20
LINE = 400
TRANSCRIPT = 2_000
SOURCES = 10
SOURCE = 180
FILE_NAMES = 300
CSV_ROWS = 300
"""Rows of a table that are shown in messages; a longer table is a file."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message. `text` is what notifications and screen readers say, in mrkdwn escapes, at most 4,000 characters."""

    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class OutFile:
    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Part:
    """A message, or a file to be sent after it."""

    rendered: Rendered | None
    file: OutFile | None = None


def render(reply: Reply, wording: Wording) -> tuple[Part, ...]:
    """All that is shown, in order: one message or more, then files."""
    fallback = _fallback(reply, wording)
    front, tail = _front(reply, wording), list(answer_tail(reply, wording))
    found, files = _without_big_tables(_pieces(reply), wording) if _divides(reply) else (_pieces(reply), [])
    found = [] if reply.progress is not None and reply.kind is ReplyKind.PROGRESS else found
    room = limits.MESSAGE_CHARS - text_size(front) - text_size(tail)
    messages = packed(found, room) if _divides(reply) else shortened(found, room, wording)
    if len(messages) > MESSAGES:
        name = f"answer-{_slug(reply.id)}.md"
        messages = shortened(found, room, wording, notice=put(wording.in_file, name=name))
        files = [OutFile(name, clean(reply.text)), *files]
    bodies = [[{"type": "markdown", "text": message}] if message.strip() else [] for message in messages]
    parts = []
    for n, body in enumerate(bodies):
        blocks = [*(front if n == 0 else []), *body, *(tail if n == len(bodies) - 1 else [])]
        said = fallback if n == 0 else escaped_cut(words(messages[n]), limits.MESSAGE_TEXT) or fallback
        parts.append(Part(Rendered(said, tuple(blocks or [{"type": "section", "text": plain("", limits.SECTION)}]))))
    return (*parts, *(Part(None, file) for file in files))


def answer_markdown(reply: Reply, wording: Wording) -> str:
    """The text alone, for streaming; `answer_tail` has what stands under it."""
    return shortened(_pieces(reply), limits.MESSAGE_CHARS - text_size(answer_tail(reply, wording)), wording)[0]


def answer_tail(reply: Reply, wording: Wording) -> tuple[Block, ...]:
    """What stands under the text: facts, transcript, sources, files, buttons, thumbs."""
    case = reply.request.case if reply.request is not None else ""
    blocks = [*_fields(reply.fields, wording), *_transcript(reply.transcript, wording), *_sources(reply, wording)]
    if reply.files:
        names = ", ".join(file.name for file in reply.files)
        blocks.append(_context(put(wording.files, name=cut(names, FILE_NAMES))))
    blocks += button_rows(reply.actions, wording, about=case)
    if reply.feedback is not None:
        blocks.append(feedback_row(reply.feedback, len(reply.actions)))
    return tuple(blocks)


# -- the text --------------------------------------------------------------------------------------------------------------


def _divides(reply: Reply) -> bool:
    return reply.request is None and reply.progress is None and (reply.kind is ReplyKind.ANSWER or not (reply.actions or reply.fields))


def _pieces(reply: Reply) -> list[Piece]:
    said, _ = without_sources(reply.text, starts(reply.citations))
    links = {citation.n: citation.url for citation in reply.citations if citation.url}
    return pieces(said, links)


def _without_big_tables(found: Sequence[Piece], wording: Wording) -> tuple[list[Piece], list[OutFile]]:
    """Tables that Slack cannot show become files; those of more rows than it shows are divided."""
    kept: list[Piece] = []
    files: list[OutFile] = []
    step = limits.TABLE_ROWS - 1
    for piece in found:
        if piece.cells and (len(piece.cells[0]) > limits.TABLE_COLUMNS or len(piece.cells) > CSV_ROWS):
            name = f"table-{len(files) + 1}.csv"
            files.append(OutFile(name, _csv(piece.cells)))
            kept.append(Piece((safe_markdown(put(wording.table_in_file, count=len(piece.cells) - 1, name=name)),)))
        elif piece.cells and len(piece.lines) > step:
            kept += [replace(piece, lines=piece.lines[at : at + step], alone=at > 0) for at in range(0, len(piece.lines), step)]
        else:
            kept.append(piece)
    return kept, files


def _csv(rows: Sequence[Sequence[str]]) -> str:
    """No cell begins as a formula does."""
    out = io.StringIO()
    csv.writer(out).writerows([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell for cell in row] for row in rows)
    return out.getvalue()


def _fallback(reply: Reply, wording: Wording) -> str:
    """All that a card says first, in plain words."""
    said = first_words(reply, wording)
    return escaped_cut(said, limits.MESSAGE_TEXT) if said.strip() else "…"


# -- the cards -------------------------------------------------------------------------------------------------------------


def _front(reply: Reply, wording: Wording) -> list[Block]:
    """The live card."""
    return _progress(reply.progress, reply.request.case if reply.request is not None else "", wording) if reply.progress is not None else []


def _progress(progress: Progress, case: str, wording: Wording) -> list[Block]:
    said = {name: getattr(wording, name) for name in MARKS}
    lines = [text(cut(progress.ball, LINE) or "–", bold=True)]
    for step in progress.steps[:STEPS]:
        title = text(cut(step.title, STEP) or "–", **({"strike": True} if step.status == "undone" else {}))
        lines += [text(f"\n{MARKS.get(step.status, '○')}  "), title, text(f" ({said.get(step.status, step.status)})", italic=True)]
    if len(progress.steps) > STEPS:
        lines.append(text("\n" + put(wording.more, count=len(progress.steps) - STEPS)))
    blocks: list[Block] = [
        {"type": "header", "text": plain(" · ".join(filter(None, (case, progress.title))), limits.HEADER)},
        {"type": "rich_text", "elements": [section(lines)]},
    ]
    about = [put(wording.next_step, name=progress.next_step)] if progress.next_step else []
    about += [put(wording.specialist, name=progress.specialist)] if progress.specialist else []
    return [*blocks, _context("  ·  ".join(cut(one, LINE) for one in about))] if about else blocks


def _fields(fields: Sequence[Field], wording: Wording) -> list[Block]:
    """Labels at the left, values at the right, exactly as they are; a long value below its label."""
    blocks: list[Block] = []
    pairs: list[dict[str, Any]] = []
    left = FIELD_TEXTS
    for n, field in enumerate(fields):
        label = {"type": "mrkdwn", "text": f"*{escaped_cut(field.label.replace('*', ' ').strip(), 150) or '–'}*"}
        if left < SIDE_BY_SIDE + units(label["text"]):
            blocks += _grid(pairs)
            return [*blocks, _context(put(wording.more, count=len(fields) - n))]
        value = clean(field.value)
        if units(value) <= SIDE_BY_SIDE:
            shown = plain(value, limits.FIELD)
            pairs += [label, shown]
        else:
            blocks += _grid(pairs)
            pairs = []
            shown = plain(_cut_saying(value, left - units(label["text"]), wording), limits.SECTION)
            blocks += [{"type": "section", "text": label}, {"type": "section", "text": shown}]
        left -= units(label["text"]) + units(shown["text"])
    return [*blocks, *_grid(pairs)]


def _grid(pairs: Sequence[dict[str, Any]]) -> list[Block]:
    return [{"type": "section", "fields": list(pairs[at : at + limits.FIELDS])} for at in range(0, len(pairs), limits.FIELDS)]


def _cut_saying(value: str, room: int, wording: Wording) -> str:
    if units(unmentioned(value)) <= min(room, limits.SECTION):
        return value
    kept = head(value, min(room, limits.SECTION) * 9 // 10 - units(wording.cut) - 10)
    return f"{kept} {put(wording.cut, count=len(value) - len(kept))}"


def _transcript(lines: Sequence[str], wording: Wording) -> list[Block]:
    """The newest lines, and how many were before them."""
    shown: list[str] = []
    size = 0
    for line in reversed(lines):
        said = cut(clean(line).replace("\n", " "), LINE)
        if len(shown) == LINES or size + units(said) > TRANSCRIPT:
            break
        shown.insert(0, said)
        size += units(said) + 1
    if not any(line.strip() for line in shown):
        return []
    left_out = len(lines) - len(shown)
    heading = [text(wording.said_so_far, bold=True)]
    if left_out:
        heading.append(text(f"  {put(wording.earlier, count=left_out)}", italic=True))
    quote = {"type": "rich_text_quote", "elements": [text("\n".join(shown))]}
    return [{"type": "rich_text", "elements": [section(heading), quote]}]


def _sources(reply: Reply, wording: Wording) -> list[Block]:
    """One line a source: as the text words it, else title, section and date; linked with its host where it has an address."""
    if not reply.citations:
        return []
    _, worded = without_sources(reply.text, starts(reply.citations))
    lines = [_source(citation, worded) for citation in reply.citations[:SOURCES]]
    if len(reply.citations) > SOURCES:
        lines.append(escaped(put(wording.more, count=len(reply.citations) - SOURCES)))
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": "\n".join(lines), "verbatim": True}]}]


def _source(citation: Citation, worded: Sequence[str]) -> str:
    number = f"[{citation.n}] "
    shown = escaped_cut(source_words(citation, worded), SOURCE).replace("\n", " ")
    url = safe_url(citation.url) if citation.url else None
    if url is None:
        return number + shown
    host = escaped_cut(f" ({host_of(url)})", SOURCE // 3)
    linked = f"{number}<{escaped(url)}|{shown}>{host}"
    return linked if units(linked) < limits.SECTION // (SOURCES + 1) else number + shown + host


def _context(said: str) -> Block:
    return {"type": "context", "elements": [plain(said, limits.SECTION)]}


def _slug(said: str) -> str:
    return "".join(character for character in said if character.isascii() and character.isalnum())[:12] or "text"
