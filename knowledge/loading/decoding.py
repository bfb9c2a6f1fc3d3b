"""Bytes to clean text, for every loader of a text format."""

import codecs
import re
from pathlib import PurePosixPath

from charset_normalizer import from_bytes

from knowledge.errors import LoadRefused

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"RIFF", "RIFF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "RAR"),
    (b"\xd0\xcf\x11\xe0", "Office 97"),
    (b"{\\rtf", "RTF"),
    (b"%!PS", "PostScript"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"SQLite format 3\x00", "SQLite"),
)
_TEXT_TOO = (b"BM", b"MZ", b"BZh", b"RIFF")
"""Signatures that a text could begin with: they count only when the bytes are no text."""
_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PDF_SEARCH = 1024
"""PDF readers accept the signature anywhere in the first kilobyte; so it is looked for there."""
_SAMPLE = 64 * 1024
_FEW = 4
"""Control characters that any text may have."""
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters, and invisible ones that reorder or hide text, and halves of characters. The joiners of scripts and emoji stay."""
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\u2028\u2029]")


def binary_kind(data: bytes) -> str | None:
    """What binary format the bytes are, "binary" for an unknown one, None for text."""
    for signature, kind in _SIGNATURES:
        if data.startswith(signature) and not (signature in _TEXT_TOO and b"\x00" not in data[:_SAMPLE]):
            return kind
    if b"%PDF-" in data[:_PDF_SEARCH] and b"\x00" in data:
        return "PDF"
    if any(data.startswith(bom) for bom, _ in _BOMS):
        return None
    controls = sum(byte < 32 and byte not in (9, 10, 12, 13, 27) for byte in data[:_SAMPLE])
    return "binary" if b"\x00" in data or controls > _FEW + len(data[:_SAMPLE]) // 50 else None


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text with line feeds only and without control characters, and warnings. Raises `LoadRefused("not_text")`."""
    warnings: list[str] = []
    text = _decoded(data)
    if text is None:
        guess = from_bytes(data[:_SAMPLE]).best()
        if guess is None:
            raise LoadRefused("not_text")
        text = data.decode(guess.encoding, errors="replace")
        warnings.append("encoding_guessed")
    text = text.removeprefix("\ufeff")
    if _CONTROL.search(text):
        warnings.append("control_characters_removed")
    return cleaned(text), tuple(warnings)


def cleaned(text: str) -> str:
    """With line feeds only, and without what `_CONTROL` names."""
    return _CONTROL.sub("", _LINE_END.sub("\n", text))


def title_from_name(name: str) -> str:
    """A title for a file that has none: `pto-policy_us.md` becomes "Pto policy us"."""
    stem = re.sub(r"[\s_\-]+", " ", PurePosixPath(name).stem).strip()
    return (stem[:1].upper() + stem[1:]) or name


def _decoded(data: bytes) -> str | None:
    encoding = next((encoding for bom, encoding in _BOMS if data.startswith(bom)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
