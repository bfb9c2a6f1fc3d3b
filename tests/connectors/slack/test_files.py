"""Files that people send: only from Slack, only what is harmless, never too much; and the token goes nowhere else."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.chat.files import LARGEST
from connectors.errors import Refused, Retry
from connectors.ports.chat import FileRef
from connectors.slack import files
from connectors.slack.clients import Clients
from connectors.slack.files import is_slacks
from connectors.slack.settings import API_URL, SlackSettings
from tests.connectors.slack.support import DANA, SECRET, OnSlack, open_slack
from tests.fakes.slack import FakeFile


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[OnSlack]:
    async with open_slack(tmp_path) as made:
        yield made


async def sent(slack: OnSlack, file: FakeFile) -> FileRef:
    await slack.fake.say(DANA, "look", files=[file])
    told = slack.fake.file_json(next(iter(slack.fake.files.values())))
    return FileRef(told["id"], told["name"], told["mimetype"], told["size"], told["url_private_download"])


async def refusal(slack: OnSlack, file: FileRef) -> str:
    with pytest.raises(Refused) as refused:
        await slack.channel.download(slack.fake.team, file)
    return refused.value.code


PNG = FakeFile("screen.png", b"\x89PNG", "image/png")


async def test_a_picture_is_had(slack: OnSlack) -> None:
    assert await slack.channel.download(slack.fake.team, await sent(slack, PNG)) == b"\x89PNG"


async def test_a_file_without_an_address_is_asked_for(slack: OnSlack) -> None:
    file = await sent(slack, PNG)
    bare = FileRef(file.id, file.name, file.mime, file.size)
    assert await slack.channel.download(slack.fake.team, bare) == b"\x89PNG"


@pytest.mark.parametrize(
    "mime", ["application/zip", "text/html", "image/svg+xml", "application/x-msdownload", "application/octet-stream", ""]
)
async def test_what_could_do_harm_is_not_fetched(slack: OnSlack, mime: str) -> None:
    assert await refusal(slack, FileRef("f", "thing", mime, 3, f"{slack.fake.base}/files-pri/T-f/thing")) == "not_allowed"


async def test_what_is_said_to_be_too_large_is_not_fetched(slack: OnSlack) -> None:
    file = await sent(slack, PNG)
    assert await refusal(slack, FileRef(file.id, file.name, file.mime, LARGEST + 1, file.url)) == "too_large"


async def test_what_turns_out_too_large_is_not_kept(slack: OnSlack) -> None:
    file = await sent(slack, FakeFile("big.txt", b"x" * (LARGEST + 1), "text/plain"))
    assert await refusal(slack, FileRef(file.id, file.name, file.mime, 3, file.url)) == "too_large"


async def test_what_has_no_end_is_not_kept() -> None:
    """The size is told neither by the message nor by the answer."""

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        with suppress(ConnectionError):
            for _ in range(LARGEST // 1_000_000 + 2):
                await answer.write(b"x" * 1_000_000)
        return answer

    async def who(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "team_id": "T0", "user_id": "U0", "bot_id": "B0"})

    app = web.Application()
    app.router.add_post("/api/auth.test", who)
    app.router.add_get("/endless", endless)
    async with TestServer(app, host="127.0.0.1") as server:
        clients = Clients(SlackSettings(secret=SECRET, bot_token="xoxb-x", api_url=str(server.make_url("/api/"))))
        try:
            with pytest.raises(Refused) as refused:
                await files.download(clients, "T0", FileRef("f", "log.txt", "text/plain", 3, str(server.make_url("/endless"))))
        finally:
            await clients.close()
    assert refused.value.code == "too_large"


async def test_a_missing_right_is_not_taken_for_the_file(slack: OnSlack) -> None:
    file = await sent(slack, PNG)
    slack.fake.scopes.discard("files:read")
    assert await refusal(slack, file) == "not_allowed"


async def test_the_token_follows_no_redirect(slack: OnSlack) -> None:
    asked: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        return web.Response(body=b"\x89PNG", content_type="image/png")

    app = web.Application()
    app.router.add_get("/stolen", elsewhere)
    async with TestServer(app, host="127.0.0.1") as server:
        file = await sent(slack, FakeFile("screen.png", b"\x89PNG", "image/png", redirect=str(server.make_url("/stolen"))))
        assert await refusal(slack, file) == "not_allowed"
        assert await refusal(slack, FileRef("f", "x.png", "image/png", 3, str(server.make_url("/stolen")))) == "not_allowed"
    assert asked == []


async def test_a_file_that_was_deleted_is_gone(slack: OnSlack) -> None:
    file = await sent(slack, PNG)
    slack.fake.files.clear()
    assert await refusal(slack, file) == "gone"
    assert await refusal(slack, FileRef(file.id, file.name, file.mime, file.size)) == "gone"


@pytest.mark.parametrize("kind", ["server_error", "rate_limited"])
async def test_a_slack_that_stumbles_is_asked_again(slack: OnSlack, kind: str) -> None:
    file = await sent(slack, PNG)
    slack.fake.fail("download", kind)
    with pytest.raises(Retry):
        await slack.channel.download(slack.fake.team, file)
    assert await slack.channel.download(slack.fake.team, file) == b"\x89PNG"


@pytest.mark.parametrize(
    ("url", "api_url", "allowed"),
    [
        ("https://files.slack.com/files-pri/T-F/a.png", API_URL, True),
        ("https://acme.slack.com/files-pri/T-F/a.png", API_URL, True),
        ("http://files.slack.com/a.png", API_URL, False),
        ("https://files.slack.com:8443/a.png", API_URL, False),
        ("https://files.slack.com.evil.example/a.png", API_URL, False),
        ("https://evilslack.com/a.png", API_URL, False),
        ("https://files.slack.com@evil.example/a.png", API_URL, False),
        ("https://evil.example/files.slack.com", API_URL, False),
        ("http://127.0.0.1:4100/a.png", API_URL, False),
        ("http://127.0.0.1:4100/a.png", "http://127.0.0.1:4100/api/", True),
        ("http://127.0.0.1:4101/a.png", "http://127.0.0.1:4100/api/", False),
        ("https://files.slack.com/a.png", "http://127.0.0.1:4100/api/", False),
        ("", API_URL, False),
    ],
)
def test_where_the_token_may_be_sent(url: str, api_url: str, allowed: bool) -> None:
    assert is_slacks(url, api_url) is allowed
