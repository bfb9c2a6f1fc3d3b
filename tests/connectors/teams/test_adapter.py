"""Who gets in from Teams, and who does not; and that the library alone would let in more, or fail."""

import asyncio
import gzip
import hmac
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from botbuilder.core import AnonymousReceiveMiddleware, TurnContext
from botbuilder.schema import Activity
from botframework.connector.auth import BotFrameworkAuthenticationFactory, PasswordServiceClientCredentialFactory
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from structlog.testing import capture_logs

from connectors.errors import Retry
from connectors.teams.adapter import InvokeAnswer, TeamsAdapter
from connectors.teams.client import Client
from connectors.teams.deliveries import APP_ID, CLOCK, Deliveries
from connectors.teams.keys import Keys
from connectors.teams.settings import TeamsSettings
from tests.connectors.teams.auth_support import TENANT, Inbound, Seconds, as_the_library_does, inbound, message
from tests.fakes.teams.openid import SERVICE_URL, FakeOpenId

HERE = "http://127.0.0.1:56177"
Forge = Callable[[FakeOpenId], dict[str, str]]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def with_our_key_as_secret(fake: FakeOpenId) -> dict[str, str]:
    """The classic: what is published, used as a shared secret."""
    published = fake.keys[0].private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = fake.token(algorithm="HS256", secret="0123456789abcdef0123456789abcdef").rpartition(".")[0]
    seal = urlsafe_b64encode(hmac.digest(published, signed.encode(), "sha256")).rstrip(b"=").decode()
    return bearer(f"{signed}.{seal}")


FORGED: dict[str, Forge] = {
    "missing": lambda fake: {},
    "empty": lambda fake: {"Authorization": ""},
    "no token": lambda fake: {"Authorization": "Bearer"},
    "another scheme": lambda fake: {"Authorization": f"Basic {fake.token()}"},
    "malformed": lambda fake: bearer("nonsense"),
    "malformed in three": lambda fake: bearer("a.b.c"),
    "not text": lambda fake: {"Authorization": "Bearer é.é.é"},
    "cut": lambda fake: bearer(fake.token()[:-20]),
    "changed": lambda fake: bearer(_changed(fake.token())),
    "wrong audience": lambda fake: fake.header(audience="99999999-2222-3333-4444-555555555555"),
    "several audiences, not ours": lambda fake: fake.header(audience=["a", "b"]),
    "no audience": lambda fake: fake.header(audience=""),
    "wrong issuer": lambda fake: fake.header(issuer="https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"),
    "government's issuer": lambda fake: fake.header(issuer="https://api.botframework.us"),
    "wrong key under a known name": lambda fake: fake.header(key=fake.stranger(), kid=fake.keys[0].kid),
    "unknown key": lambda fake: fake.header(key=fake.stranger()),
    "expired": lambda fake: fake.header(expires=-301),
    "never expires": lambda fake: fake.header(expires=None),
    "not valid yet": lambda fake: fake.header(begins=400),
    "wrong service URL": lambda fake: fake.header(serviceurl="https://elsewhere.example/"),
    "no service URL": lambda fake: fake.header(serviceurl=None),
    "not signed": lambda fake: fake.header(algorithm="none", secret=""),
    "signed with a secret": lambda fake: fake.header(algorithm="HS256", secret="0123456789abcdef0123456789abcdef"),
    "signed with the public key": with_our_key_as_secret,
    "the emulator's": lambda fake: fake.header(
        issuer="https://login.microsoftonline.com/botframework.com/v2.0", ver="2.0", azp=fake.audience
    ),
    "another bot's": lambda fake: fake.header(ver="1.0", appid="99999999-2222-3333-4444-555555555555"),
    "an anonymous bot's": lambda fake: fake.header(appid="AnonymousSkill"),
}


def _changed(token: str) -> str:
    head, said, signature = token.split(".")
    return f"{head}.{said[:-4]}{'AAAA' if said[-4:] != 'AAAA' else 'BBBB'}.{signature}"


