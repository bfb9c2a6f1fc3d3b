"""Text of documents as Markdown: tables, and lines that must stay what they are."""

import re
from collections.abc import Sequence

_ACTS = re.compile(r"<(?=[A-Za-z/!?])|(?<=\])\((?=\S)")
_MARKS = re.compile(r"^(\s*)([#>+*|-]|\d{1,9}[.)])(?=\s|$)")


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first row is the header; empty rows and columns are left out, lines in cells joined."""
    cells = [[literal(inline(cell)).replace("|", "\\|") for cell in row] for row in rows]
    width = max((len(row) for row in cells), default=0)
    cells = [[*row, *[""] * (width - len(row))] for row in cells if any(row)]
    kept = [column for column in range(width) if any(row[column] for row in cells)]
    if not kept:
        return ""
    lines = ["| " + " | ".join(row[column] for column in kept) + " |" for row in cells]
    return "\n".join((lines[0], "|" + " --- |" * len(kept), *lines[1:]))


def inline(text: str) -> str:
    """On one line."""
    return " ".join(text.split())


def paragraph(text: str) -> str:
    """A line of text that begins like a list or heading of Markdown, and is none."""
    return _MARKS.sub(r"\1\\\2", text)


def literal(text: str) -> str:
    """Text that Markdown would take for a tag or a link, and that is text: `<name>` would be lost."""
    return _ACTS.sub(r"\\\g<0>", text)
