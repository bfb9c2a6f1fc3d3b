"""Chooses the loader by name and content, and refuses what would not become an article."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from knowledge.errors import LoadRefused
from knowledge.loading.bounded import Readers, Stop, Taken
from knowledge.loading.decoding import binary_kind, cleaned, title_from_name
from knowledge.loading.documents import DOCUMENTS, refuse_old_or_protected
from knowledge.loading.html import HtmlLoader, is_html_document
from knowledge.loading.markdown import MarkdownLoader
from knowledge.loading.port import Loaded, Loader
from knowledge.loading.text import TextLoader
from knowledge.text import plain

LOADERS: tuple[Loader, ...] = (MarkdownLoader(), HtmlLoader(), *DOCUMENTS, TextLoader())
MAX_BYTES = 5 * 1024 * 1024
"""Of a text; documents, which are packed and hold pictures, may have `MAX_DOCUMENT_BYTES`."""
MAX_DOCUMENT_BYTES = 25 * 1024 * 1024
MAX_LETTERS = 2_000_000
"""Of the text that a file becomes, about 500 full pages: more holds up everybody whose articles are prepared after it."""
MAX_LINES = 80_000
"""More than any text of that size needs; their number, not their length, is what cutting an article costs."""
_MAX_TITLE = 200
_MAX_NAME = 200
_PLAIN = (MarkdownLoader, TextLoader)
_PLAIN_BYTES = 16 * 1024
"""Up to here Markdown and text are read in a thread of this process: no parser but ours sees them, it takes milliseconds,
and a folder of articles, or the first start with its starter set, needs no process at all."""
_LOOKS = {"program": "type_program", "text": "type_text", "binary": "type_unknown"}
"""Refusals of content whose kind has no name of its own, as PDF has."""
_readers = Readers()


async def load(data: bytes, name: str, loaders: Sequence[Loader] = LOADERS) -> Loaded:
    """The file as Markdown. `name` is the file's, with its suffix. Raises `LoadRefused`."""
    loader = _choose(data, name, loaders)
    if isinstance(loader, _PLAIN) and len(data) <= _PLAIN_BYTES:
        return await asyncio.to_thread(load_now, data, name, loaders)
    return (await load_apart(data, name, _readers))[0]


async def load_apart(data: bytes, name: str, readers: Readers) -> tuple[Loaded, Taken]:
    """`load` in a bounded process, whatever the file is, and what that took. Cancelled, it ends the process."""
    stop = Stop()
    try:
        return await asyncio.get_running_loop().run_in_executor(readers.threads, readers.read, data, name, stop)
    except asyncio.CancelledError:
        stop()
        raise


def load_now(data: bytes, name: str, loaders: Sequence[Loader] = LOADERS) -> Loaded:
    """`load` where it is called, without bounds on time and memory: what those processes do."""
    loader = _choose(data, name, loaders)
    try:
        loaded = loader.load(data, name)
    except RecursionError as error:
        raise LoadRefused("too_complex", name=name) from error
    except LoadRefused as refused:
        raise type(refused)(refused.code, **{"name": name, **refused.details}) from refused
    loaded = _without_controls(loaded, name)
    if len(loaded.markdown) > MAX_LETTERS:
        raise LoadRefused("too_long", name=name, limit=str(MAX_LETTERS))
    if not any(_has_words(line) for line in loaded.markdown.split("\n") if not line.lstrip().startswith("#")):
        raise LoadRefused("no_text", name=name)
    if loaded.markdown.count("\n") > MAX_LINES:
        raise LoadRefused("too_many_lines", name=name, limit=str(MAX_LINES))
    return loaded


def _without_controls(loaded: Loaded, name: str) -> Loaded:
    title, markdown = " ".join(cleaned(loaded.title).split())[:_MAX_TITLE] or title_from_name(name), cleaned(loaded.markdown)
    hid = len(markdown) != len(loaded.markdown) and "control_characters_removed" not in loaded.warnings
    return replace(loaded, title=title, markdown=markdown, warnings=(*loaded.warnings, *["control_characters_removed"] * hid))


def accepted_formats(loaders: Sequence[Loader] = LOADERS) -> str:
    """The suffixes that can be loaded, as a person reads them."""
    return ", ".join(suffix for loader in loaders for suffix in loader.suffixes)


def source_name(name: str) -> str:
    """The file's own name without its folders, on any platform: the key that ties an article's versions together."""
    own = re.split(r"[/\\]", name)[-1]
    own = "".join(character for character in own if character.isprintable()).strip()
    return own if len(own) <= _MAX_NAME else own[: _MAX_NAME - 16] + own[-16:]


def _choose(data: bytes, name: str, loaders: Sequence[Loader]) -> Loader:
    """By the name, if the first bytes bear it out: cheap, so that most refusals need no process."""
    suffix = PurePosixPath(name).suffix.lower()
    loader = next((loader for loader in loaders if suffix in loader.suffixes), None)
    limit = MAX_DOCUMENT_BYTES if loader in DOCUMENTS else MAX_BYTES
    if len(data) > limit:
        raise LoadRefused("too_large", name=name, limit_mb=str(limit // 1024**2))
    refuse_old_or_protected(data, name)
    if loader is None:
        raise LoadRefused("format_unsupported", name=name, suffix=suffix, accepted=accepted_formats(loaders))
    if not data.strip():
        raise LoadRefused("no_text", name=name)
    if not loader.sniff(data):
        found = _found(data)
        raise LoadRefused(_LOOKS.get(found, "type_mismatch"), name=name, suffix=suffix, found=found)
    return loader


def _has_words(markdown: str) -> bool:
    return any(character.isalnum() for character in plain(markdown))


def _found(data: bytes) -> str:
    return binary_kind(data) or ("HTML" if is_html_document(data) else "text")
