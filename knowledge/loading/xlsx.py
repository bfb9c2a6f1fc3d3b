"""Excel workbooks: each sheet that is shown as a heading and tables, with the values that were saved.

Formulas are not worked out. What nobody sees (hidden sheets, rows and columns, white on white) is left out and reported.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from itertools import groupby
from typing import Any

from openpyxl import load_workbook

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import title_from_name
from knowledge.loading.package import packed, text_parts
from knowledge.loading.port import Loaded
from knowledge.loading.tables import inline, table

_MAX_CELLS = 150_000
_FILLED = re.compile(rb"<(?:\w+:)?(?:v|is)>")
_WHITE = ("FFFFFFFF", "00FFFFFF")
_WHITE_THEME = 0
_CURRENCIES = "$€£¥"


def read(data: bytes, name: str) -> Loaded:
    parts = text_parts(data, "xl/")
    # Counted before they are parsed, which is what takes the time.
    if sum(len(_FILLED.findall(content)) for name, content in parts.items() if "worksheets/" in name) > _MAX_CELLS:
        raise LoadRefused("too_many_cells", limit=f"{_MAX_CELLS:,}")
    book = load_workbook(packed(parts), data_only=True, keep_links=False)
    texts: list[str] = []
    hid = False
    for sheet in book.worksheets:
        # Its dictionary: walking the rows would walk every empty one before a stray cell at the far end.
        cells = {place: cell for place, cell in sheet._cells.items() if cell.value is not None}
        shown = {place: cell for place, cell in cells.items() if not _is_white(cell)} if sheet.sheet_state == "visible" else {}
        gone_rows = {row for row, one in sheet.row_dimensions.items() if one.hidden}
        gone_columns = [(one.min or 0, one.max or 0) for one in sheet.column_dimensions.values() if one.hidden]
        shown = {
            (row, column): cell
            for (row, column), cell in shown.items()
            if row not in gone_rows and not any(first <= column <= last for first, last in gone_columns)
        }
        hid = hid or len(shown) < len(cells)
        text = _as_markdown(shown)
        if text:
            texts.append(f"## {inline(sheet.title)}\n\n{text}")
    return Loaded(title_from_name(name), "\n\n".join(texts), ("hidden_text_removed",) if hid else ())


def _as_markdown(cells: Mapping[tuple[int, int], Any]) -> str:
    """Rows without a gap between them belong together: lone texts above are its captions, the rest is a table."""
    rows: dict[int, dict[int, str]] = {}
    for (row, column), cell in sorted(cells.items()):
        text = _text(cell)
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


def _text(cell: Any) -> str:
    value, shape = cell.value, str(cell.number_format or "")
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


def _is_white(cell: Any) -> bool:
    color = cell.font.color if cell.has_style and cell.font else None
    if color is None:
        return False
    white = color.rgb in _WHITE if color.type == "rgb" else color.type == "theme" and color.theme == _WHITE_THEME and not color.tint
    if not white or cell.fill.fill_type is None:
        return bool(white)
    back = cell.fill.fgColor
    return back.type == "rgb" and back.rgb in _WHITE
