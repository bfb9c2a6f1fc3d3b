"""Files in: only from Slack's own hosts.

The token goes to the first host alone. Slack answers a missing right with a redirect to a page, not with an error.
"""

from urllib.parse import urlsplit

import aiohttp

from connectors.chat.files import TRANSFER, expect, take
from connectors.errors import Refused, Retry
from connectors.ports.chat import FileRef
from connectors.slack.clients import Clients
from connectors.slack.translate import file_refs


async def download(clients: Clients, tenant: str, file: FileRef) -> bytes:
    """The bytes of a file. Raises Refused (`too_large`, `not_allowed`, `gone`), Retry."""
    expect(file)
    url = file.url or await _where(clients, tenant, file.id)
    if not is_slacks(url, clients.settings.api_url):
        raise Refused("not_allowed", "host")
    client = await clients.of(tenant)
    bearer = {"Authorization": f"Bearer {client.token}"}
    try:
        async with clients.session().get(url, headers=bearer, allow_redirects=False, proxy=client.proxy, timeout=TRANSFER) as answer:
            return await take(answer, file)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Retry("no_answer", type(error).__name__) from error


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
