"""A `Reply` as an Adaptive Card 1.5. Pure and total; within the bytes that Teams takes, and it says what it left out.

Buttons come first where room is short, then what a decision rests on; the text takes what is left. A card stands by itself: Teams
shows no page of the bot's own, so the home page is a card, too.
"""

from collections.abc import Sequence
from typing import Any

from connectors.chat.markdown import without_sources
from connectors.chat.packing import MARKS, first_words, source_words, starts
from connectors.chat.text import clean, cut, head, host_of, safe_url, units
from connectors.chat.wording import Wording, put
from connectors.ports.chat import Citation, Field, Item, Progress, Reply, ReplyKind
from connectors.teams import limits
from connectors.teams.buttons import Buttons
from connectors.teams.limits import Json, line, size
from connectors.teams.rich import block, heading, linked, run, said, text_blocks

Card = dict[str, Any]
ACTIONS = 8_000
FRONT = 4_500
FIELDS = 6_000
TRANSCRIPT = 3_500
SOURCES = 2_500
"""Bytes that each of these may take at most."""
SIDE_LABEL = 30
SIDE_BY_SIDE = 200
"""Units of a label and of a value that stand beside each other; a longer one stands above or below."""
VALUE = 3_000
VALUE_LINES = 20
LINES = 20
"""Of a transcript."""
STEP = 120
LINE = 400
SOURCE = 180
ITEM = 2_500
FILE_NAMES = 300
HEADER = 600
"""Bytes that a card takes before anything is in it."""
SUBTLE: Json = {"isSubtle": True, "size": "Small"}


def card_of(reply: Reply, wording: Wording) -> Card:
    """All of the reply but its form."""
    if reply.kind is ReplyKind.HOME:
        return shell(_home(reply, wording), summary_of(reply, wording))
    author = [block([run(line(reply.author.name, LINE), weight="Bolder")])] if reply.author is not None else []
    body = below(reply, wording, limits.CARD - HEADER - size(author), with_text=True)
    return shell([*author, *body], summary_of(reply, wording))


def shell(body: Sequence[Json], fallback: str) -> Card:
    return {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "fallbackText": line(fallback, limits.TITLE),
        "msteams": {"width": "Full"},
        "body": list(body) or [said("", 1)],
    }


def summary_of(reply: Reply, wording: Wording) -> str:
    """What it says first, in plain words: for notifications, and where no card can be shown."""
    return line(first_words(reply, wording), limits.SUMMARY, empty="…")


def below(reply: Reply, wording: Wording, room: int, *, with_text: bool, before: Sequence[Json] = ()) -> list[Json]:
    """Progress, text, facts, what was said, sources, files and buttons, in at most `room` bytes. `before`: what stands above the facts."""
    room -= size(list(before))
    buttons = Buttons(wording, min(ACTIONS, room - 200))
    rows = [*buttons.rows(reply.actions), *buttons.prompts(reply.prompts)]
    room -= size(rows)
    names = ", ".join(file.name for file in reply.files)
    files = [said(put(wording.files, name=cut(names, FILE_NAMES)), LINE, spacing="Small")] if names and with_text else []
    room -= size(files)
    front = fitted(_progress(reply, wording), min(FRONT, room), wording)
    room -= size(front)
    fields = fitted(_fields(reply.fields, wording), min(FIELDS, room), wording)
    room -= size(fields)
    transcript = _transcript(reply.transcript, min(TRANSCRIPT, room), wording)
    room -= size(transcript)
    sources = fitted(_sources(reply), min(SOURCES, room), wording) if with_text else []
    room -= size(sources)
    text: list[Json] = []
    if with_text and not (reply.progress is not None and reply.kind is ReplyKind.PROGRESS):
        spoken, _ = without_sources(reply.text, starts(reply.citations))
        text = text_blocks(spoken, room, wording)
    return [*front, *text, *before, *fields, *transcript, *sources, *files, *rows]


def fitted(elements: Sequence[Json], room: int, wording: Wording) -> list[Json]:
    """As many as there is room for, and how many more there are."""
    if size(list(elements)) <= room:
        return list(elements)
    kept: list[Json] = []
    left = room - 160
    for one in elements:
        if size(one) + 1 > left:
            break
        kept.append(one)
        left -= size(one) + 1
    return [*kept, said(put(wording.more, count=len(elements) - len(kept)), LINE)] if left >= 0 else []


def source_line(citation: Citation, worded: Sequence[str]) -> tuple[str, str | None]:
    """A source in words, without its number, and where it may lead."""
    said = line(source_words(citation, worded), SOURCE)
    return said, safe_url(citation.url) if citation.url else None


