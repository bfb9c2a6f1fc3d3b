"""Files in: only from Slack's own hosts, only kinds that people send each other, only as large as can be kept.

The token goes to the first host alone. Slack answers a missing right with a redirect to a page, not with an error.
"""

from urllib.parse import urlsplit

import aiohttp

from connectors.errors import Refused, Retry
from connectors.ports.chat import FileRef
from connectors.slack.clients import TRANSFER, Clients
from connectors.slack.translate import file_refs

LARGEST = 25 * 1024 * 1024
"""Bytes."""
CHUNK = 64 * 1024
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


async def download(clients: Clients, tenant: str, file: FileRef) -> bytes:
    """The bytes of a file. Raises Refused (`too_large`, `not_allowed`, `gone`), Retry."""
    if kind(file.mime) not in ALLOWED:
        raise Refused("not_allowed", file.mime)
    if file.size > LARGEST:
        raise Refused("too_large", str(file.size))
    url = file.url or await _where(clients, tenant, file.id)
    if not is_slacks(url, clients.settings.api_url):
        raise Refused("not_allowed", "host")
    client = await clients.of(tenant)
    bearer = {"Authorization": f"Bearer {client.token}"}
    try:
        async with clients.session().get(url, headers=bearer, allow_redirects=False, proxy=client.proxy, timeout=TRANSFER) as answer:
            _check(answer, file)
            read = bytearray()
            async for chunk in answer.content.iter_chunked(CHUNK):
                read += chunk
                if len(read) > LARGEST:
                    raise Refused("too_large", file.id)
            return bytes(read)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Retry("no_answer", type(error).__name__) from error


def kind(mime: str) -> str:
    return mime.partition(";")[0].strip().lower()


def is_slacks(url: str, api_url: str) -> bool:
    """Whether the token may be sent there: Slack's hosts, or the very host of an emulator in Slack's place."""
    at, api = urlsplit(url), urlsplit(api_url)
    host = (at.hostname or "").lower()
    if at.username is not None or at.password is not None:
        return False
    if not _is_slack(api.hostname or ""):
        return (at.scheme, at.netloc) == (api.scheme, api.netloc)
    return at.scheme == "https" and at.port in (None, 443) and _is_slack(host)


def _is_slack(host: str) -> bool:
    return host == "slack.com" or host.endswith(".slack.com")


async def _where(clients: Clients, tenant: str, file_id: str) -> str:
    try:
        answer = await clients.call(tenant, "files.info", file=file_id)
    except Refused as refused:
        if refused.code in ("file_not_found", "file_deleted"):
            raise Refused("gone", file_id) from refused
        raise
    found = file_refs({"files": [answer["file"]]})
    if not found or not found[0].url:
        raise Refused("gone", file_id)
    return found[0].url


def _check(answer: aiohttp.ClientResponse, file: FileRef) -> None:
    if answer.status == 429 or answer.status >= 500:
        raise Retry("no_answer", f"status {answer.status}")
    if answer.status in (404, 410):
        raise Refused("gone", file.id)
    if answer.status != 200:
        raise Refused("not_allowed", f"status {answer.status}")
    if kind(answer.content_type) == "text/html":
        raise Refused("not_allowed", "a page instead of the file: is files:read missing?")
    if (answer.content_length or 0) > LARGEST:
        raise Refused("too_large", str(answer.content_length))
