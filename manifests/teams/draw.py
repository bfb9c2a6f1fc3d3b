"""Draws the app's icons, `color.png` (192) and `outline.png` (32), as Teams wants them: `python manifests/teams/draw.py`.

An open door. Shapes are polygons on a field of 96 by 96; every pixel is the mean of 4 by 4 samples, so that edges are smooth.
"""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

FIELD = 96.0
SAMPLES = 4
BLUE, WHITE, LIGHT = (31, 78, 121), (255, 255, 255), (157, 195, 230)
Point = tuple[float, float]
FRAME = ((28.0, 16.0), (68.0, 16.0), (68.0, 80.0), (28.0, 80.0))
INSIDE = ((34.0, 22.0), (62.0, 22.0), (62.0, 80.0), (34.0, 80.0))
LEAF = ((34.0, 22.0), (54.0, 30.0), (54.0, 88.0), (34.0, 80.0))
KNOB = (49.5, 58.0, 2.6)


def inside(point: Point, polygon: tuple[Point, ...]) -> bool:
    """Whether a point lies in a convex polygon whose corners go round clockwise."""
    x, y = point
    corners = zip(polygon, (*polygon[1:], polygon[0]), strict=True)
    return all((bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0 for (ax, ay), (bx, by) in corners)


def on_knob(point: Point) -> bool:
    return (point[0] - KNOB[0]) ** 2 + (point[1] - KNOB[1]) ** 2 <= KNOB[2] ** 2


def in_color(point: Point) -> tuple[int, int, int, int]:
    """The whole square is filled: Teams rounds the corners itself."""
    if inside(point, LEAF):
        return (*(BLUE if on_knob(point) else WHITE), 255)
    if inside(point, INSIDE):
        return (*BLUE, 255)
    return (*(LIGHT if inside(point, FRAME) else BLUE), 255)


def in_outline(point: Point) -> tuple[int, int, int, int]:
    """White on nothing."""
    drawn = (inside(point, LEAF) and not on_knob(point)) or (inside(point, FRAME) and not inside(point, INSIDE))
    return (*WHITE, 255 if drawn else 0)


def png(size: int, paint: Callable[[Point], tuple[int, int, int, int]]) -> bytes:
    """A square picture of `size` pixels, RGBA."""
    step = FIELD / size / SAMPLES
    rows = bytearray()
    for y in range(size):
        rows.append(0)
        for x in range(size):
            dots = [paint(((x * SAMPLES + i + 0.5) * step, (y * SAMPLES + j + 0.5) * step)) for i in range(SAMPLES) for j in range(SAMPLES)]
            rows += bytes(sum(dot[channel] for dot in dots) // len(dots) for channel in range(4))
    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(bytes(rows), 9)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


if __name__ == "__main__":
    here = Path(__file__).parent
    (here / "color.png").write_bytes(png(192, in_color))
    (here / "outline.png").write_bytes(png(32, in_outline))