def _progress(reply: Reply, wording: Wording) -> list[Json]:
    progress = reply.progress
    if progress is None:
        return []
    case = reply.request.case if reply.request is not None else ""
    shown = [
        heading(" · ".join(filter(None, (case, progress.title))), "Large"),
        block([run(line(progress.ball, LINE), weight="Bolder")], spacing="Small"),
        *(_step(progress, n, wording) for n in range(len(progress.steps))),
    ]
    about = [put(wording.next_step, name=progress.next_step)] if progress.next_step else []
    about += [put(wording.specialist, name=progress.specialist)] if progress.specialist else []
    lines = [block([run(line(one, LINE), **SUBTLE)], spacing="Small") for one in about]
    return [*shown, *lines]


def _step(progress: Progress, n: int, wording: Wording) -> Json:
    step = progress.steps[n]
    mark, word = MARKS.get(step.status, "○"), getattr(wording, step.status, step.status)
    title = run(line(step.title, STEP), **({"strikethrough": True} if step.status == "undone" else {}))
    bold: Json = {"weight": "Bolder"} if step.status in ("running", "failed") else {}
    return block([run(f"{mark}  "), title | bold, run(f" ({word})", italic=True)], spacing="Small")


def _fields(fields: Sequence[Field], wording: Wording) -> list[Json]:
    """Label and value side by side, letter by letter; a long value below its label."""
    shown: list[Json] = []
    for field in fields:
        label = block([run(line(field.label, 150), weight="Bolder")])
        value = clean(field.value).strip()
        lines = [one for one in _cut_saying(value, wording).split("\n") if one.strip()] or ["–"]
        more = [put(wording.more, count=len(lines) - VALUE_LINES)] if len(lines) > VALUE_LINES else []
        values = [block([run(one)], spacing="None") for one in [*lines[:VALUE_LINES], *more]]
        if units(value) > SIDE_BY_SIDE or units(field.label) > SIDE_LABEL:
            shown.append({"type": "Container", "items": [label, *values], "spacing": "Small"})
        else:
            columns = [{"type": "Column", "width": width, "items": items} for width, items in ((1, [label]), (3, values))]
            shown.append({"type": "ColumnSet", "columns": columns, "spacing": "Small"})
    return shown


def _cut_saying(value: str, wording: Wording) -> str:
    if units(value) <= VALUE:
        return value
    kept = head(value, VALUE - units(wording.cut) - 10)
    return f"{kept} {put(wording.cut, count=len(value) - len(kept))}"


def _transcript(lines: Sequence[str], room: int, wording: Wording) -> list[Json]:
    """The newest lines, and how many were before them."""
    shown: list[Json] = []
    left = room - 500
    for spoken in reversed(lines):
        one = said(spoken, LINE, spacing="Small")
        if len(shown) == LINES or size(one) + 1 > left:
            break
        shown.insert(0, one)
        left -= size(one) + 1
    if not any(one.strip() for one in lines) or not shown:
        return []
    left_out = len(lines) - len(shown)
    title = [run(line(wording.said_so_far, LINE), weight="Bolder")]
    if left_out:
        title.append(run(f"  {put(wording.earlier, count=left_out)}", italic=True))
    return [{"type": "Container", "style": "emphasis", "items": [block(title), *shown]}]


def _sources(reply: Reply) -> list[Json]:
    _, worded = without_sources(reply.text, starts(reply.citations))
    shown = []
    for citation in reply.citations:
        told, url = source_line(citation, worded)
        number = run(f"[{citation.n}] ", **SUBTLE)
        parts = linked(told, url, **SUBTLE) if url is not None and units(url) <= limits.CITATION_URL else [run(told + _host(url), **SUBTLE)]
        shown.append(block([number, *parts], spacing="Small"))
    return shown


def _host(url: str | None) -> str:
    return f" ({host_of(url)})" if url is not None else ""


def _home(reply: Reply, wording: Wording) -> list[Json]:
    """The text, the sections, and in words how much there was no room for."""
    room = limits.CARD - HEADER - 200
    buttons = Buttons(wording, room // 2)
    body = [*text_blocks(reply.text, FIELDS, wording), *buttons.rows(reply.actions)]
    left_out = 0
    for part in reply.sections:
        title = [heading(part.title) | ({"separator": True, "spacing": "Large"} if body else {})] if part.title.strip() else []
        for item in part.items:
            made = [*title, *_item(item, buttons, wording)]
            if left_out or size([*body, *made]) > room:
                left_out += 1
            else:
                body += made
                title = []
        below = [*title, *buttons.rows(part.actions)]
        if left_out or size([*body, *below]) > room:
            left_out += len(part.actions)
        else:
            body += below
    return [*body, said(put(wording.more, count=left_out), LINE)] if left_out else body


def _item(item: Item, buttons: Buttons, wording: Wording) -> list[Json]:
    return [*text_blocks(item.text, ITEM, wording), *buttons.rows(item.actions)]
