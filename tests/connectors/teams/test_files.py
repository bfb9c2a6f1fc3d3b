"""Files that people send and are sent: only to and from Microsoft, with a token only where it belongs, and only to whoever was asked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from botbuilder.schema import Activity, Attachment

from connectors.chat.files import LARGEST, expect
from connectors.errors import Refused, Retry
from connectors.ports.chat import FileRef
from connectors.teams.files import Transfers, consent_card, is_microsofts, is_picture
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import Consent
from tests.connectors.teams.asking import NOW, Asking, open_asking, room_of
from tests.fakes.teams import FakeFile
from tests.fakes.teams.state import Shown

LOCAL = TeamsSettings(local=True)
CLOUD = TeamsSettings(app_id="app")
PNG = b"\x89PNG"


@pytest.fixture
async def teams(tmp_path: Path) -> AsyncIterator[Asking]:
    async with open_asking(tmp_path) as made:
        await made.known("dana", "group")
        yield made


async def sent(teams: Asking, file: FakeFile, mime: str = "") -> FileRef:
    """As the bot hears of it."""
    said = await teams.fake.say("dana", "look", files=[file])
    (told,) = teams.fake.said[teams.fake.room("dana").id][said].attachments
    url = told["contentUrl"] if file.inline else told["content"]["downloadUrl"]
    return FileRef(file.id, file.name, mime or file.mime, 0, url)


async def refusal(teams: Asking, file: FileRef) -> str:
    with pytest.raises(Refused) as refused:
        await teams.transfers.download(teams.fake.tenant, file)
    return refused.value.code


async def test_a_file_is_had_without_a_token(teams: Asking) -> None:
    file = await sent(teams, FakeFile("screen.png", PNG, "image/png"))
    assert await teams.transfers.download(teams.fake.tenant, file) == PNG
    assert teams.fake.refusals == []


async def test_a_picture_in_a_message_is_had_with_the_bots_token(teams: Asking) -> None:
    file = await sent(teams, FakeFile("image.png", PNG, "image/png", inline=True))
    assert await teams.transfers.download(teams.fake.tenant, file) == PNG
    assert teams.fake.refusals == []


async def test_in_another_tenant_nobody_is_shown_the_token(teams: Asking) -> None:
    """The bot does not speak to that host there."""
    file = await sent(teams, FakeFile("image.png", PNG, "image/png", inline=True))
    with pytest.raises(Refused) as refused:
        await teams.transfers.download("bbbbbbbb-0000-0000-0000-000000000002", file)
    assert refused.value.code == "not_allowed"


async def test_a_file_without_an_address_cannot_be_had(teams: Asking) -> None:
    assert await refusal(teams, FileRef("f", "plan.pdf", "application/pdf", 0)) == "not_allowed"


@pytest.mark.parametrize("mime", ["application/zip", "text/html", "image/svg+xml", "application/octet-stream", "image/*", ""])
def test_what_could_do_harm_is_not_fetched(mime: str) -> None:
    with pytest.raises(Refused) as refused:
        expect(FileRef("f", "thing", mime, 3, "https://acme.sharepoint.com/thing"))
    assert refused.value.code == "not_allowed"


async def test_what_is_too_large_is_not_kept(teams: Asking) -> None:
    assert await refusal(teams, FileRef("f", "a.txt", "text/plain", LARGEST + 1, f"{teams.fake.base}/storage/download/f")) == "too_large"
    file = await sent(teams, FakeFile("big.txt", b"x" * (LARGEST + 1), "text/plain"))
    assert await refusal(teams, file) == "too_large"


async def test_a_file_that_was_deleted_is_gone(teams: Asking) -> None:
    file = FakeFile("screen.png", PNG, "image/png")
    told = await sent(teams, file)
    file.gone = True
    assert await refusal(teams, told) == "gone"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_storage_that_stumbles_is_asked_again(teams: Asking, status: int) -> None:
    file = await sent(teams, FakeFile("screen.png", PNG, "image/png"))
    teams.fake.fail("download", status=status)
    with pytest.raises(Retry):
        await teams.transfers.download(teams.fake.tenant, file)
    assert await teams.transfers.download(teams.fake.tenant, file) == PNG


async def test_a_connection_that_breaks_is_a_retry(teams: Asking) -> None:
    file = await sent(teams, FakeFile("screen.png", PNG, "image/png"))
    teams.fake.fail("download", cut=True, times=2)
    with pytest.raises(Retry):
        await teams.transfers.download(teams.fake.tenant, file)


class Elsewhere:
    """A server that redirects, and one that has no end."""

    def __init__(self, location: str = "") -> None:
        self.location = location
        self.asked: list[str | None] = []

    async def redirect(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers.get("Authorization"))
        return web.Response(status=302, headers={"Location": self.location})

    async def picture(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers.get("Authorization"))
        return web.Response(body=PNG, content_type="image/png")

    async def endless(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        with suppress(ConnectionError):
            for _ in range(LARGEST // 1_000_000 + 2):
                await answer.write(b"x" * 1_000_000)
        return answer

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/amer/v3/attachments/{id}/views/original", self.redirect)
        app.router.add_get("/picture", self.picture)
        app.router.add_get("/endless", self.endless)
        return app


async def test_a_redirect_is_followed_within_bounds_and_without_the_token(teams: Asking) -> None:
    server = Elsewhere("/picture")
    async with TestServer(server.app(), host="127.0.0.1") as served:
        base = str(served.make_url("")).rstrip("/")
        settings = TeamsSettings(app_id="app", graph_url=base)
        room = room_of(teams.fake, "group")
        await teams.rooms.saw(type(room)(room.tenant, "19:x", "group", "19:x", f"{base}/amer/", "28:app"), NOW)
        transfers = Transfers(settings, teams.rooms, teams.fake.login)
        picture = FileRef("f", "x.png", "image/png", 0, f"{base}/amer/v3/attachments/0-eus/views/original")
        assert await transfers.download(teams.fake.tenant, picture) == PNG
        assert [bool(token) for token in server.asked] == [True, False]
        for location in ("https://evil.example/picture", "http://10.0.0.1/picture", "file:///etc/passwd", "http://[/picture", ""):
            server.location = location
            with pytest.raises(Refused) as refused:
                await transfers.download(teams.fake.tenant, picture)
            assert refused.value.code == "not_allowed"
        await transfers.close()


async def test_redirects_have_an_end_and_so_have_files(teams: Asking) -> None:
    server = Elsewhere()
    async with TestServer(server.app(), host="127.0.0.1") as served:
        transfers = Transfers(LOCAL, teams.rooms, None)
        server.location = str(served.make_url("/amer/v3/attachments/x/views/original"))
        for path, code in ((server.location, "not_allowed"), (str(served.make_url("/endless")), "too_large")):
            with pytest.raises(Refused) as refused:
                await transfers.download("t", FileRef("f", "x.txt", "text/plain", 3, path))
            assert refused.value.code == code
        assert len(server.asked) == 4
        assert set(server.asked) == {None}, "there are no tokens in the local mode"
        await transfers.close()


@pytest.mark.parametrize(
    ("url", "settings", "allowed"),
    [
        ("https://acme-my.sharepoint.com/personal/x/download.aspx?tempauth=1", CLOUD, True),
        ("https://acme.sharepoint.us/x", CLOUD, False),
        ("https://acme.sharepoint-df.com/x", CLOUD, True),
        ("https://northeurope1-mediap.svc.ms/x", CLOUD, True),
        ("https://graph.microsoft.com/v1.0/x", CLOUD, True),
        ("http://acme.sharepoint.com/x", CLOUD, False),
        ("https://acme.sharepoint.com:8443/x", CLOUD, False),
        ("https://acme.sharepoint.com.evil.example/x", CLOUD, False),
        ("https://evilsharepoint.com/x", CLOUD, False),
        ("https://sharepoint.com@evil.example/x", CLOUD, False),
        ("https://acme.sharepoint.com@evil.example/x", CLOUD, False),
        ("https://evil.example\\@acme.sharepoint.com/x", CLOUD, False),
        ("https://evil.example#.sharepoint.com", CLOUD, False),
        ("http://127.0.0.1:4100/x", CLOUD, False),
        ("http://169.254.169.254/metadata", CLOUD, False),
        ("//acme.sharepoint.com/x", CLOUD, False),
        ("ftp://acme.sharepoint.com/x", CLOUD, False),
        ("https://[::1", CLOUD, False),
        ("https://.sharepoint.com/x", CLOUD, False),
        ("https://acme..sharepoint.com/x", CLOUD, False),
        (f"https://{'x' * 64}.sharepoint.com/x", CLOUD, False),
        ("", CLOUD, False),
        ("http://127.0.0.1:4100/x", LOCAL, True),
        ("http://localhost:4100/x", LOCAL, True),
        ("http://[::1]:4100/x", LOCAL, True),
        ("http://127.0.0.1.evil.example/x", LOCAL, False),
        ("https://acme.sharepoint.com/x", LOCAL, False),
        ("http://10.0.0.7/x", LOCAL, False),
    ],
)
def test_where_files_may_lie(url: str, settings: TeamsSettings, allowed: bool) -> None:
    assert is_microsofts(url, settings) is allowed


SERVICE = "https://smba.trafficmanager.net/amer/"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        (SERVICE + "v3/attachments/0-eus-d1-4b2f/views/original", True),
        (SERVICE + "72f988bf-86f1/v3/attachments/0-eus-d1-4b2f/views/original", True),
        (SERVICE + "v3/conversations/19:x@thread.v2/members", False),
        (SERVICE + "v3/attachments/x/views/../../../conversations", False),
        (SERVICE + "v3/attachments/x%2F..%2F/views/original", False),
        ("https://smba.trafficmanager.net:8443/amer/v3/attachments/x/views/original", False),
        ("http://smba.trafficmanager.net/amer/v3/attachments/x/views/original", False),
        ("https://evil.trafficmanager.net/amer/v3/attachments/x/views/original", False),
        ("https://user@smba.trafficmanager.net/amer/v3/attachments/x/views/original", False),
    ],
)
def test_where_the_token_may_be_sent(url: str, allowed: bool) -> None:
    assert is_picture(url, SERVICE) is allowed


def test_an_unencrypted_service_is_shown_no_token() -> None:
    url = "http://smba.trafficmanager.net/v3/attachments/x/views/original"
    assert not is_picture(url, "http://smba.trafficmanager.net/")


async def offered(teams: Asking, person: str = "dana") -> tuple[Consent, Shown]:
    """A file that somebody was asked to take, and the card that asks."""
    teams.files.contents["att-1"] = b"the report"
    consent = Consent("c-1", teams.fake.tenant, teams.fake.people[person].object_id, "att-1", "report.pdf")
    await teams.consents.ask(consent, NOW)
    card = Attachment(**consent_card(consent, 10, "What you asked for"))
    shown = await teams.client.send(room_of(teams.fake, person), Activity(type="message", attachments=[card]))
    return consent, teams.fake.said[teams.fake.room(person).id][shown]


def answer(teams: Asking, shown: Shown, accept: bool = True, by: str = "dana", **changes: Any) -> dict[str, Any]:
    """What Teams sends when it is answered."""
    (card,) = shown.attachments
    value = {"type": "fileUpload", "action": "accept" if accept else "decline", "context": card["content"]["acceptContext"]}
    value["uploadInfo"] = {
        "contentUrl": "https://acme-my.sharepoint.com/report.pdf", "name": "report 1.pdf", "uniqueId": "u-1", "fileType": "pdf",
        "uploadUrl": f"{teams.fake.base}/storage/upload/u-1/report.pdf",
    }  # fmt: skip
    fake = teams.fake
    told = fake.payloads.invoke("f:1", "fileConsent/invoke", value, fake.people[by], shown.room, fake.at(), message=shown)
    return told | changes


def shown_now(teams: Asking) -> list[Mapping[str, Any]]:
    return [attachment for message in teams.fake.by_bot("dana") for attachment in message.attachments]


async def state_of(teams: Asking) -> str:
    kept = await teams.consents.get("c-1")
    assert kept is not None
    return kept.state


async def test_a_card_knows_nothing_but_an_id(teams: Asking) -> None:
    consent, shown = await offered(teams)
    (card,) = shown.attachments
    assert card["contentType"] == "application/vnd.microsoft.teams.card.file.consent"
    assert card["name"] == "report.pdf"
    assert card["content"] == {
        "description": "What you asked for", "sizeInBytes": 10,
        "acceptContext": {"foyer": consent.id}, "declineContext": {"foyer": consent.id},
    }  # fmt: skip


async def test_a_file_that_is_wanted_is_put_where_teams_says(teams: Asking) -> None:
    _, shown = await offered(teams)
    await teams.answers.answered(answer(teams, shown))
    assert teams.fake.uploaded("report.pdf") == b"the report"
    assert await state_of(teams) == "sent"
    (info,) = shown_now(teams)
    assert info == {
        "contentType": "application/vnd.microsoft.teams.card.file.info", "contentUrl": "https://acme-my.sharepoint.com/report.pdf",
        "name": "report 1.pdf", "content": {"uniqueId": "u-1", "fileType": "pdf"},
    }  # fmt: skip
    assert teams.fake.refusals == []


async def test_an_empty_file_is_not_taken_and_that_is_said(teams: Asking) -> None:
    _, shown = await offered(teams)
    teams.files.contents = dict.fromkeys(teams.files.contents, b"")
    await teams.answers.answered(answer(teams, shown))
    assert teams.fake.uploads == {}
    assert await state_of(teams) == "asked"
    assert "teams.file_failed" in teams.fake.by_bot("dana")[-1].text
    assert teams.fake.refusals == []


async def test_twice_is_as_good_as_once(teams: Asking) -> None:
    _, shown = await offered(teams)
    said = answer(teams, shown)
    await teams.answers.answered(said)
    teams.fake.uploads.clear()
    await teams.answers.answered(said)
    assert teams.fake.uploads == {}
    assert len(shown_now(teams)) == 1


async def test_where_the_card_is_gone_the_file_is_shown_below(teams: Asking) -> None:
    _, shown = await offered(teams)
    said = answer(teams, shown)
    await teams.client.delete(room_of(teams.fake, "dana"), shown.id)
    await teams.answers.answered(said)
    assert [attachment["contentType"] for attachment in shown_now(teams)] == ["application/vnd.microsoft.teams.card.file.info"]
    assert await state_of(teams) == "sent"


async def test_a_file_that_is_not_wanted_is_not_sent(teams: Asking) -> None:
    _, shown = await offered(teams)
    await teams.answers.answered(answer(teams, shown, accept=False))
    assert await state_of(teams) == "declined"
    assert (shown_now(teams), teams.fake.uploads) == ([], {})
    await teams.answers.answered(answer(teams, shown))
    assert teams.fake.uploads == {}, "no is no"


@pytest.mark.parametrize(
    "changes",
    [
        {"by": "omar"},
        {"channelData": {"tenant": {"id": "bbbbbbbb-0000-0000-0000-000000000002"}}},
        {"from": {"id": "29:1dana"}},
        {"value": {"action": "accept", "context": {"foyer": "c-2"}}},
        {"value": {"action": "accept", "context": "c-1"}},
        {"value": None},
    ],
)
async def test_nobody_takes_what_another_was_asked_to(teams: Asking, changes: dict[str, Any]) -> None:
    _, shown = await offered(teams)
    await teams.answers.answered(answer(teams, shown, **changes))
    assert teams.fake.uploads == {}
    assert await state_of(teams) == "asked"


async def test_a_file_goes_to_microsoft_only(teams: Asking) -> None:
    _, shown = await offered(teams)
    server = Elsewhere()
    async with TestServer(server.app(), host="127.0.0.1") as served:
        said = answer(teams, shown)
        said["value"]["uploadInfo"]["uploadUrl"] = str(served.make_url("/picture"))
        await teams.answers.answered(said)
    assert server.asked == []
    assert await state_of(teams) == "asked"


@pytest.mark.parametrize("status", [503, 409])
async def test_a_file_that_did_not_go_is_told_and_can_be_tried_again(teams: Asking, status: int) -> None:
    _, shown = await offered(teams)
    teams.fake.fail("upload", status=status)
    await teams.answers.answered(answer(teams, shown))
    assert teams.fake.by_bot("dana")[-1].text == "teams.file_failed report.pdf"
    assert await state_of(teams) == "asked"
    await teams.answers.answered(answer(teams, shown))
    assert teams.fake.uploaded("report.pdf") == b"the report"
    assert await state_of(teams) == "sent"


async def test_a_file_that_is_no_more_is_told(teams: Asking) -> None:
    _, shown = await offered(teams)
    teams.files.contents.clear()
    await teams.answers.answered(answer(teams, shown))
    assert teams.fake.by_bot("dana")[-1].text == "teams.file_failed report.pdf"


async def test_a_card_that_cannot_be_changed_does_not_undo_the_file(teams: Asking) -> None:
    _, shown = await offered(teams)
    teams.fake.fail("update", status=503)
    await teams.answers.answered(answer(teams, shown))
    assert await state_of(teams) == "sent"
