"""A reply in messages of limited length, and how it is worded where all of it cannot be shown: the same on every chat platform.

Pure and total.
"""

from collections.abc import Sequence

from connectors.chat.markdown import Piece, divided, safe_markdown, words
from connectors.chat.text import units
from connectors.chat.wording import Wording, put
from connectors.ports.chat import Citation, Reply

MARKS = {"pending": "○", "running": "▸", "done": "✓", "failed": "✗", "undone": "↶"}
"""Of steps."""
COUNT = 80
"""Units that are left for the number in a notice and for what Markdown escapes of it."""


def packed(found: Sequence[Piece], room: int) -> list[str]:
    """The pieces in as few messages of `room` units as hold them; the last one leaves its room for what follows, so all do."""
    messages = [""]
    for piece in found:
        whole = piece.markdown
        for part in [whole] if units(whole) <= room else divided(piece, room):
            if messages[-1] and (piece.alone or units(messages[-1]) + 2 + units(part) > room):
                messages.append("")
            messages[-1] += ("\n\n" if messages[-1] else "") + part
    return messages


def shortened(found: Sequence[Piece], room: int, wording: Wording, *, most: int = 1, notice: str | None = None) -> list[str]:
    """At most so many messages; where that is not all, the last says how much is missing, or the notice."""
    messages = packed(found, room)
    if len(messages) <= most:
        return messages
    shorter = packed(found, room - COUNT - units(notice or wording.cut))
    missing = sum(len(message) for message in shorter[most:])
    said = safe_markdown(notice if notice is not None else put(wording.cut, count=missing))
    return [*shorter[: most - 1], f"{shorter[most - 1]}\n\n{said}"]


def first_words(reply: Reply, wording: Wording) -> str:
    """What it says first, in plain words: for notifications and screen readers."""
    said = words(reply.text).strip()
    if not said and reply.progress is not None:
        said = f"{reply.progress.title}. {reply.progress.ball}"
    said = said or " ".join(f"{one.label}: {one.value}" for one in reply.fields) or (reply.form.title if reply.form else "")
    return (f"{reply.author.name}: " if reply.author is not None else "") + (said or wording.loading)


def starts(citations: Sequence[Citation]) -> list[str]:
    """How the lines begin in which a text words its sources itself."""
    return [f"[{citation.n}] {citation.title}" for citation in citations]


def source_words(citation: Citation, worded: Sequence[str]) -> str:
    """A source without its number: as the text words it, else title, section and date."""
    (start,) = starts([citation])
    told = next((line for line in worded if line.startswith(start)), None)
    if told is not None:
        return told.removeprefix(f"[{citation.n}] ")
    where = citation.section if citation.section != citation.title else ""
    updated = citation.updated.date().isoformat() if citation.updated is not None else ""
    return ", ".join(filter(None, (citation.title, where, updated)))