@pytest.fixture
async def here() -> AsyncIterator[Inbound]:
    async with inbound() as made:
        yield made


@pytest.fixture
async def locally() -> AsyncIterator[Inbound]:
    async with inbound(local=True) as made:
        yield made


@pytest.fixture
async def library() -> AsyncIterator[Inbound]:
    async with as_the_library_does() as made:
        logging.getLogger("aiohttp.server").disabled = True
        yield made
        logging.getLogger("aiohttp.server").disabled = False


async def test_what_teams_has_signed_is_handled_as_it_came(here: Inbound) -> None:
    said = message("hello", entities=[{"type": "clientInfo", "unknown": {"kept": True}}])
    assert await here.ask(said) == (200, "")
    assert here.handled == [said]


@pytest.mark.parametrize("forged", FORGED)
async def test_what_teams_has_not_signed_is_refused(here: Inbound, forged: str) -> None:
    assert await here.post(headers=FORGED[forged](here.fake)) == 401
    assert here.handled == []
    assert await here.post() == 200


async def test_five_minutes_of_skew_are_forgiven(here: Inbound) -> None:
    assert await here.post(headers=here.fake.header(expires=-200)) == 200
    assert await here.post(headers=here.fake.header(begins=200)) == 200


@pytest.mark.parametrize("endorsements", [(), ("webchat", "directline")])
async def test_a_key_must_be_endorsed_for_teams(here: Inbound, endorsements: tuple[str, ...]) -> None:
    here.fake.rotate(endorsements)
    assert await here.post() == 401
    assert here.handled == []


async def test_another_chat_of_the_same_bot_is_not_teams(here: Inbound) -> None:
    """In web chat whoever writes chooses tenant and sender."""
    assert await here.post(message(channelId="webchat")) == 403
    assert here.handled == []


@pytest.mark.parametrize("tenant", ["bbbbbbbb-0000-0000-0000-000000000002", "", None])
async def test_other_tenants_are_refused_and_logged(here: Inbound, tenant: str | None) -> None:
    with capture_logs() as logs:
        assert await here.post(message(tenant=tenant)) == 403
    assert here.handled == []
    assert [line["tenant"] for line in logs if line["event"] == "teams_other_tenant_refused"] == [tenant or ""]


async def test_tenants_are_the_same_in_any_case(here: Inbound) -> None:
    assert await here.post(message(tenant=TENANT.upper())) == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        "[" * 100_000,
        b"\xff\xfe",
        "{}",
        '{"type": "message"}',
        '{"type": 1, "channelId": 2, "serviceUrl": 3}',
    ],
)
async def test_what_is_no_activity_is_refused(here: Inbound, body: str | bytes) -> None:
    assert await here.post(body) == 400
    assert here.handled == []


@pytest.mark.parametrize("forged", ["missing", "malformed", "unknown key", "wrong audience", "expired"])
@pytest.mark.parametrize("body", ["{", "x" * 1_000_001])
async def test_what_strangers_send_is_not_even_read(here: Inbound, body: str, forged: str) -> None:
    assert await here.post(body, headers=FORGED[forged](here.fake)) == 401


@pytest.mark.parametrize("url", ["file:///etc", "ftp://smba.example/", "https://smba.example:99999/", "http://smba.example/"])
async def test_where_nobody_can_be_answered_nobody_is_heard(here: Inbound, url: str) -> None:
    """It would take the place of where the bot speaks now."""
    assert await here.post(message(serviceUrl=url), headers=here.fake.header(serviceurl=url)) == 400
    assert here.handled == []


async def test_what_does_not_come_to_its_end_is_waited_for_no_longer() -> None:
    async with inbound(slowest=0.01) as made:
        assert await half(made, made.fake.header()) == (408, "close")
        assert made.handled == []


