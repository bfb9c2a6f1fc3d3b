"""Files in and out. In: only from Microsoft's own hosts. Out: Teams asks the person first, and names where the bytes go.

Such addresses carry their own right to be read or written, so they get no token; a picture pasted into a message lies with the
Bot Connector, which wants the bot's.
"""

import re
from urllib.parse import urljoin

import aiohttp
import structlog
from botbuilder.schema import Activity, Attachment
from yarl import URL

from connectors.chat.files import TRANSFER, expect, take
from connectors.chat.loopback import is_loopback
from connectors.chat.wording import Word
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import FileRef, Files
from connectors.teams.client import Client
from connectors.teams.envelope import Payload, direct_room, part, person_of, tenant_of, text_in
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import Consent, ConsentStore, Room, RoomStore
from connectors.teams.tokens import BOT_SCOPE, TokenSource

log = structlog.get_logger()
HOSTS = (".sharepoint.com", ".sharepoint-df.com", ".svc.ms")
"""OneDrive and SharePoint, where Teams keeps what people send each other."""
HOPS = 3
"""Redirects that are followed."""
CONSENT_CARD = "application/vnd.microsoft.teams.card.file.consent"
INFO_CARD = "application/vnd.microsoft.teams.card.file.info"
CONTEXT = "foyer"
_PICTURE = re.compile(r"(?:/[\w-]+)*/v3/attachments/[\w-]+/views/[\w-]+", re.ASCII)


