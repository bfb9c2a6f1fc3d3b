"""Excel workbooks: each sheet that is shown as a heading and tables, with the values that were saved.

Formulas are not worked out; those without a saved value are reported. What nobody sees (hidden sheets, rows and columns,
letters of the colour of their cell or of no size, formats that show nothing) is left out and reported. The colours of
conditional formats and of tables' styles are not worked out: text that depends on them stays, and is said to be unchecked.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby
from typing import Any

from openpyxl import load_workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.styles.colors import COLOR_INDEX
from openpyxl.utils import range_boundaries

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import title_from_name
from knowledge.loading.package import packed, text_parts
from knowledge.loading.port import Loaded
from knowledge.loading.tables import inline, table
from knowledge.loading.visibility import BLACK, WHITE, Color, color, contrasts, is_tiny, mixed, theme_colors

_MAX_CELLS = 150_000
_FILLED = re.compile(rb"<(?:\w+:)?(?:v|is)>")
_UNSAVED = re.compile(rb"<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v ?/>\s*|<v></v>\s*)?</(?:\w+:)?c>")
"""A formula that nothing follows in its cell; a saved value would."""
_THEME = ("lt1", "dk1", "lt2", "dk2", "accent1", "accent2", "accent3", "accent4", "accent5", "accent6", "hlink", "folHlink")
_WINDOW, _WINDOW_TEXT = 65, 64
_NO_WIDTH, _NO_HEIGHT = 0.3, 3.0
"""In letters, and in points."""
_QUOTED = re.compile(r'"[^"]*"|\\.')
_BRACKETS = re.compile(r"\[(?!h+\]|m+\]|s+\]|\$)[^\]]*\]", re.IGNORECASE)
_CURRENCIES = "$€£¥"


def read(data: bytes, name: str) -> Loaded:
    parts = text_parts(data, "xl/")
    # Counted before they are parsed, which is what takes the time.
    if sum(len(_FILLED.findall(content)) for name, content in parts.items() if "worksheets/" in name) > _MAX_CELLS:
        raise LoadRefused("too_many_cells", limit=f"{_MAX_CELLS:,}")
    unsaved = any(_UNSAVED.search(content) for name, content in parts.items() if "worksheets/" in name)
    book = load_workbook(packed(parts), data_only=True, keep_links=False, rich_text=True)
    palette = _Palette(theme_colors(book.loaded_theme or b""), [color(one) or BLACK for one in getattr(book, "_colors", COLOR_INDEX)])
    texts: list[str] = []
    hid = unchecked = False
    for sheet in book.worksheets:
        # Its dictionary: walking the rows would walk every empty one before a stray cell at the far end.
        cells = {place: cell for place, cell in sheet._cells.items() if cell.value is not None}
        shown: dict[tuple[int, int], tuple[Any, str]] = {}
        gone_rows = {row for row, one in sheet.row_dimensions.items() if one.hidden or (one.height is not None and one.height < _NO_HEIGHT)}
        gone_columns = _gone_columns(sheet, {column for _, column in cells})
        styled = _styled(sheet)
        unchecked = unchecked or bool(cells and sheet.sheet_format.zeroHeight)
        for (row, column), cell in cells.items():
            if sheet.sheet_state != "visible" or row in gone_rows or column in gone_columns:
                hid = True
                continue
            seen = palette.seen(cell)
            if seen is not cell.value and cell.value != 0:
                inside = any(left <= column <= right and top <= row <= bottom for left, top, right, bottom in styled)
                unchecked, hid = unchecked or inside, hid or not inside
                seen = cell.value if inside else seen
            if seen is not None:
                shown[row, column] = (seen, str(cell.number_format or ""))
        text = _as_markdown(shown)
        if text:
            texts.append(f"## {inline(sheet.title)}\n\n{text}")
    said = (("hidden_text_removed", hid), ("text_not_checked", unchecked), ("parts_not_read", unsaved))
    return Loaded(title_from_name(name), "\n\n".join(texts), tuple(code for code, one in said if one))


def _gone_columns(sheet: Any, columns: Collection[int]) -> set[int]:
    ranges = [
        (one.min or 0, one.max or 0)
        for one in sheet.column_dimensions.values()
        if one.hidden or (one.width is not None and one.width < _NO_WIDTH)
    ]
    return {column for column in columns if any(first <= column <= last for first, last in ranges)}


def _styled(sheet: Any) -> list[tuple[int, int, int, int]]:
    """Where tables and conditional formats may give cells a colour."""
    ranges = [one.bounds for conditional in sheet.conditional_formatting for one in conditional.sqref.ranges]
    return [*ranges, *(range_boundaries(one.ref) for one in sheet.tables.values())]


@dataclass(frozen=True, slots=True)
class _Palette:
    """The colours of a workbook by name and by number, and what they make of its cells."""

    theme: Mapping[str, Color]
    numbered: Sequence[Color]

    def seen(self, cell: Any) -> Any:
        """What of the cell's value a reader sees; None if nothing."""
        section = _section(cell.value, str(cell.number_format or ""))
        if section is not None and not _BRACKETS.sub("", section).strip():
            return None
        if not cell.has_style and not isinstance(cell.value, CellRichText):
            return cell.value
        backings = self._backings(cell.fill)
        letters = WHITE if section is not None and "[white]" in section.lower() else self._of(cell.font.color if cell.font else None, BLACK)
        own = not is_tiny(cell.font.sz if cell.font else None) and contrasts(letters, backings)
        if not isinstance(cell.value, CellRichText):
            return cell.value if own else None
        kept = [one for one in cell.value if (self._is_seen(one, backings) if isinstance(one, TextBlock) else own)]
        return cell.value if len(kept) == len(cell.value) else "".join(map(str, kept))

    def _is_seen(self, block: TextBlock, backings: Collection[Color]) -> bool:
        return not is_tiny(block.font.sz) and contrasts(self._of(block.font.color, BLACK), backings)

    def _backings(self, fill: Any) -> list[Color]:
        if fill is None or fill.fill_type is None:
            return [WHITE]
        if hasattr(fill, "stop"):
            return [self._of(stop.color, WHITE) for stop in fill.stop] or [WHITE]
        front = self._of(fill.fgColor, WHITE)
        return [front] if fill.fill_type == "solid" else [front, self._of(fill.bgColor, WHITE)]

    def _of(self, named: Any, other: Color) -> Color:
        found: Color | None = None
        if named is None:
            return other
        if named.type == "rgb":
            found = color(named.rgb)
        elif named.type == "theme" and 0 <= named.theme < len(_THEME):
            found = self.theme.get(_THEME[named.theme])
        elif named.type == "indexed" and named.indexed in (_WINDOW, _WINDOW_TEXT):
            found = WHITE if named.indexed == _WINDOW else BLACK
        elif named.type == "indexed" and 0 <= named.indexed < len(self.numbered):
            found = self.numbered[named.indexed]
        if found is None:
            return other
        return mixed(found, WHITE if named.tint > 0 else BLACK, abs(named.tint)) if named.tint else found


