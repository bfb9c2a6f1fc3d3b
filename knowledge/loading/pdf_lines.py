"""The letters of a page as lines, and as tables where lines are ruled around them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from knowledge.loading.pdf_ink import Box
from knowledge.loading.pdf_page import Letter, Page

_NEAR = 3.0
"""Points by which rules that meet may miss each other."""
_NARROW = 7.0
"""Rules closer than this are one border, drawn twice: no letter fits between them."""
_MAX_RULES = 2_000
_GAP = 1.8
"""Blank between two pieces of one line, in letters' heights, from which on they are apart as in a table."""


@dataclass(slots=True)
class Line:
    """What stands in one row. `starts`: where its pieces begin, in its text and on the page, if wide blanks part it."""

    text: str
    box: Box
    size: float
    bold: bool
    goes_on: bool = False
    """Whether its last word goes on in the next line."""
    pieces: tuple[tuple[float, str], ...] = ()
    page: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """A ruled table: rows of cells."""

    rows: tuple[tuple[str, ...], ...]
    box: Box
    page: int


@dataclass(slots=True)
class _Piece:
    letters: list[Letter] = field(default_factory=list)
    goes_on: bool = False


def lines_of(page: Page, number: int) -> list[Line | Grid]:
    """In the order of the file; a table stands where its first letter does."""
    regions = _regions(page.rules)
    inside: list[list[Letter]] = [[] for _ in regions]
    flow: list[Letter | int] = []
    current: int | None = None
    for letter in page.letters:
        if letter.size:
            x, y = (letter.box[0] + letter.box[2]) / 2, (letter.box[1] + letter.box[3]) / 2
            current = next((place for place, region in enumerate(regions) if region.holds(x, y)), None)
        if current is None:
            flow.append(letter)
            continue
        if not inside[current]:
            flow.append(current)
        inside[current].append(letter)
    grids = [region.grid(letters, number) for region, letters in zip(regions, inside, strict=True)]
    found: list[Line | Grid] = []
    pending: list[Letter] = []
    for one in flow:
        if isinstance(one, Letter):
            pending.append(one)
            continue
        grid = grids[one]
        if grid is None:
            pending.extend(inside[one])
        else:
            found.extend(_lines(pending, number))
            pending = []
            found.append(grid)
    found.extend(_lines(pending, number))
    return found


def _lines(letters: Iterable[Letter], number: int) -> list[Line]:
    pieces: list[_Piece] = [_Piece()]
    for letter in letters:
        if not letter.size:
            pieces[-1].goes_on = letter.text == "\u00ad"
            pieces.append(_Piece())
        else:
            pieces[-1].letters.append(letter)
    lines: list[Line] = []
    for piece in pieces:
        line = _line(piece, number)
        if line is None:
            continue
        before = lines[-1] if lines else None
        if before is not None and not before.goes_on and _same_row(before, line):
            lines[-1] = _joined(before, line)
        else:
            lines.append(line)
    return lines


def _line(piece: _Piece, number: int) -> Line | None:
    marks = [letter for letter in piece.letters if letter.text.strip()]
    if not marks:
        return None
    sizes: dict[float, int] = {}
    for letter in marks:
        sizes[round(letter.size, 1)] = sizes.get(round(letter.size, 1), 0) + 1
    size = max(sizes, key=lambda one: (sizes[one], one))
    lefts, bottoms, rights, tops = zip(*(one.box for one in marks), strict=True)
    box = (min(lefts), min(bottoms), max(rights), max(tops))
    parts: list[tuple[float, str]] = []
    text, start, end = "", marks[0].box[0], marks[0].box[0]
    for letter in piece.letters:
        if letter.text.strip() and text.strip() and letter.box[0] - end > _GAP * size:
            parts.append((start, " ".join(text.split())))
            text = ""
        if letter.text.strip():
            start = start if text.strip() else letter.box[0]
            end = letter.box[2]
        text += letter.text
    parts.append((start, " ".join(text.split())))
    bold = sum(letter.bold for letter in marks) > 0.8 * len(marks)
    return Line(" ".join(part for _, part in parts), box, size, bold, piece.goes_on, tuple(parts), number)


def _same_row(one: Line, other: Line) -> bool:
    overlap = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    lower = min(one.box[3] - one.box[1], other.box[3] - other.box[1])
    return overlap > 0.6 * lower and other.box[0] >= one.box[2] - 0.3 * one.size