@pytest.mark.parametrize("forged", ["missing", "expired"])
async def test_whoever_is_refused_before_the_end_is_hung_up_on(here: Inbound, forged: str) -> None:
    assert await half(here, FORGED[forged](here.fake)) == (401, "close")


async def half(here: Inbound, headers: Mapping[str, str]) -> tuple[int, str]:
    """The status and what becomes of the connection of a request of which only the beginning comes."""

    async def beginning() -> AsyncIterator[bytes]:
        yield b'{"type": "message"'
        await asyncio.Event().wait()

    async with aiohttp.ClientSession() as session:
        given = {**headers, "Content-Type": "application/json"}
        async with session.post(here.url, headers=given, data=beginning()) as answer:
            return answer.status, answer.headers.get("Connection", "")


async def test_whoever_hangs_up_is_nobodys_failure(here: Inbound) -> None:
    assert here.adapter is not None
    body = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
    body.feed_data(b'{"type": "message"')
    body.set_exception(ConnectionResetError("Connection lost"))
    headers = {**here.fake.header(), "Content-Type": "application/json"}
    answer = await here.adapter.receive(make_mocked_request("POST", "/api/messages", headers, payload=body), here.handle)
    assert answer.status == 400


@pytest.mark.parametrize("lacking", ["type", "channelId", "serviceUrl"])
async def test_an_activity_says_what_it_is_and_where_from(here: Inbound, lacking: str) -> None:
    assert await here.post(message(**{lacking: None})) == 400
    assert await here.post(message(**{lacking: ""})) == 400
    assert here.handled == []


async def test_a_body_is_bounded(here: Inbound) -> None:
    assert await here.post(message("x" * 1_000_001)) == 413
    assert await here.post(message("x" * 900_000)) == 200
    packed = gzip.compress(b" " * 3_000_000)
    assert await here.post(packed, headers={**here.fake.header(), "Content-Encoding": "gzip"}) == 413


async def test_a_body_that_cannot_be_unpacked_is_refused(here: Inbound) -> None:
    assert await here.post(b"no gzip", headers={**here.fake.header(), "Content-Encoding": "gzip"}) == 400
    assert here.handled == []


async def test_only_json_is_taken(here: Inbound) -> None:
    assert await here.post("{}", headers={**here.fake.header(), "Content-Type": "text/plain"}) == 415
    assert await here.post(json.dumps(message()), headers={**here.fake.header(), "Content-Type": "application/json; charset=utf-8"}) == 200


async def test_an_invoke_is_answered(here: Inbound) -> None:
    here.answer = InvokeAnswer(200, {"statusCode": 200, "value": "é"})
    status, body = await here.ask(message(type="invoke", name="adaptiveCard/action"))
    assert (status, json.loads(body)) == (200, {"statusCode": 200, "value": "é"})
    here.answer = InvokeAnswer(501)
    assert await here.ask(message(type="invoke")) == (501, "")
    here.answer = InvokeAnswer(200, {})
    assert await here.ask(message(type="invoke")) == (200, "{}")


async def test_it_is_handled_in_a_turn_that_speaks_through_our_own_client(here: Inbound) -> None:
    assert here.adapter is not None
    assert here.client is not None
    turns: list[TurnContext] = []

    async def note(context: TurnContext, on: Callable[[], Awaitable[object]]) -> None:
        turns.append(context)
        await on()

    here.adapter.use(AnonymousReceiveMiddleware(note))
    assert await here.post() == 200
    (turn,) = turns
    assert (turn.activity.type, turn.activity.service_url) == ("message", SERVICE_URL)
    assert turn.turn_state[here.adapter.BOT_IDENTITY_KEY].claims["serviceurl"] == SERVICE_URL
    assert turn.turn_state[here.adapter.BOT_CONNECTOR_CLIENT_KEY] is here.client.connector(SERVICE_URL)


@pytest.mark.parametrize("error", [PermissionError("a file"), OSError("the database is away"), Retry("unreachable")])
async def test_what_fails_here_is_sent_again_and_no_refusal(here: Inbound, error: Exception) -> None:
    here.answer = error
    assert await here.post() == 500
    assert here.deliveries.broken is None