class Transfers:
    """The bytes of files, to and from Microsoft's hosts; in the local mode to and from this machine. Both raise Refused and Retry."""

    def __init__(self, settings: TeamsSettings, rooms: RoomStore, tokens: TokenSource | None) -> None:
        self._settings = settings
        self._rooms = rooms
        self._tokens = None if settings.local else tokens
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def download(self, tenant: str, file: FileRef) -> bytes:
        """Refused: `too_large`, `not_allowed`, `gone`."""
        expect(file)
        url, headers = file.url, await self._bearer(tenant, file.url)
        try:
            for _ in range(1 + HOPS):
                if not headers and not is_microsofts(url, self._settings):
                    raise Refused("not_allowed", "host")
                asking = self._open().get(URL(url, encoded=True), headers=headers, allow_redirects=False)
                async with asking as answer:
                    if answer.status not in (301, 302, 303, 307, 308):
                        return await take(answer, file)
                    url, headers = urljoin(url, answer.headers.get("Location", "")), {}
        except ValueError as error:
            raise Refused("not_allowed", type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Retry("no_answer", type(error).__name__) from error
        raise Refused("not_allowed", "redirects")

    async def upload(self, url: str, data: bytes) -> None:
        """Refused: `not_allowed`, `not_taken` (an empty file never is)."""
        if not is_microsofts(url, self._settings):
            raise Refused("not_allowed", "host")
        if not data:  # a range of nothing cannot be said
            raise Refused("not_taken", "empty")
        whole = {"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}", "Content-Type": "application/octet-stream"}
        try:
            async with self._open().put(URL(url, encoded=True), data=data, headers=whole, allow_redirects=False) as answer:
                status = answer.status
        except ValueError as error:
            raise Refused("not_allowed", type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Retry("no_answer", type(error).__name__) from error
        if status == 429 or status >= 500:
            raise Retry("no_answer", f"status {status}")
        if status not in (200, 201):
            raise Refused("not_taken", f"status {status}")

    async def _bearer(self, tenant: str, url: str) -> dict[str, str]:
        """The bot's token for a picture on the very host that the bot speaks to in this tenant, and for nothing else there: what an
        attachment names as its address was written by who knows whom."""
        if self._tokens is None:
            return {}
        if not any(is_picture(url, service) for service in await self._rooms.services(tenant)):
            return {}
        return {"Authorization": f"Bearer {await self._tokens.token(BOT_SCOPE)}"}

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=TRANSFER, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


class Consents:
    """What people say to the question whether they take a file."""

    def __init__(self, consents: ConsentStore, rooms: RoomStore, files: Files, client: Client, transfers: Transfers, word: Word) -> None:
        self._consents = consents
        self._rooms = rooms
        self._files = files
        self._client = client
        self._transfers = transfers
        self._word = word
        self._under_way: set[str] = set()

    async def answered(self, payload: Payload) -> None:
        """A `fileConsent/invoke`. May take as long as the bytes take; never raises a ConnectorError."""
        value, who = part(payload, "value"), (tenant_of(payload), person_of(part(payload, "from")))
        consent = await self._consents.get(text_in(part(value, "context"), CONTEXT))
        if consent is None or consent.state != "asked" or (consent.tenant, consent.person) != who:
            log.info("teams_consent_ignored", consent=consent.id if consent else None)
            return
        room = await self._rooms.get(consent.tenant, direct_room(consent.person))
        if room is None or consent.id in self._under_way:
            return
        card = text_in(payload, "replyToId")
        self._under_way.add(consent.id)
        try:
            if value.get("action") == "accept":
                await self._accepted(consent, room, part(value, "uploadInfo"), card)
            else:
                await self._consents.answered(consent.id, "declined")
                await self._declined(consent, room, card)
        finally:
            self._under_way.discard(consent.id)

    async def _accepted(self, consent: Consent, room: Room, target: Payload, card: str) -> None:
        try:
            await self._transfers.upload(text_in(target, "uploadUrl"), await self._files.read(consent.source))
        except ConnectorError as error:
            log.warning("teams_file_failed", consent=consent.id, code=error.code, detail=error.detail)
            await self._told(room, self._word("teams.file_failed", name=consent.name))
            return
        await self._consents.answered(consent.id, "sent")
        shown = Activity(type="message", attachments=[info_card(consent, target)])
        try:
            await self._shown(room, card, shown)
        except ConnectorError as error:  # it is in their OneDrive all the same
            log.warning("teams_file_card_failed", consent=consent.id, code=error.code)

    async def _shown(self, room: Room, card: str, activity: Activity) -> None:
        if card:
            try:
                await self._client.update(room, card, activity)
                return
            except Refused:
                activity.id = None
        await self._client.send(room, activity)

    async def _declined(self, consent: Consent, room: Room, card: str) -> None:
        try:
            if card:
                await self._client.delete(room, card)
        except ConnectorError as error:
            log.info("teams_consent_card_stays", consent=consent.id, code=error.code)

    async def _told(self, room: Room, text: str) -> None:
        try:
            await self._client.send(room, Activity(type="message", text=text, text_format="plain"))
        except ConnectorError as error:
            log.warning("teams_file_failure_untold", room=room.room, code=error.code)


def consent_card(consent: Consent, size: int, description: str) -> Payload:
    """What asks whether somebody takes a file, for the library's `Attachment`. `size` in bytes. Its context is an id, nothing more."""
    context = {CONTEXT: consent.id}
    asked = {"description": description, "sizeInBytes": size, "acceptContext": context, "declineContext": context}
    return {"content_type": CONSENT_CARD, "name": consent.name, "content": asked}


def info_card(consent: Consent, target: Payload) -> Attachment:
    """The attachment that shows a file where Teams has put it; `target` is what it said of that."""
    return Attachment(
        content_type=INFO_CARD,
        content_url=text_in(target, "contentUrl"),
        name=text_in(target, "name") or consent.name,
        content={"uniqueId": target.get("uniqueId"), "fileType": target.get("fileType")},
    )


def is_microsofts(url: str, settings: TeamsSettings) -> bool:
    """Whether files may be had from there or sent there. Where an emulator is in Graph's place, it keeps the files as well."""
    at = _parsed(url)
    if at is None:
        return False
    if settings.local:
        return is_loopback(at.host)
    storage = at.scheme == "https" and at.port == 443 and (at.host or "").endswith(HOSTS)
    return storage or at.origin() == URL(settings.graph_url).origin()


def is_picture(url: str, service_url: str) -> bool:
    """Whether this is a picture of a message, on the Bot Connector at `service_url`."""
    at, service = _parsed(url), _parsed(service_url)
    if at is None or service is None or at.origin() != service.origin():
        return False
    return (at.scheme == "https" or is_loopback(at.host)) and _PICTURE.fullmatch(at.raw_path) is not None


def _parsed(url: str) -> URL | None:
    """As it is read when it is asked for; None for what names no host that there can be, or somebody to log in as."""
    try:
        at = URL(url, encoded=True)
        named = (
            at.scheme in ("http", "https")
            and all(0 < len(label) < 64 for label in (at.host or "").split("."))
            and at.port is not None
            and at.user is None
            and at.password is None
        )
    except ValueError:
        return None
    return at if named else None
