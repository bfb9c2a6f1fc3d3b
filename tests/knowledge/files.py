"""Small real files for the tests of loading, written here so that each shows what it is about."""

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO


def packed(parts: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", compression) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return target.getvalue()


def pdf(*pages: str, info: str = "") -> bytes:
    """Pages of drawing operators, 600 x 800 points; /R is Helvetica, /B its bold, /I a picture that is one white dot."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), b" ".join(b"%d 0 R" % (6 + 2 * place) for place in range(len(pages)))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\n"
        b"stream\n\xff\nendstream",
    ]
    for place, page in enumerate(pages):
        resources = b"<< /Font << /R 3 0 R /B 4 0 R >> /XObject << /I 5 0 R >> >>"
        content = page.encode("latin-1")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources %s /Contents %d 0 R >>" % (resources, 7 + 2 * place)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    if info:
        objects.append(b"<< /Title (%s) /Keywords (%s) >>" % (info.encode(), info.encode()))
    written = b"%PDF-1.7\n"
    places = []
    for number, one in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    more = b" /Info %d 0 R" % len(objects) if info else b""
    trailer = b"trailer << /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, more, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer


def written(lines: Sequence[str], *, x: int = 60, y: int = 700, size: int = 11, font: str = "R", step: int = 14) -> str:
    """Operators for lines of text under each other."""
    shown = "\n".join(f"1 0 0 1 {x} {y - step * place} Tm ({line}) Tj" for place, line in enumerate(lines))
    return f"BT /{font} {size} Tf\n{shown}\nET\n"
