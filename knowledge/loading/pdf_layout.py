"""Lines of a PDF as Markdown: headings by size and weight, paragraphs, lists, tables. Pure.

A PDF says where letters stand, not what they are. So the size that most letters have is the text's, what is larger or bold
and stands alone is a heading, what begins with a mark is an item, and what repeats at the edge of the pages is neither.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from knowledge.loading.pdf_lines import Grid, Line
from knowledge.loading.tables import literal, paragraph, table

_LARGER = 1.12
_LEVELS = 3
_MAX_HEADING = 140
_MIN_CONTENTS = 3
_LONG = 60
"""Letters of a line that is no heading, so that what follows at once is not set apart from it."""
_EDGE = 0.12
_REPEATS = 0.4
_NEXT_LINE = 1.45
"""Distance of two lines of one paragraph, as a multiple of the usual one."""
_BULLET = re.compile(r"^([•●▪◦○■□‣∙·➢➤✓✔❖\uf0b7\uf0a7\uf0d8\uf076\uf0fc]|[-–—*o](?= ))\s*(?=\S)")
_BARE_BULLET = re.compile(r"^[•●▪◦○■□‣∙·➢➤✓✔❖\uf0b7\uf0a7\uf0d8\uf076\uf0fc]$")
_POINT = re.compile(r"^(?:(\d{1,3})[.)]|(\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]))\s+(?=\S)")
"""What begins a point of a list: a number as Markdown writes it, or another mark that stays as it is."""
_NUMBER = re.compile(r"^(\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\d{1,3}(?:\.\d{1,3}){1,4}\.?)\s+(?=\S)")
_LONE_NUMBER = re.compile(r"^(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\d{1,3}(?:\.\d{1,3}){1,4}\.?)$")
_LEADERS = re.compile(r"(?:(?:\.\s?){4,}|_{4,})\s*[\divxlc]{1,5}$")
_PRIVATE = re.compile(r"[\ue000-\uf8ff]")
_CONTENTS = re.compile(r"^(?:table of )?contents?$", re.IGNORECASE)
_SENTENCE_END = (".", "!", "?", ":", ";")


@dataclass(frozen=True, slots=True)
class Document:
    """`title` is empty if nothing on the first page stands out."""

    title: str
    markdown: str


@dataclass(slots=True)
class _Block:
    kind: str
    """heading, text, item or table."""
    lines: list[Line]
    level: int = 0
    text: str = ""
    rows: list[tuple[str, ...]] = field(default_factory=list)
    page: int = 0


def as_markdown(pages: Sequence[Sequence[Line | Grid]], heights: Sequence[float]) -> Document:
    """`pages`: what `lines_of` found on each; `heights`: of the pages, in points."""
    flow = [one for page in _without_edges(pages, heights) for one in page]
    flow = [one for one in flow if isinstance(one, Grid) or not _LEADERS.search(one.text)]
    lines = [one for one in flow if isinstance(one, Line)]
    if not flow:
        return Document("", "")
    body = _body_size(lines)
    levels = _heading_levels(lines, body)
    bold_stands_out = sum(len(one.text) for one in lines if one.bold) < 0.3 * sum(len(one.text) for one in lines)
    words = Counter(word for one in lines for word in re.findall(r"[\w-]+", one.text.lower()))
    blocks = _blocks(flow, body, levels, bold_stands_out)
    for block in blocks:
        block.text = table(block.rows) if block.rows else _text(block.lines, words)
    blocks = _without_contents(blocks)
    return Document(_title(blocks, body), _rendered(blocks))


def _title(blocks: Sequence[_Block], body: float) -> str:
    """The largest heading of the first page."""
    first = [one for one in blocks if one.kind == "heading" and one.lines[0].page == 0 and not _CONTENTS.match(one.text)]
    largest = max(first, key=lambda one: one.lines[0].size, default=None)
    return largest.text if largest is not None and largest.lines[0].size > body * _LARGER else ""


def _without_edges(pages: Sequence[Sequence[Line | Grid]], heights: Sequence[float]) -> list[list[Line | Grid]]:
    """Headers, footers and page numbers are what stands in the same words at the edge of many pages."""
    counts: Counter[tuple[bool, str]] = Counter()
    for page, height in zip(pages, heights, strict=True):
        counts.update({(_upper(one, height), _shape(one)) for one in page if isinstance(one, Line) and _at_edge(one, height)})
    often = max(3, _REPEATS * len(pages))
    kept = [
        [one for one in page if isinstance(one, Grid) or not _at_edge(one, height) or counts[_upper(one, height), _shape(one)] < often]
        for page, height in zip(pages, heights, strict=True)
    ]
    # Pages with nothing but the same words are no pages with a header alone.
    return kept if any(kept) else [list(page) for page in pages]


def _at_edge(line: Line, height: float) -> bool:
    return line.box[1] > height * (1 - _EDGE) or line.box[3] < height * _EDGE


def _upper(line: Line, height: float) -> bool:
    return line.box[1] > height / 2


def _shape(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text)


def _body_size(lines: Sequence[Line]) -> float:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size * 2) / 2] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _heading_levels(lines: Sequence[Line], body: float) -> dict[float, int]:
    """The larger sizes from the largest down; what is rarer than that many levels shares the last."""
    larger = sorted({round(line.size * 2) / 2 for line in lines if _is_larger(line, body)}, reverse=True)
    levels: dict[float, int] = {}
    level, before = 0, 0.0
    for size in larger:
        if not before or before - size > 1:
            level = min(level + 1, _LEVELS)
            before = size
        levels[size] = level
    return levels


def _is_larger(line: Line, body: float) -> bool:
    return line.size > body * _LARGER and len(line.text) <= _MAX_HEADING and any(character.isalpha() for character in line.text)


def _blocks(flow: Sequence[Line | Grid], body: float, levels: dict[float, int], bold_stands_out: bool) -> list[_Block]:
    blocks: list[_Block] = []
    place = 0
    deepest = max(levels.values(), default=0)
    while place < len(flow):
        one = flow[place]
        if isinstance(one, Grid):
            _add_table(blocks, one)
            place += 1
            continue
        rows = _aligned(flow, place)
        if rows:
            blocks.append(_Block("table", [], rows=[tuple(text for _, text in row.pieces) for row in rows], page=one.page))
            place += len(rows)
            continue
        level = _level(one, flow, place, body, levels, deepest, bold_stands_out)
        last = blocks[-1] if blocks else None
        if level:
            same = last is not None and last.kind == "heading" and last.level == level and _follows(last.lines[-1], one)
            if last is not None and same and not _NUMBER.match(one.text):
                last.lines.append(one)
            else:
                blocks.append(_Block("heading", [one], level))
        elif _BULLET.match(one.text) or _BARE_BULLET.match(one.text) or _POINT.match(one.text):
            blocks.append(_Block("item", [one]))
        elif _NUMBER.match(one.text):
            blocks.append(_Block("text", [one]))
        elif last is not None and last.kind in ("text", "item") and (_goes_on(last.lines, one) or _BARE_BULLET.match(last.lines[-1].text)):
            last.lines.append(one)
        else:
            blocks.append(_Block("text", [one]))
        place += 1
    return blocks


def _add_table(blocks: list[_Block], grid: Grid) -> None:
    """A table that goes on over the page is one; the header that it repeats there is not another row."""
    last = blocks[-1] if blocks else None
    if last is None or last.kind != "table" or last.page + 1 != grid.page or len(last.rows[0]) != len(grid.rows[0]):
        blocks.append(_Block("table", [], rows=list(grid.rows), page=grid.page))
        return
    last.rows.extend(grid.rows[1:] if grid.rows[0] == last.rows[0] else grid.rows)
    last.page = grid.page


def _without_contents(blocks: Sequence[_Block]) -> list[_Block]:
    """Lists of nothing but headings that stand elsewhere tell nobody anything, and would be found instead of those."""
    headings = {_key(block.text) for block in blocks if block.kind == "heading"}
    kept: list[_Block] = []
    for listed, group in groupby(blocks, key=lambda block: _lists_headings(block, headings)):
        run = list(group)
        if not listed or (len(run) < _MIN_CONTENTS and run[0].kind != "table"):
            kept.extend(run)
    return kept


def _lists_headings(block: _Block, headings: Collection[str]) -> bool:
    if block.kind == "table":
        named = sum(_key(row[0]) in headings for row in block.rows)
        return len(block.rows) >= _MIN_CONTENTS and all(row[-1].isdecimal() for row in block.rows) and named > len(block.rows) / 2
    return block.kind in ("item", "text") and _key(block.text) in headings


def _key(text: str) -> str:
    """A heading as a table of contents writes it: whatever its case, with or without its number and its page."""
    return re.sub(r"^[\W\d]+|[\W\d]+$", "", text.casefold())


def _level(
    line: Line, flow: Sequence[Line | Grid], place: int, body: float, levels: dict[float, int], deepest: int, bold_stands_out: bool
) -> int:
    if _BULLET.match(line.text) or _LONE_NUMBER.match(line.text):
        return 0
    if _is_larger(line, body):
        return levels[round(line.size * 2) / 2]
    alone = len(line.text) <= _MAX_HEADING and line.bold and bold_stands_out and line.size >= body * 0.95
    if not alone or line.text.endswith((".", ",", ";", "-")) or sum(character.isalpha() for character in line.text) < 3:
        return 0
    after = flow[place + 1] if place + 1 < len(flow) else None
    before = flow[place - 1] if place else None
    if isinstance(after, Line) and after.bold and _follows(line, after) and len(after.text) > _MAX_HEADING:
        return 0
    inside = isinstance(before, Line) and _follows(before, line) and not before.bold
    if inside and isinstance(before, Line) and not before.text.endswith(_SENTENCE_END) and len(before.text) > _LONG:
        return 0
    return deepest + 1


def _follows(before: Line, line: Line) -> bool:
    """Whether it is the next line of the same paragraph by where it stands."""
    step = before.box[1] - line.box[1]
    return before.page == line.page and 0 < step <= max(before.size, line.size) * 1.2 * _NEXT_LINE and abs(before.size - line.size) < 0.8


def _goes_on(lines: Sequence[Line], line: Line) -> bool:
    before = lines[-1]
    if before.goes_on:
        return True
    if abs(before.size - line.size) > 0.8 or (before.bold != line.bold and before.text.endswith(_SENTENCE_END)):
        return False
    if before.page == line.page and _follows(before, line):
        usual = [one.box[1] - other.box[1] for one, other in pairwise(lines)]
        return not usual or before.box[1] - line.box[1] <= max(usual) * 1.25
    # On the next page or in the next column a sentence goes on if it had not ended.
    return not before.text.endswith(_SENTENCE_END) and line.text[:1].islower()


def _aligned(flow: Sequence[Line | Grid], start: int) -> list[Line]:
    """Lines whose pieces stand under each other: a table without rules. Empty unless there are three of them, header included."""
    rows: list[Line] = []
    for place in range(start, len(flow)):
        one = flow[place]
        if not isinstance(one, Line) or len(one.pieces) < 2 or _marker(one):
            break
        if rows and (len(one.pieces) != len(rows[0].pieces) or one.page != rows[0].page or not _under(rows[-1], one)):
            break
        rows.append(one)
    return rows if len(rows) >= 3 else []


def _marker(line: Line) -> bool:
    first = line.pieces[0][1]
    return bool(_LONE_NUMBER.match(first) or _BARE_BULLET.match(first) or _BULLET.match(first))


def _under(one: Line, other: Line) -> bool:
    near = 2 * one.size
    below = 0 < one.box[1] - other.box[1] < 3 * one.size
    return below and all(abs(a[0] - b[0]) <= near for a, b in zip(one.pieces, other.pieces, strict=True))


def _text(lines: Sequence[Line], words: Counter[str]) -> str:
    text = ""
    goes_on = False
    for line in lines:
        if not text:
            text = line.text
        elif goes_on:
            text = _hyphenated(text, line.text, words)
        elif text.endswith("-") and text[-2:-1].isalpha() and line.text[:1].islower():
            text = _hyphenated(text[:-1], line.text, words)
        else:
            text = f"{text} {line.text}"
        goes_on = line.goes_on
    return " ".join(_PRIVATE.sub("•", text).replace("\u00ad", "").split())


def _hyphenated(one: str, other: str, words: Counter[str]) -> str:
    """A word that was parted is joined, unless the text has it with a hyphen elsewhere."""
    first, second = re.search(r"\w*$", one), re.match(r"\w*", other)
    parted = (first.group() if first else "").lower(), (second.group() if second else "").lower()
    several = bool(re.search(r"\w-\w+$", one))
    with_hyphen = several or words["-".join(parted)] > words["".join(parted)]
    return f"{one}-{other}" if with_hyphen else one + other


def _rendered(blocks: Sequence[_Block]) -> str:
    parts: list[str] = []
    before = ""
    margins: list[float] = []
    for block in blocks:
        if block.kind == "heading":
            text = f"{'#' * block.level} {literal(block.text)}"
        elif block.kind == "item":
            own = block.lines[0].box[0]
            margins = [one for one in margins if one < own - 4] if before == "item" else []
            text = "   " * min(len(margins), 4) + _item(block.text)
            margins.append(own)
        else:
            text = block.text if block.kind == "table" else paragraph(literal(block.text))
        separator = "" if not parts else "\n" if block.kind == before == "item" else "\n\n"
        parts.append(separator + text)
        before = block.kind
    return "".join(parts)


def _item(text: str) -> str:
    point = _POINT.match(text)
    if point is None:
        return f"- {literal(_BULLET.sub('', text))}"
    rest = literal(text[point.end() :])
    return f"{point.group(1)}. {rest}" if point.group(1) else f"- {point.group(2)} {rest}"
