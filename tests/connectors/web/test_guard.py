"""Who gets in: from where, through which page, as whom, and what an error looks like."""

import asyncio
import json
from datetime import timedelta

import pytest
import structlog
from aiohttp import UnixConnector, web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.records import utcnow
from connectors.web.guard import HEADERS, Guard, local
from connectors.web.session import LIFETIME, seal, unseal
from tests.connectors.web.conftest import Served
from tests.connectors.web.support import SECRET, FakeSignIn, TestClock

LOGGED = "web_connector_failed"
DANA = {"email": "dana@acme.example"}


async def raw(served: Served, request: str) -> str:
    """Sends a request as it is written; a client library would mend the headers that matter here."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
    writer.write(request.replace("\n", "\r\n").encode())
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer.decode()


def sign_in(host: str, *headers: str) -> str:
    body = json.dumps(DANA)
    lines = [f"Host: {host}", "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "POST /api/v1/session HTTP/1.1\n" + "\n".join(lines) + "\n\n" + body


async def test_polls_that_cannot_be_served_are_logged_once_a_minute(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    dana = await served.enter("dana")

    async def down(email: str) -> None:
        raise Retry("unreachable")

    monkeypatch.setattr(served.sign_in, "verify", down)
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            assert (await dana.get("/api/v1/idle")).status == 503
        await dana.get("/api/v1/conversations")
        served.clock.forward(timedelta(seconds=59))
        await dana.get("/api/v1/idle")
        served.clock.forward(timedelta(seconds=1))
        await dana.get("/api/v1/idle")
    said = (await (await dana.get("/api/v1/me")).json())["error"]
    assert said == "The directory cannot be reached, so Foyer does not know who you are."
    paths = [line["path"] for line in logs if line["event"] == LOGGED]
    assert paths == ["/api/v1/idle", "/api/v1/conversations", "/api/v1/idle"]


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (Retry("unreachable"), "try again"),
        (Retry("breaker_open", "timeout"), "try again"),
        (Retry("misconfigured"), "tell your IT support"),
        (Retry("bad_credentials"), "tell your IT support"),
        (Retry("breaker_open", "bad_certificate"), "tell your IT support"),
        (Refused("not_permitted"), "tell your IT support"),
    ],
)
async def test_nobody_is_told_to_try_again_what_somebody_has_to_mend(
    served: Served, monkeypatch: pytest.MonkeyPatch, error: ConnectorError, helps: str
) -> None:
    async def fail(email: str) -> None:
        raise error

    error.connector = "directory"
    dana = await served.enter("dana")
    monkeypatch.setattr(served.sign_in, "verify", fail)
    with structlog.testing.capture_logs() as logs:
        answer = await (await served.enter("")).post("/api/v1/session", json=DANA)
    assert (answer.status, helps in (await answer.json())["error"]) == (503, True)
    (line,) = [line for line in logs if line["event"] == LOGGED]
    assert (line["connector"], line["code"]) == ("directory", error.code)
    said = (await (await dana.get("/api/v1/me")).json())["error"]
    assert ("tell your IT support" in said) == (helps != "try again")


async def test_the_page_is_told_whether_people_are_the_sandboxs(served: Served) -> None:
    nobody = await served.enter("")
    for sandbox in (True, False):
        served.sign_in.sandbox = sandbox
        assert (await (await nobody.get("/api/v1/people")).json())["sandbox"] is sandbox


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
async def test_this_machine_may_sign_in_under_its_own_names(served: Served, name: str) -> None:
    assert (await raw(served, sign_in(f"{name}:{served.server.port}"))).startswith("HTTP/1.1 200")


@pytest.mark.parametrize(
    "host", ["evil.example:PORT", "127.0.0.1.evil.example:PORT", "localhost", "localhost:1", "evil@127.0.0.1:PORT", "10.0.0.5:PORT", "[x"]
)
async def test_another_host_name_is_refused(served: Served, host: str) -> None:
    answer = await raw(served, sign_in(host.replace("PORT", str(served.server.port))))
    assert answer.startswith(("HTTP/1.1 403", "HTTP/1.1 400"))
    assert "Set-Cookie" not in answer


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For: 10.1.2.3",
        "X-Forwarded-Host: foyer.acme.example",
        "X-Forwarded-Proto: https",
        "x-forwarded-port: 443",
        "X-Forwarded-Server: proxy",
        "Forwarded: for=10.1.2.3",
        "Via: 1.1 proxy",
        "X-Real-IP: 127.0.0.1",
    ],
)
async def test_a_forwarding_proxy_is_refused(served: Served, header: str) -> None:
    assert (await raw(served, sign_in(f"127.0.0.1:{served.server.port}", header))).startswith("HTTP/1.1 403")


@pytest.mark.parametrize(
    ("path", "method"), [("/api/v1/people", "GET"), ("/api/v1/me", "GET"), ("/", "GET"), ("/api/v1/stream", "GET"), ("/api/v1/idle", "GET")]
)
async def test_nothing_at_all_is_served_under_a_foreign_name(served: Served, path: str, method: str) -> None:
    answer = await raw(served, f"{method} {path} HTTP/1.1\nHost: evil.example:{served.server.port}\nConnection: close\n\n")
    assert answer.startswith("HTTP/1.1 403")


class Transport(asyncio.Transport):
    """A connection as a request sees it."""

    def __init__(self, peer: tuple[str, int], port: int = 8080) -> None:
        super().__init__({"peername": peer, "sockname": ("0.0.0.0", port)})


@pytest.mark.parametrize(
    ("peer", "expected"), [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.5", False), ("192.168.1.2", False)]
)
def test_only_a_loopback_peer_is_local(peer: str, expected: bool) -> None:
    request = make_mocked_request("GET", "/", headers={"Host": "127.0.0.1:8080"}, transport=Transport((peer, 4000)))
    assert local(request) is expected


async def test_the_unix_socket_is_local(served: Served, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("s") / "foyer.sock")
    guard = Guard(FakeSignIn(), SECRET, TestClock())

    async def hello(request: web.Request) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/", guard.anyone(hello))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, path).start()
    client: TestClient[web.Request, web.Application] = TestClient(TestServer(web.Application()), connector=UnixConnector(path))
    try:
        assert (await client.session.get("http://localhost/")).status == 200
        assert (await client.session.get("http://evil.example/")).status == 403
    finally:
        await client.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "SELF"}, 200),
        ({"Origin": "SELF", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "SELF", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_what_another_page_sends_is_refused(served: Served, headers: dict[str, str], status: int) -> None:
    dana = await served.enter("dana")
    own = f"http://127.0.0.1:{served.server.port}"
    sent = {name: value.replace("SELF", own) for name, value in headers.items()}
    response = await dana.post("/api/v1/conversations/c1/messages", json={"id": "m1", "text": "hi"}, headers=sent)
    assert response.status == (202 if status == 200 else status)
    assert len(served.bot.recorded) == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://foyer.example"}, 200),
        ({"Origin": "https://foyer.example", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://foyer.example", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://foyer.example"}, 403),
        ({"Origin": "https://foyer.example:8443"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_behind_a_proxy_that_ends_tls_the_own_page_is_the_one_at_the_public_address(headers: dict[str, str], status: int) -> None:
    """A browser names the https address that it sees, and the request comes by http."""

    async def sent(request: web.Request) -> web.Response:
        return web.Response(text="sent")

    app = web.Application()
    app.router.add_post("/", Guard(None, b"secret", utcnow, "https://foyer.example/").anyone(sent))
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        assert (await client.post("/", headers=headers)).status == status


async def test_only_json_is_taken(served: Served) -> None:
    dana = await served.enter("dana")
    response = await dana.post(
        "/api/v1/conversations/c1/messages", data='{"id": "m1", "text": "hi"}', headers={"Content-Type": "text/plain"}
    )
    assert response.status == 415
    assert served.bot.recorded == []


async def test_a_body_is_bounded(served: Served) -> None:
    dana = await served.enter("dana")
    response = await dana.post("/api/v1/conversations/c1/messages", json={"id": "m1", "text": "x" * 1_100_000})
    assert response.status == 413
    assert (await response.json())["error"].endswith("please send less at once.")


async def test_every_answer_carries_the_protecting_headers(served: Served) -> None:
    nobody = await served.enter("")
    for path in ("/", "/static/app.css", "/static/app.js", "/api/v1/people", "/api/v1/me"):
        response = await nobody.get(path)
        for name, value in HEADERS.items():
            assert response.headers[name] == value, (path, name)
    assert "unsafe-inline" not in HEADERS["Content-Security-Policy"]


async def test_a_failure_is_a_sentence_not_a_traceback(served: Served) -> None:
    dana = await served.enter("dana")
    served.bot.broken = True
    response = await dana.post("/api/v1/conversations/c1/messages", json={"id": "m1", "text": "hi"})
    assert response.status == 500
    assert "Traceback" not in await response.text()
    assert (await (await dana.get("/api/v1/messages?conversation=c1")).json())["messages"] == []


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(served: Served) -> None:
    nobody = await served.enter("")
    response = await nobody.post("/api/v1/session", json=DANA)
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_a_forged_cookie_is_nobody(served: Served) -> None:
    nobody = await served.enter("")
    name = Guard(FakeSignIn(), SECRET, served.clock).cookie
    for forged in (seal("dana@acme.example", b"another secret", served.clock()), "x.y", "....", "é"):
        response = await nobody.get("/api/v1/me", headers={"Cookie": f"{name}={forged}"})
        assert response.status == 401
    good = seal("dana@acme.example", SECRET, served.clock())
    assert (await nobody.get("/api/v1/me", headers={"Cookie": f"{name}={good}"})).status == 200


def test_a_sealed_cookie_runs_out_and_cannot_be_changed() -> None:
    clock = TestClock()
    cookie = seal("dana@acme.example", SECRET, clock())
    assert unseal(cookie, SECRET, clock()) == "dana@acme.example"
    assert unseal(cookie, SECRET, clock() + LIFETIME) == "dana@acme.example"
    assert unseal(cookie, SECRET, clock() + LIFETIME + timedelta(seconds=1)) is None
    body, mac = cookie.split(".")
    other = seal("omar@acme.example", SECRET, clock()).split(".")[0]
    assert unseal(f"{other}.{mac}", SECRET, clock()) is None
    assert unseal(body, SECRET, clock()) is None
    assert unseal("", SECRET, clock()) is None


async def test_somebody_who_left_is_signed_out_at_once(served: Served) -> None:
    dana = await served.enter("dana")
    served.sign_in.gone.add("dana@acme.example")
    assert (await dana.get("/api/v1/me")).status == 401


async def test_an_unknown_address_cannot_sign_in(served: Served) -> None:
    nobody = await served.enter("")
    response = await nobody.post("/api/v1/session", json={"email": "eve@acme.example"})
    assert response.status == 404
    assert "error" in await response.json()


async def test_without_a_sign_in_nobody_is_anybody() -> None:
    guard = Guard(None, SECRET, TestClock())
    cookie = seal("dana@acme.example", SECRET, TestClock()())
    request = make_mocked_request("GET", "/", headers={"Cookie": f"{guard.cookie}={cookie}"})
    with pytest.raises(web.HTTPUnauthorized):
        await guard.person(request)