def _section(value: Any, shape: str) -> str | None:
    """The part of a number format that this value is shown by; None if the format does not say."""
    sections = _QUOTED.sub("x", shape).split(";")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and len(sections) > 1:
        return sections[2] if value == 0 and len(sections) > 2 else sections[1] if value < 0 else sections[0]
    if len(sections) > 3 or not isinstance(value, str):
        return sections[3] if len(sections) > 3 else None
    return None


def _as_markdown(cells: Mapping[tuple[int, int], tuple[Any, str]]) -> str:
    """Rows without a gap between them belong together: lone texts above are its captions, the rest is a table."""
    rows: dict[int, dict[int, str]] = {}
    for (row, column), cell in sorted(cells.items()):
        text = _text(*cell)
        if text.strip():
            rows.setdefault(row, {})[column] = text
    parts: list[str] = []
    for _, numbered in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0]):
        block = [rows[row] for _, row in numbered]
        first = next((place for place, row in enumerate(block) if len(row) > 1), len(block))
        parts.extend(text.strip() for row in block[:first] for text in row.values())
        parts.append(_table(block[first:]))
    return "\n\n".join(part for part in parts if part)


def _table(block: Sequence[Mapping[int, str]]) -> str:
    columns = sorted({column for row in block for column in row})
    return table([[row.get(column, "") for column in columns] for row in block])


def _text(value: Any, shape: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)):
        if "%" in shape:
            return f"{value * 100:.6g}%"
        currency = next((sign for sign in _CURRENCIES if sign in shape), "")
        return currency + (f"{value:,.2f}" if currency else str(value) if isinstance(value, int) else f"{value:.10g}")
    return str(value)
