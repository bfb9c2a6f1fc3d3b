"""Cuts passages into what can be quoted, and picks what answers the question; pure.

A unit is the smallest thing that makes sense by itself: a sentence, a list item with the line that leads to it, a row of
a table with its header. A label is a line in bold that heads what follows it: quoted with it, if at all.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from knowledge.chunking import SECTION_SEPARATOR, Block, blocks
from knowledge.text import plain, sentences, word_count

UnitKind = Literal["sentence", "item", "row", "code", "label"]
_TEMPLATE = re.compile(r"(?:\{[%{][^{}]{0,2000}[%}]\}\s*)+")
"""What a site's generator would have replaced, as in `{% include "steps.html" %}`, says nothing to a reader."""
_BAR = re.compile(r"(?<!\\)\|")
_LABEL_WORDS = 12
MAX_UNITS = 40
"""Units of one chunk that are looked at; a chunk of usual size has some ten."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`text` is its own Markdown, `lead` what has to stand before it: a list's introduction, a table's header.

    `heading`: the one inside the chunk that it stands under, of a small section that was joined with its neighbour.
    """

    kind: UnitKind
    block: int
    text: str
    lead: str = ""
    heading: str = ""

    @property
    def reading(self) -> str:
        """The unit as running text, with what it needs to be understood."""
        if self.kind == "row":
            header, cells = _cells(self.lead.split("\n")[0]), _cells(self.text)
            named = zip(header, cells, strict=False)
            return "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)
        return f"{plain(self.lead)} {plain(self.text)}".strip()


def units(text: str) -> list[Unit]:
    """The units of a chunk's Markdown, in order."""
    found: list[Unit] = []
    lead = heading = ""
    all_blocks = blocks(text)
    for number, block in enumerate(all_blocks):
        if block.kind == "heading":
            lead, heading = "", plain(block.text)
            continue
        if _TEMPLATE.fullmatch(block.text.strip()):
            lead = ""
            continue
        if _is_label(block) and any(one.kind != "heading" for one in all_blocks[number + 1 : number + 2]):
            lead = ""
            found.append(Unit("label", number, " ".join(block.text.split()), heading=heading))
            continue
        found += [replace(unit, heading=heading) for unit in _units_of(block, number, lead)]
        lead = block.text if block.kind == "paragraph" and block.text.rstrip().endswith(":") else ""
        if lead:
            lead = sentences(" ".join(lead.split()))[-1]
    return found[:MAX_UNITS]


def unit_text(unit: Unit, title: str, section: str) -> str:
    """What of a unit is embedded. A sentence speaks for itself; an item or a row needs the heading that it stands under."""
    if unit.kind in ("sentence", "label"):
        return unit.reading
    heading = unit.heading or section.rsplit(SECTION_SEPARATOR, 1)[-1] or title
    return f"{plain(heading)}: {unit.reading}"


def section_of(unit: Unit, section: str) -> str:
    """The heading path of a unit of a chunk with this one."""
    above = section.split(SECTION_SEPARATOR)[:-1]
    return SECTION_SEPARATOR.join((*above, unit.heading)) if unit.heading else section


def heading_text(title: str, section: str) -> str:
    """What is embedded of the heading that a chunk stands under: its article's title, and its own where it has one."""
    own = section.rsplit(SECTION_SEPARATOR, 1)[-1]
    return f"{plain(title)}: {plain(own)}" if own else plain(title)


def compose(chosen: Sequence[Unit]) -> str:
    """The chosen units of one chunk as Markdown, in their order; what leads to a list or heads a table comes once."""
    parts: list[str] = []
    previous: Unit | None = None
    for unit in chosen:
        same = previous is not None and previous.block == unit.block
        if unit.lead and not same and (not parts or unit.lead not in parts[-1]):
            before = "\n" if parts else ""
            parts.append(before + (unit.lead if unit.kind == "row" else f"{unit.lead}\n"))
        if unit.kind == "sentence" and same:
            parts[-1] = f"{parts[-1]} {unit.text}"
        elif parts and not same and not (unit.lead and parts[-1].lstrip("\n").startswith(unit.lead)):
            parts.append(f"\n{unit.text}")
        else:
            parts.append(unit.text)
        previous = unit
    return "\n".join(parts)


def _units_of(block: Block, number: int, lead: str) -> list[Unit]:
    if block.kind == "list":
        return [Unit("item", number, item, lead) for item in block.parts]
    if block.kind == "table":
        header = "\n".join(block.parts[:2])
        return [Unit("row", number, row, header) for row in block.parts[2:]]
    if block.kind == "code":
        return [Unit("code", number, block.text, lead)]
    return [Unit("sentence", number, sentence) for sentence in sentences(" ".join(block.text.split()))]


def _is_label(block: Block) -> bool:
    """A short line in bold that ends no sentence; what is said in bold is said."""
    text = block.text.strip()
    bold = block.kind == "paragraph" and text.startswith("**") and text.endswith("**") and word_count(text) <= _LABEL_WORDS
    return bold and not plain(text).endswith((".", "!", "?"))


def cells(row: str) -> list[str]:
    """The cells of a line of a table, as written; `\\|` ends none."""
    found = _BAR.split(row.strip())
    return found[0 if found[0] else 1 : len(found) if found[-1] else -1]


def _cells(row: str) -> list[str]:
    return [plain(cell) for cell in cells(row)]
