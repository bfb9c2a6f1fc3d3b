"""Every way in which a request can end, and what that means; nothing secret and nobody's name in what is written of it."""

import asyncio
import logging
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from scim2_models import ScimProvider

from connectors.calling.declared import DeclaredApplication
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.sandbox import facts
from connectors.scim.connector import ScimConnector
from connectors.scim.faults import Asked, failure, retry_after
from connectors.scim.settings import ScimSettings
from connectors.scim.wire import LARGEST, Wire
from tests.connectors.scim.peculiar import Peculiar, peculiar
from tests.connectors.scim.stage import Stage
from tests.outside.certificates import Kind, certify
from tests.outside.proxy import APPLY_THEN_CUT, APPLY_THEN_HANG, CUT, HANG, PAGE, Fault, answer, apply_then, asks, cut_answer, rate_limited
from tests.outside.scim import TOKEN

DANA = "dana@acme.example"
ROLES = {"editor": {"group": "Editors"}}
DAY = "Wed, 16 Sep 2026"
NOW = datetime(2026, 9, 16, 9, 30, tzinfo=UTC)
READS, CHANGES = asks("GET", target="/Users"), asks("PATCH")

TABLE: list[tuple[str, Fault, type[ConnectorError], str, type[ConnectorError], str]] = [
    # fault, what a read raises, what a change raises
    ("cut", CUT, Retry, "connection_lost", OutcomeUnknown, "connection_lost"),
    ("done, and cut", APPLY_THEN_CUT, Retry, "connection_lost", OutcomeUnknown, "connection_lost"),
    ("cut in its answer", cut_answer(40), Retry, "connection_lost", OutcomeUnknown, "connection_lost"),
    ("silent", HANG, Retry, "timeout", OutcomeUnknown, "timeout"),
    ("done, and silent", APPLY_THEN_HANG, Retry, "timeout", OutcomeUnknown, "timeout"),
    ("a page", PAGE, Retry, "bad_answer", OutcomeUnknown, "bad_answer"),
    ("a redirect", answer(302, headers={"Location": "http://127.0.0.1:1/"}), Retry, "misconfigured", Retry, "misconfigured"),
    ("401", answer(401), Retry, "bad_credentials", Retry, "bad_credentials"),
    ("403", answer(403), Refused, "not_permitted", Refused, "not_permitted"),
    ("429", rate_limited(7), Retry, "rate_limited", Retry, "rate_limited"),
    ("500", answer(500), Retry, "unavailable", OutcomeUnknown, "unavailable"),
    ("done, and 502", apply_then(502), Retry, "unavailable", OutcomeUnknown, "unavailable"),
    ("503", answer(503), Retry, "unavailable", OutcomeUnknown, "unavailable"),
    ("504", answer(504), Retry, "unavailable", OutcomeUnknown, "unavailable"),
    ("418", answer(418), Refused, "rejected", Refused, "rejected"),
]


async def figma_on(on: Stage, **settings: Any) -> ScimConnector:
    await on.service.make_group("Editors")
    await on.service.make_user(DANA)
    return on.connect(ROLES, **settings)


def patience(fault: Fault) -> float:
    """Seconds: what never answers is not waited for long."""
    return 1.0 if fault in (HANG, APPLY_THEN_HANG) else 20.0


async def give(figma: ScimConnector, on: Stage) -> None:
    await figma.access.grant(facts.DANA, "figma", "editor", until=on.clock() + timedelta(days=14), key="k1")


