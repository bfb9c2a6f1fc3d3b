"""Files that people send: only kinds that people send each other, only as large as can be kept."""

import aiohttp

from connectors.errors import Refused, Retry
from connectors.ports.chat import FileRef

LARGEST = 25 * 1024 * 1024
"""Bytes."""
CHUNK = 64 * 1024
TRANSFER = aiohttp.ClientTimeout(total=120.0, connect=5.0)
"""For the bytes of a file."""
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/heic", "image/heif", "image/bmp", "image/tiff"})
DOCUMENTS = frozenset(
    {
        "application/pdf",
        "application/rtf",
        "application/json",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-outlook",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "message/rfc822",
    }
)
TEXTS = frozenset({"text/plain", "text/csv", "text/tab-separated-values", "text/markdown", "text/rtf", "text/calendar", "text/x-log"})
ALLOWED = PICTURES | DOCUMENTS | TEXTS
"""No archives, no programs, and nothing that a browser would run."""


def kind(mime: str) -> str:
    return mime.partition(";")[0].strip().lower()


def expect(file: FileRef) -> None:
    """Whether it is worth asking for. Raises Refused (`too_large`, `not_allowed`)."""
    if kind(file.mime) not in ALLOWED:
        raise Refused("not_allowed", file.mime)
    if file.size > LARGEST:
        raise Refused("too_large", str(file.size))


async def take(answer: aiohttp.ClientResponse, file: FileRef) -> bytes:
    """What a platform answered. Raises Refused (`too_large`, `not_allowed`, `gone`), Retry."""
    if answer.status == 429 or answer.status >= 500:
        raise Retry("no_answer", f"status {answer.status}")
    if answer.status in (404, 410):
        raise Refused("gone", file.id)
    if answer.status != 200:
        raise Refused("not_allowed", f"status {answer.status}")
    if kind(answer.content_type) == "text/html":
        raise Refused("not_allowed", "a page instead of the file: is a right missing?")
    if (answer.content_length or 0) > LARGEST:
        raise Refused("too_large", str(answer.content_length))
    read = bytearray()
    async for chunk in answer.content.iter_chunked(CHUNK):
        read += chunk
        if len(read) > LARGEST:
            raise Refused("too_large", file.id)
    return bytes(read)