class TestLocalMode:
    async def test_a_program_on_this_machine_needs_no_signature(self, locally: Inbound) -> None:
        said = message(serviceUrl=HERE, tenant="playground-tenant-000000000000000000001")
        assert await locally.post(said, headers={}) == 200
        assert locally.handled == [said]
        assert locally.fake.asked == 0

    @pytest.mark.parametrize("remote", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "unix"])
    async def test_other_machines_are_refused(self, locally: Inbound, remote: str) -> None:
        locally.remote = remote
        assert await locally.post(message(serviceUrl=HERE), headers={}) == 401
        assert locally.handled == []

    @pytest.mark.parametrize(
        "header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via", "Origin"]
    )
    async def test_what_a_proxy_or_a_browser_passes_on_is_refused(self, locally: Inbound, header: str) -> None:
        assert await locally.post(message(serviceUrl=HERE), headers={header: "127.0.0.1"}) == 401
        assert locally.handled == []

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "["])
    async def test_a_name_that_was_pointed_here_is_refused(self, locally: Inbound, host: str) -> None:
        assert await locally.post(message(serviceUrl=HERE), headers={"Host": host}) == 401
        assert locally.handled == []

    @pytest.mark.parametrize(
        "url", [SERVICE_URL, "http://127.0.0.1.evil.example/", "http://192.0.2.7:56177", "http://127.0.0.1@evil.example/", "http://[", "x"]
    )
    async def test_answers_go_to_this_machine_only(self, locally: Inbound, url: str) -> None:
        assert await locally.post(message(serviceUrl=url), headers={}) == 401
        assert locally.handled == []

    @pytest.mark.parametrize("url", ["http://localhost:56177/", "http://[::1]:56177", "http://127.0.0.1:56177/_connector"])
    async def test_this_machine_has_several_names(self, locally: Inbound, url: str) -> None:
        assert await locally.post(message(serviceUrl=url), headers={}) == 200

    async def test_tenants_may_be_named_there_too(self) -> None:
        async with inbound(local=True, tenants=frozenset({TENANT})) as made:
            assert await made.post(message(serviceUrl=HERE), headers={}) == 200
            assert await made.post(message(serviceUrl=HERE, tenant="other"), headers={}) == 403

    async def test_nothing_is_fetched_for_it(self, locally: Inbound) -> None:
        assert locally.adapter is not None
        await locally.adapter.warm()
        assert locally.fake.asked == 0

    async def test_a_signed_mode_takes_nothing_unsigned_from_this_machine_either(self, here: Inbound) -> None:
        assert await here.post(message(serviceUrl=HERE), headers={}) == 401
        assert here.handled == []

    @pytest.mark.parametrize("settings", [TeamsSettings(), TeamsSettings(tenants=frozenset({TENANT})), TeamsSettings(app_id="an-app")])
    def test_without_an_app_or_tenants_there_is_no_other_mode(self, settings: TeamsSettings) -> None:
        seconds = Seconds()
        with pytest.raises(ValueError, match="would answer anybody"):
            TeamsAdapter(settings, keys=Keys("", seconds), deliveries=Deliveries(seconds), connect=Client(None).connector)


