"""The ZIP packages of office formats, checked before a parser sees them and reduced to what has text.

A package may claim to be small and grow without end, and its XML may define entities that do. Sizes are checked before
anything is unpacked; what defines entities is refused, since no office program writes that; pictures and other parts
without text are emptied, so that parsers find them and spend nothing on them. The namespaces of Strict Open XML, which
parsers take for unknown (and the text with them, in silence), become those that everybody writes.
"""

import re
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO

from knowledge.errors import LoadRefused

MAX_ENTRIES = 5_000
MAX_UNPACKED = 100 * 1024 * 1024
_MAX_RATIO, _FREE = 150, 8 * 1024 * 1024
"""How much more than packed the whole may be; office XML reaches 30. Small files are let be."""
_XML = re.compile(r"(?:\.(?:xml|rels|vml)|\Amimetype)\Z", re.IGNORECASE)
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_STRICT_PARTS = {b"extendedProperties": b"extended-properties", b"customProperties": b"custom-properties"}
_DECLARES = re.compile(rb"<!ENTITY|<!DOCTYPE[^>]*\[", re.IGNORECASE)
_ENCODING = re.compile(rb"""\A[^>]{0,100}\bencoding\s*=\s*["']([\w.-]+)""")
_ENCODINGS = frozenset({"utf-8", "utf8", "utf-16", "us-ascii", "ascii", "iso-8859-1"})
_ENCRYPTED = 0x1


def text_parts(data: bytes, marker: str) -> dict[str, bytes]:
    """Every part by its name, those without text as empty bytes. `marker`: what this kind of document has, such as `word/`.

    Raises `LoadRefused`: damaged, type_mismatch, unpacks_too_far, unsafe_xml, password_protected.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as source:
            entries = source.infolist()
            _check(entries, len(data))
            # The last of two entries with one name is what parsers take.
            parts = {entry.filename: _safe(source.read(entry)) if _XML.search(entry.filename) else b"" for entry in entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise LoadRefused("damaged") from error
    if not any(name.lower().startswith(marker) for name in parts):
        raise LoadRefused("type_mismatch", found="ZIP")
    return parts


def packed(parts: Mapping[str, bytes]) -> BytesIO:
    """The parts as a package again, for a parser."""
    package = BytesIO()
    with zipfile.ZipFile(package, "w") as target:
        for name, content in parts.items():
            target.writestr(name, content)
    package.seek(0)
    return package


def _check(entries: list[zipfile.ZipInfo], packed: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED or unpacked > _FREE + packed * _MAX_RATIO:
        raise LoadRefused("unpacks_too_far")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise LoadRefused("password_protected")


def _safe(xml: bytes) -> bytes:
    if _DECLARES.search(xml) or _DECLARES.search(xml.replace(b"\x00", b"")):
        raise LoadRefused("unsafe_xml")
    encoding = _ENCODING.match(xml.replace(b"\x00", b"")[:200])
    if encoding and encoding.group(1).decode().lower() not in _ENCODINGS:
        raise LoadRefused("unsafe_xml")
    return _STRICT.sub(_transitional, xml) if b"purl.oclc.org" in xml else xml


def _transitional(found: re.Match[bytes]) -> bytes:
    family, part = found.groups()
    return b"http://schemas.openxmlformats.org/%s/2006/%s" % (family, _STRICT_PARTS.get(part, part))
