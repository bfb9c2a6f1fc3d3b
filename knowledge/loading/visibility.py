"""Whether text of an office document can be seen: its colour against what lies behind it, its size, its place. Pure.

Formats say these things each in their way; what they mean for a reader is decided here once. A colour that nobody set is
the program's own choice, which always contrasts.
"""

import re
from collections.abc import Iterable

Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in any one unit."""

WHITE: Color = (255, 255, 255)
BLACK: Color = (0, 0, 0)
MIN_POINTS = 3.0
"""Smaller letters are no text for people."""
CONTRAST = 24
"""Of 255 in any channel; less than that nobody reads."""
_HEX = re.compile(r"#?(?:[0-9a-fA-F]{2})?([0-9a-fA-F]{6})\Z")
_THEME_COLOR = re.compile(rb"<a:(dk1|lt1|dk2|lt2|accent[1-6]|hlink|folHlink)>\s*<a:\w+\s[^>]*?(?:lastClr|val)=\"([0-9A-Fa-f]{6})\"")
_THEME: dict[str, Color] = {"dk1": BLACK, "lt1": WHITE, "dk2": BLACK, "lt2": WHITE}


def color(text: str | None) -> Color | None:
    """`RRGGBB` with or without `#` or an alpha in front; None for anything else, such as `auto`."""
    found = _HEX.match(text or "")
    if found is None:
        return None
    value = int(found.group(1), 16)
    return (value >> 16, value >> 8 & 255, value & 255)


def contrasts(text: Color, backings: Iterable[Color]) -> bool:
    """Whether text of this colour can be seen on one of those that may lie behind it."""
    return any(max(abs(one - other) for one, other in zip(text, backing, strict=True)) >= CONTRAST for backing in backings)


def is_tiny(points: float | None) -> bool:
    return points is not None and points < MIN_POINTS


def is_beside(box: Box, page: tuple[float, float]) -> bool:
    """Whether nothing of it lies on a page of that width and height."""
    return box[0] >= page[0] or box[1] >= page[1] or box[2] <= 0 or box[3] <= 0


def mixed(base: Color, other: Color, share: float) -> Color:
    """`base` with that share (0 to 1) of `other`, as tints and shades of themes are."""
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (round(one * (1 - share) + two * share) for one, two in zip(base, other, strict=True))
    return (red, green, blue)


def theme_colors(theme: bytes) -> dict[str, Color]:
    """The colours that an Office theme names (dk1, lt1, accent1 ...)."""
    named = dict(_THEME)
    for name, value in _THEME_COLOR.findall(theme):
        found = color(value.decode())
        if found is not None:
            named[name.decode()] = found
    return named