@pytest.mark.parametrize(("fault", "reading", "code", "changing", "changed"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
class TestTable:
    async def test_read(
        self, on: Stage, fault: Fault, reading: type[ConnectorError], code: str, changing: type[ConnectorError], changed: str
    ) -> None:
        figma = await figma_on(on, timeout=patience(fault))
        on.proxy.plan(fault, when=READS)
        with pytest.raises(ConnectorError) as raised:
            await figma.access.entitlements(facts.DANA)
        assert (_kind(raised.value), raised.value.code) == (reading, code)
        assert list(await figma.access.entitlements(facts.DANA)) == [], "the next one works again"

    async def test_change(
        self, on: Stage, fault: Fault, reading: type[ConnectorError], code: str, changing: type[ConnectorError], changed: str
    ) -> None:
        figma = await figma_on(on, timeout=patience(fault))
        on.proxy.plan(fault, when=CHANGES)
        with pytest.raises(ConnectorError) as raised:
            await give(figma, on)
        assert (_kind(raised.value), raised.value.code) == (changing, changed)
        if changing is not OutcomeUnknown:
            assert await on.service.members("Editors") == set(), "certainly without effect"
        await give(figma, on)
        assert await on.service.members("Editors") == {DANA}
        assert len(on.proxy.reached(CHANGES)) <= 1, "never done twice"


def _kind(error: ConnectorError) -> type[ConnectorError]:
    return next(kind for kind in (OutcomeUnknown, Retry, Refused) if isinstance(error, kind))


class TestBeforeItIsSent:
    async def test_nobody_listens(self, on: Stage) -> None:
        figma = await figma_on(on)
        async with on.proxy.down():
            with pytest.raises(Retry) as raised:
                await give(figma, on)
        assert (_kind(raised.value), raised.value.code) == (Retry, "unreachable")
        assert raised.value.detail.endswith("was not sent: Connection refused")
        await give(figma, on)

    async def test_a_connection_taken_and_never_served(self, on: Stage) -> None:
        figma = await figma_on(on, timeout=patience(HANG))
        on.proxy.plan(HANG, when=asks("connect"))
        with pytest.raises(Retry) as raised:
            await give(figma, on)
        assert _kind(raised.value) is Retry
        assert raised.value.detail.endswith("no answer in time")

    @pytest.mark.parametrize(("kind", "said"), [("expired", "expired"), ("other_name", "mismatch"), ("valid", None)])
    async def test_certificates(self, on: Stage, tmp_path: Path, kind: Kind, said: str | None) -> None:
        made = certify(tmp_path / "tls", kind)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made.certificate, made.key)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", Peculiar().answer)
        server = TestServer(app)
        await server.start_server(ssl=context)
        try:
            url, admin = f"https://127.0.0.1:{server.port}", {"admin": {"role": "admin"}}
            if said is None:
                assert list(await on.connect(admin, url=url, ca_file=made.ca).access.entitlements(facts.DANA)) == []
            else:
                with pytest.raises(Retry) as raised:
                    await on.connect(admin, url=url, ca_file=made.ca).access.entitlements(facts.DANA)
                assert (raised.value.code, said in raised.value.detail) == ("bad_certificate", True)
            [finding] = await on.connect(admin, url=url).check()
            assert (finding.name, finding.ok, "ca_file" in finding.mend) == ("certificate", False, True)
        finally:
            await server.close()


class TestBounds:
    async def test_an_answer_without_end(self, on: Stage) -> None:
        async def pour(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            poured = 0
            while poured < 2 * LARGEST:
                await response.write(b" " * 2**20)
                poured += 2**20
            return response

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", pour)
        async with TestServer(app) as server:
            with pytest.raises(Retry) as raised:
                await on.connect(ROLES, url=str(server.make_url("")).rstrip("/")).access.entitlements(facts.DANA)
        assert (raised.value.code, str(LARGEST) in raised.value.detail) == ("bad_answer", True)

    async def test_no_more_requests_a_second_than_wanted(self, on: Stage) -> None:
        now, sent_at = 100.0, list[float]()

        async def sleep(seconds: float) -> None:
            nonlocal now
            now += seconds

        application = DeclaredApplication.model_validate({"key": "figma", "name": "Figma", "roles": ROLES})
        settings = ScimSettings(url=on.service.url, token=SecretStr(TOKEN), application=application, requests_per_second=0.5)
        wire = Wire(settings, on.clock, ScimProvider(), monotonic=lambda: now, sleep=sleep)
        try:
            for pause in (0.0, 0.0, 0.0, 60.0, 0.5):
                now += pause
                await wire.request("GET", "/Users")
                sent_at.append(now)
        finally:
            await wire.close()
        assert sent_at == [100.0, 102.0, 104.0, 164.0, 166.0], "and none is saved up in a pause"


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("said", "seconds"),
        [
            ("7", 7.0),
            ("Wed, 16 Sep 2026 09:31:00 GMT", 60.0),
            ("Wed, 16 Sep 2026 09:29:00 GMT", 0.0),
            ("soon", None),
            (None, None),
            ("-3", None),
            ("\N{SUPERSCRIPT TWO}", None),
        ],
    )
    def test_reads_seconds_and_dates(self, said: str | None, seconds: float | None) -> None:
        assert retry_after(said, NOW) == seconds

    async def test_is_told(self, on: Stage) -> None:
        figma = await figma_on(on)
        on.proxy.plan(rate_limited(7), when=READS)
        with pytest.raises(Retry) as raised:
            await figma.access.entitlements(facts.DANA)
        assert raised.value.after == 7.0


class TestSecrets:
    def test_what_a_service_writes_is_told_without_people_and_secrets(self) -> None:
        said = 'User \\"Dana Whitfield\\" <dana@acme.example> has password=hunter2!x, role x is unknown'
        body = f'{{"scimType": "invalidValue", "detail": "{said}"}}'.encode()
        error = failure(Asked("PATCH", "/Users"), 400, {}, body, NOW)
        assert "invalidValue" in error.detail
        assert "role x is unknown" in error.detail
        assert not [word for word in ("Dana", "dana@", "hunter2") if word in str(error)]

    async def test_neither_token_nor_people_get_into_logs_and_errors(self, on: Stage, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        figma = await figma_on(on)
        errors = []
        for fault in (CUT, PAGE, answer(401), answer(500), answer(418, f'{{"detail": "{TOKEN} {DANA}"}}')):
            on.proxy.plan(fault, when=READS)
            with pytest.raises(ConnectorError) as raised:
                await figma.access.entitlements(facts.DANA)
            errors.append(repr(raised.value))
        ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("aiohttp", "asyncio", "aiosqlite"))]
        assert not [line for line in (*errors, *ours) if DANA in line or f"Bearer {TOKEN}" in line]