def _joined(one: Line, other: Line) -> Line:
    gap = other.box[0] - one.box[2]
    box = (min(one.box[0], other.box[0]), min(one.box[1], other.box[1]), max(one.box[2], other.box[2]), max(one.box[3], other.box[3]))
    between = " " if gap > 0.15 * one.size else ""
    if gap > _GAP * one.size:
        pieces = (*one.pieces, *other.pieces)
    else:
        last = one.pieces[-1]
        pieces = (*one.pieces[:-1], (last[0], last[1] + between + other.pieces[0][1]), *other.pieces[1:])
    size = one.size if len(one.text) >= len(other.text) else other.size
    return Line(one.text + between + other.text, box, size, one.bold and other.bold, other.goes_on, pieces, one.page)


@dataclass(frozen=True, slots=True)
class _Region:
    """Rules that touch each other, and where their columns and rows part."""

    upright: Sequence[Box]
    columns: Sequence[float]
    rows: Sequence[float]

    def holds(self, x: float, y: float) -> bool:
        return self.columns[0] <= x <= self.columns[-1] and self.rows[0] <= y <= self.rows[-1]

    def grid(self, letters: Sequence[Letter], number: int) -> Grid | None:
        """None if what is ruled is no table: a frame, a line under a heading, one column."""
        columns, rows = self.columns, self.rows
        texts = [["" for _ in columns[1:]] for _ in rows[1:]]
        place: tuple[int, int] | None = None
        for letter in letters:
            if not letter.size:
                if place is not None and letter.text == "\n":
                    texts[place[0]][place[1]] += " "
                continue
            x, y = (letter.box[0] + letter.box[2]) / 2, (letter.box[1] + letter.box[3]) / 2
            row = max(sum(y > edge for edge in rows) - 1, 0)
            column = max(sum(x > edge for edge in columns) - 1, 0)
            here = (min(row, len(texts) - 1), self._first_of(min(column, len(texts[0]) - 1), y, columns))
            if here != place:
                texts[here[0]][here[1]] += " "
            place = here
            texts[here[0]][here[1]] += letter.text
        cells = [tuple(" ".join(text.split()) for text in row) for row in reversed(texts)]
        kept = [row for row in cells if any(row)]
        filled = [column for column in range(len(columns) - 1) if any(row[column] for row in kept)]
        if len(kept) < 2 or len(filled) < 2 or sum(sum(map(bool, row)) > 1 for row in kept) < 2:
            return None
        return Grid(tuple(tuple(row[column] for column in filled) for row in kept), (columns[0], rows[0], columns[-1], rows[-1]), number)

    def _first_of(self, column: int, y: float, columns: Sequence[float]) -> int:
        """The leftmost of the columns that are one cell at this height, because no rule parts them."""
        while column > 0 and not any(
            abs((box[0] + box[2]) / 2 - columns[column]) <= _NARROW and box[1] - _NEAR <= y <= box[3] + _NEAR for box in self.upright
        ):
            column -= 1
        return column


def _regions(rules: Sequence[Box]) -> list[_Region]:
    """The groups of rules that have at least two rows and two columns."""
    if not 5 <= len(rules) <= _MAX_RULES:
        return []
    groups: list[tuple[Box, list[Box]]] = []
    for rule in rules:
        box, members = rule, [rule]
        apart = []
        for other, own in groups:
            if _touch(box, other):
                box = (min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3]))
                members = own + members
            else:
                apart.append((other, own))
        groups = [*apart, (box, members)]
    found = []
    for _, members in groups:
        upright = [one for one in members if one[3] - one[1] > one[2] - one[0]]
        columns = _distinct((one[0] + one[2]) / 2 for one in upright)
        rows = _distinct((one[1] + one[3]) / 2 for one in members if one[3] - one[1] <= one[2] - one[0])
        if len(columns) > 2 and len(rows) > 2:
            found.append(_Region(upright, columns, rows))
    return found


def _touch(one: Box, other: Box) -> bool:
    return one[0] <= other[2] + _NEAR and other[0] <= one[2] + _NEAR and one[1] <= other[3] + _NEAR and other[1] <= one[3] + _NEAR


def _distinct(values: Iterable[float]) -> list[float]:
    groups: list[list[float]] = []
    for value in sorted(values):
        if groups and value - groups[-1][-1] <= _NARROW:
            groups[-1].append(value)
        else:
            groups.append([value])
    return [sum(group) / len(group) for group in groups]
