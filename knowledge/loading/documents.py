"""The formats whose parsers are loaded only where files are read: what can be said of them by their first bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath
from typing import cast

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import binary_kind
from knowledge.loading.port import Loaded

_PDF_SEARCH = 1024
"""Readers accept the signature anywhere in the first kilobyte."""
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BETTER = {
    ".docx": (".doc", ".dot", ".docm", ".dotx", ".rtf", ".wps", ".pages"),
    ".xlsx": (".xls", ".xlsm", ".xlsb", ".ods", ".numbers"),
    ".pptx": (".ppt", ".pptm", ".pps", ".ppsx", ".odp", ".key"),
    ".eml": (".msg",),
}
"""Formats that their own programs write better: they hold macros, or only one maker's programs read them in full."""


@dataclass(frozen=True, slots=True)
class Document:
    """A loader by name: `module` has `read(data: bytes, name: str) -> Loaded` and imports a parser."""

    suffixes: tuple[str, ...]
    module: str
    sniff: Callable[[bytes], bool]

    def load(self, data: bytes, name: str) -> Loaded:
        read = cast(Callable[[bytes, str], Loaded], import_module(self.module).read)
        return read(data, name)


def _is_pdf(data: bytes) -> bool:
    return b"%PDF-" in data[:_PDF_SEARCH]


def _is_package(data: bytes) -> bool:
    return data.startswith(b"PK\x03\x04")


def _is_mail(data: bytes) -> bool:
    head = data[:_PDF_SEARCH].lstrip()
    return binary_kind(data) is None and b":" in head.split(b"\n")[0]


DOCUMENTS = (
    Document((".pdf",), "knowledge.loading.pdf", _is_pdf),
    Document((".docx",), "knowledge.loading.docx", _is_package),
    Document((".pptx",), "knowledge.loading.pptx", _is_package),
    Document((".xlsx",), "knowledge.loading.xlsx", _is_package),
    Document((".odt",), "knowledge.loading.odt", _is_package),
    Document((".eml",), "knowledge.loading.mail", _is_mail),
)


def refuse_old_or_protected(data: bytes, name: str) -> None:
    """Raises `LoadRefused` for what its own program has to save in another way."""
    suffix = PurePosixPath(name).suffix.lower()
    if data.startswith(_OLE) and _ENCRYPTED in data:
        raise LoadRefused("password_protected", name=name)
    better = next((better for better, old in _BETTER.items() if suffix in old), None)
    if better is not None:
        raise LoadRefused("old_format", name=name, suffix=suffix, better=better)