class TestSigningIn:
    async def test_with_a_name_and_a_password(self, on: Stage) -> None:
        async with peculiar() as service:
            figma = on.connect({"admin": {"role": "admin"}}, url=service.url, token=None, user="foyer", password=SecretStr("p"))
            await figma.access.entitlements(facts.DANA)
            assert set(service.tokens) == {"Basic Zm95ZXI6cA=="}

    async def test_with_a_secret_that_is_refused_once_and_not_tried_again_for_a_while(self, on: Stage) -> None:
        asked = 0

        async def refuse(request: web.Request) -> web.Response:
            nonlocal asked
            asked += 1
            return web.Response(status=401)

        app = web.Application()
        app.router.add_post("/token", refuse)
        async with TestServer(app) as server:
            url = str(server.make_url("")).rstrip("/")
            client = {"token": None, "token_url": f"{url}/token", "client_id": "client", "client_secret": SecretStr("last year's")}
            figma = on.connect({"admin": {"role": "admin"}}, url=url, **client)
            told = await asyncio.gather(*(figma.access.entitlements(facts.DANA) for _ in range(4)), return_exceptions=True)
            assert [error.code for error in told if isinstance(error, Retry)] == ["bad_credentials"] * 4
            assert asked == 1
            on.clock.advance(timedelta(seconds=60))
            with pytest.raises(Retry):
                await figma.access.entitlements(facts.DANA)
            assert asked == 2

    async def test_with_a_token_that_is_fetched_kept_and_fetched_again(self, on: Stage) -> None:
        handed: list[str] = []
        revoked: set[str] = set()

        async def hand(request: web.Request) -> web.Response:
            form = await request.post()
            assert (form["grant_type"], request.headers["Authorization"]) == ("client_credentials", "Basic Y2xpZW50OnNlY3JldA==")
            handed.append(f"t{len(handed)}")
            return web.json_response({"access_token": handed[-1], "expires_in": 600})

        async with peculiar() as service:

            async def serve(request: web.Request) -> web.Response:
                if request.headers["Authorization"].removeprefix("Bearer ") in revoked:
                    return web.Response(status=401)
                return await service.answer(request)

            app = web.Application()
            app.router.add_post("/token", hand)
            app.router.add_route("*", "/{path:.*}", serve)
            async with TestServer(app) as server:
                url = str(server.make_url("")).rstrip("/")
                client = {"token": None, "token_url": f"{url}/token", "client_id": "client", "client_secret": SecretStr("secret")}
                figma = on.connect({"admin": {"role": "admin"}}, url=url, **client)
                await figma.access.entitlements(facts.DANA)
                assert handed == ["t0"]
                on.clock.advance(timedelta(seconds=599))
                await figma.access.entitlements(facts.DANA)
                assert handed == ["t0", "t1"], "not used in its last minute"
                revoked.add("t1")
                await figma.access.entitlements(facts.DANA)
                assert handed == ["t0", "t1", "t2"], "one that is taken no more is fetched anew, once"

    async def test_with_a_secret_that_is_not_taken(self, on: Stage) -> None:
        app = web.Application()
        async with TestServer(app) as server:
            url = str(server.make_url("")).rstrip("/")
            app_answers = on.connect(
                ROLES, url=url, token=None, token_url=f"{url}/token", client_id="client", client_secret=SecretStr("secret")
            )
            with pytest.raises(Retry) as raised:
                await app_answers.access.entitlements(facts.DANA)
            assert raised.value.code == "misconfigured"