class TestDeliveries:
    async def test_another_app_id_is_said_until_something_is_accepted(self, here: Inbound) -> None:
        wrong = here.fake.header(audience="99999999-2222-3333-4444-555555555555")
        with capture_logs() as logs:
            assert [await here.post(headers=wrong) for _ in range(3)] == [401] * 3
        assert here.deliveries.broken == f"Teams' last 3 deliveries were refused: {APP_ID}"
        (line,) = (line for line in logs if line["event"] == "teams_deliveries_refused")
        assert "FOYER_TEAMS_APP_ID" in line["because"]
        assert wrong["Authorization"].removeprefix("Bearer ") not in str(logs)
        here.seconds.forward(60)
        with capture_logs() as logs:
            await here.post(headers=wrong)
        assert [line["since_accepted"] for line in logs if line["event"] == "teams_deliveries_refused"] == [4]
        await here.post()
        assert here.deliveries.broken is None

    async def test_a_clock_that_is_wrong_is_no_wrong_app_id(self, here: Inbound) -> None:
        await here.post(headers=here.fake.header(expires=-4000, begins=-8000))
        assert here.deliveries.broken == f"Teams' last 1 deliveries were refused: {CLOCK}"

    async def test_who_can_sign_nothing_does_not_count(self, here: Inbound) -> None:
        for forged in ("missing", "malformed", "unknown key", "wrong key under a known name", "not signed", "changed"):
            await here.post(headers=FORGED[forged](here.fake))
        assert here.deliveries.broken is None

    async def test_what_is_for_another_app_counts_until_ours_has_come(self, here: Inbound) -> None:
        """Whoever has a bot of their own can send on what Microsoft has signed for it, now or long ago."""
        await here.post()
        for when in ({}, {"expires": -4000, "begins": -8000}):
            assert await here.post(headers=here.fake.header(audience="99999999-2222-3333-4444-555555555555", **when)) == 401
        assert here.deliveries.broken is None
        await here.post(headers=here.fake.header(expires=-4000, begins=-8000))
        assert here.deliveries.broken == f"Teams' last 1 deliveries were refused: {CLOCK}"

    async def test_another_tenant_counts_until_ours_has_come(self, here: Inbound) -> None:
        await here.post(message(tenant="bbbbbbbb-0000-0000-0000-000000000002"))
        assert "bbbbbbbb-0000-0000-0000-000000000002 is not in FOYER_TEAMS_TENANTS" in (here.deliveries.broken or "")
        await here.post()
        await here.post(message(tenant="bbbbbbbb-0000-0000-0000-000000000002"))
        assert here.deliveries.broken is None


class TestTheLibraryAlone:
    """Negative controls: without what is tested above, this is what would happen."""

    async def test_it_takes_what_is_signed(self, library: Inbound) -> None:
        assert await library.post() == 201
        assert len(library.handled) == 1

    @pytest.mark.parametrize("forged", ["missing", "malformed", "unknown key", "expired", "not signed", "signed with a secret"])
    async def test_it_fails_on_what_is_to_be_refused(self, library: Inbound, forged: str) -> None:
        assert await library.post(headers=FORGED[forged](library.fake)) == 500

    async def test_it_fails_after_a_rotation(self, library: Inbound) -> None:
        library.fake.rotate()
        assert await library.post() == 500

    @pytest.mark.parametrize("body", ["{", "[]"])
    async def test_it_fails_on_what_is_no_activity(self, library: Inbound, body: str) -> None:
        assert await library.post(body) == 500

    async def test_it_takes_a_token_without_an_end(self, library: Inbound) -> None:
        assert await library.post(headers=library.fake.header(expires=None)) == 201

    async def test_it_takes_an_activity_without_a_service_url(self, library: Inbound) -> None:
        assert await library.post(message(serviceUrl=None), headers=library.fake.header(serviceurl="https://elsewhere.example/")) == 201

    async def test_it_takes_other_chats_and_other_tenants(self, library: Inbound) -> None:
        assert await library.post(message(channelId="webchat", tenant="other")) == 201

    async def test_it_takes_the_handlers_own_failure_for_a_refusal(self, library: Inbound) -> None:
        library.answer = PermissionError("a file")
        assert await library.post() == 401

    async def test_it_takes_anything_while_there_is_no_app_id(self) -> None:
        unset = BotFrameworkAuthenticationFactory.create(credential_factory=PasswordServiceClientCredentialFactory("", ""))
        let_in = await unset.authenticate_request(Activity(service_url="https://elsewhere.example/"), None)
        assert let_in.claims_identity.is_authenticated
