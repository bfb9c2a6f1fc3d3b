"""The page on which a new password is chosen: what it shows, what it uses up, and where the password never is."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from bot.console.reset import LARGEST, LONGEST, MISSES, STATUS, TRIES, WITH_FORM, add_reset
from connectors.errors import ConnectorError, NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.records import utcnow
from connectors.ports.secrets import REMOVED, without_secrets
from connectors.web.guard import Guard
from tests.bot.resets.rig import BETTER, DANA, GOOD, MESSAGES, TEN_MINUTES, WEAK, Rig

Client = TestClient[web.Request, web.Application]


@dataclass
class Page:
    client: Client
    seconds: float = 0.0

    async def look(self, token: str) -> tuple[int, str]:
        response = await self.client.get(f"/reset/{token}")
        return response.status, await response.text()

    async def choose(self, token: str, password: str, again: str | None = None) -> tuple[int, str]:
        sent = {"password": password, "again": password if again is None else again}
        response = await self.client.post(f"/reset/{token}", data=sent)
        return response.status, await response.text()


@pytest.fixture
async def page(rig: Rig) -> AsyncIterator[Page]:
    app = web.Application()
    made: Page
    add_reset(app, Guard(None, b"secret", utcnow), rig.resets, lambda: made.seconds)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(access_log=None)  # as bot/server.py does
    async with TestClient(server) as client:
        made = Page(client)
        yield made


async def test_looking_uses_nothing_up(rig: Rig, page: Page) -> None:
    token = await rig.link()
    for _ in range(3):
        status, text = await page.look(token)
        assert status == 200
        assert "Choose a new password" in text
        assert "Hello Dana." in text
    assert (await page.client.head(f"/reset/{token}")).status == 200
    assert await rig.audited() == []
    assert (await page.choose(token, GOOD))[0] == 200


async def test_the_fewest_characters_are_said_before_the_first_try_and_when_they_were_fewer(rig: Rig, page: Page) -> None:
    token = await rig.link()
    assert "At least 12 characters" in (await page.look(token))[1]
    status, text = await page.choose(token, WEAK)
    assert status == 400
    assert "ask for at least 12 characters" in text
    assert "At least 12 characters" in text
    rig.passwords.fail_next(Retry("unreachable"), "shortest")
    status, text = await page.look(token)
    assert (status, "characters" in text, "rules for passwords apply" in text) == (200, False, True)


async def test_a_password_is_set_once(rig: Rig, page: Page) -> None:
    token = await rig.link()
    status, text = await page.choose(token, GOOD)
    assert status == 200
    assert "Your password is changed" in text
    assert GOOD not in text
    status, text = await page.choose(token, BETTER)
    assert status == 410
    assert "used already" in text
    assert (await page.look(token))[0] == 410
    assert rig.passwords.chosen == [(DANA, GOOD)]


async def test_two_posts_at_once_set_one(rig: Rig, page: Page) -> None:
    token, begun, done = await rig.link(), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        begun.set()
        await done.wait()

    rig.passwords.before_set = hold
    first = asyncio.create_task(page.choose(token, GOOD))
    await begun.wait()
    status, text = await page.choose(token, BETTER)
    assert status == 409
    assert "in use at this moment" in text
    done.set()
    assert (await first)[0] == 200
    assert rig.passwords.chosen == [(DANA, GOOD)]


async def test_each_end_of_a_link_is_said(rig: Rig, page: Page) -> None:
    assert "do not know this link" in (await page.look("0" * 64))[1]
    withdrawn = await rig.link("k1")
    expired = await rig.link("k2")
    assert "no longer valid" in (await page.look(withdrawn))[1]
    rig.clock.advance(TEN_MINUTES)
    for status, text in (await page.look(expired), await page.choose(expired, GOOD)):
        assert status == 410
        assert "has run out" in text
    assert rig.passwords.chosen == []


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (Refused("password_too_short"), 400, "too short"),
        (Refused("password_too_long"), 400, "too long"),
        (Refused("password_too_simple"), 400, "too simple"),
        (Refused("password_used_before"), 400, "had this password before"),
        (Refused("password_too_young"), 400, "a short while ago"),
        (Refused("password_rejected"), 400, "does not take this password"),
        (Refused("not_permitted", "the right to write userPassword"), 400, "Ask IT support"),
        (Refused("later"), 400, "Ask IT support"),
        (NeedsHuman("ambiguous"), 400, "Ask IT support"),
        (Retry("unreachable"), 503, "Try again in a minute"),
        (Retry("breaker_open"), 503, "Try again in a minute"),
        (OutcomeUnknown("timeout"), 502, "First try to sign in"),
    ],
)
async def test_what_went_wrong_is_said_and_the_link_stays(rig: Rig, page: Page, error: ConnectorError, status: int, said: str) -> None:
    token = await rig.link()
    rig.passwords.fail_next(error, "set_password")
    got, text = await page.choose(token, GOOD)
    assert got == status
    assert said in text
    assert 'role="alert"' in text
    assert error.detail == "" or error.detail not in text
    assert (await page.choose(token, BETTER))[0] == 200


async def test_slips_are_said_before_anybody_is_asked(rig: Rig, page: Page) -> None:
    token = await rig.link()
    for password, again, said in ((GOOD, BETTER, "not the same"), ("", "", "both fields"), ("x" * (LONGEST + 1), None, "too long")):
        status, text = await page.choose(token, password, again)
        assert status == 400
        assert said in text
        assert "x" * 20 not in text
    assert await rig.audited() == []
    for body, kind, expected in (
        (b"password=" + b"x" * LARGEST, "application/x-www-form-urlencoded", 413),
        (b"password=%ff%fe&again=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"&" * 50 + b"password=a", "application/x-www-form-urlencoded", 400),
        (b'{"password": "a"}', "application/json", 415),
    ):
        page.seconds += 60
        response = await page.client.post(f"/reset/{token}", data=body, headers={"Content-Type": kind})
        assert (expected == 413) is ("too long" in await response.text())
        assert response.status == expected
    form = FormData(quote_fields=False)
    form.add_field("password", b"file", filename="f")
    assert (await page.client.post(f"/reset/{token}", data=form)).status == 415
    assert await rig.state(token) == "open"


async def test_too_long_is_said_above_the_form(rig: Rig, page: Page) -> None:
    token = await rig.link()
    for length, expected in ((LONGEST + 1, 400), (LARGEST, 413)):
        status, text = await page.choose(token, "x" * length)
        assert status == expected
        assert "too long for the sign-in system" in text
        assert 'name="again"' in text
    assert (await page.choose(token, GOOD))[0] == 200


async def test_a_password_is_taken_letter_by_letter(rig: Rig, page: Page) -> None:
    token, odd = await rig.link(), "  Ünïcödé & +%41;\t<b>"
    assert (await page.choose(token, odd))[0] == 200
    assert rig.passwords.chosen == [(DANA, odd)]


async def test_another_site_can_send_nothing(rig: Rig, page: Page) -> None:
    token = await rig.link()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        response = await page.client.post(f"/reset/{token}", data={"password": GOOD, "again": GOOD}, headers=headers)
        assert response.status == 403
    assert rig.passwords.chosen == []


async def test_nothing_of_it_is_kept_or_told_by_browsers(rig: Rig, page: Page) -> None:
    token = await rig.link()
    for response in (
        await page.client.get(f"/reset/{token}"),
        await page.client.post(f"/reset/{token}", data={"password": WEAK, "again": WEAK}),
        await page.client.get("/reset/unknown"),
    ):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert "noindex" in response.headers["X-Robots-Tag"]
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        text = await response.text()
        assert "<script" not in text
        assert token not in text
        assert WEAK not in re.sub(r"too short", "", text)
    style = await page.client.get("/console/reset.css")
    assert style.content_type == "text/css"


async def test_a_link_takes_so_many_attempts_a_minute(rig: Rig, page: Page) -> None:
    token = await rig.link()
    for _ in range(TRIES):
        assert (await page.choose(token, WEAK))[0] == 400
    response = await page.client.post(f"/reset/{token}", data={"password": GOOD, "again": GOOD})
    assert response.status == 429
    assert response.headers["Retry-After"] == "60"
    assert (await page.look(token))[0] == 200
    page.seconds += 60
    assert (await page.choose(token, GOOD))[0] == 200


async def test_whoever_guesses_is_stopped_and_keeps_nobody_else_out(rig: Rig, page: Page) -> None:
    token = await rig.link()
    for n in range(MISSES):
        assert (await page.look(f"{n:064}"))[0] == 404
    assert (await page.look("f" * 64))[0] == 429
    assert (await page.choose("f" * 64, GOOD))[0] == 429
    assert (await page.choose(token, GOOD))[0] == 200


async def test_a_link_can_be_opened_while_the_directory_is_down(rig: Rig, page: Page) -> None:
    token = await rig.link()
    rig.people.down = Retry("unreachable")
    status, text = await page.look(token)
    assert (status, "Hello" in text) == (200, False)
    assert (await page.choose(token, GOOD))[0] == 503
    rig.people.down = None
    assert (await page.choose(token, GOOD))[0] == 200


async def test_the_password_is_nowhere_but_in_the_store(
    rig: Rig, page: Page, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Set, refused, lost, and with a store that breaks and tells it in its error."""
    canary = "Kanarienvogel 7 im Stollen"
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        for number, error in enumerate((None, Refused("password_used_before"), OutcomeUnknown("timeout"), ValueError(canary))):
            token = await rig.link(f"k{number}")
            if error is not None:
                rig.passwords.fail_next(error, "set_password")
            _, text = await page.choose(token, canary if error is not None else canary + "!")
            assert canary not in text
        await rig.resets.settle()
    assert rig.passwords.chosen == [(DANA, canary + "!")]
    assert any(line["event"] == "reset_broke" for line in logs)
    events = await rig.audited()
    assert {event["event"] for event in events} == {"password_set", "password_set_refused", "password_set_unknown"}
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(b"password_set_refused" in content for content in files)  # the control: what is written is found
    for kept in (*files, str(logs), caplog.text, str(events), str(rig.mailbox.mails), *capfd.readouterr()):
        for form in (canary, canary.replace(" ", "+"), canary.replace(" ", "%20")):
            assert (form.encode() if isinstance(kept, bytes) else form) not in kept
    # A link is the mailbox's alone, too.
    for token in rig.mailbox.links:
        for kept in (*files, str(logs), caplog.text, str(events)):
            assert (token.encode() if isinstance(kept, bytes) else token) not in kept


async def test_a_link_that_is_pasted_into_a_chat_is_not_kept(rig: Rig) -> None:
    token = await rig.link()
    for said in (f"it says https://foyer.example/reset/{token} does not work", f"/reset/{token}"):
        cleaned = without_secrets(said)
        assert token not in cleaned
        assert REMOVED in cleaned


def test_every_state_has_its_words_and_its_status() -> None:
    keys = MESSAGES.keys()
    for state in STATUS:
        if state not in WITH_FORM:
            assert MESSAGES.has(f"reset.title.{state}")
            assert MESSAGES.has(f"reset.text.{state}")
    for code in ("later", "doubtful", "other", "missing", "different"):
        assert MESSAGES.has(f"reset.problem.{code}")
    for said in ("short", "long", "simple", "used_before", "young", "rejected"):
        assert any(key.startswith("reset.problem.password_") and key.endswith(said) for key in keys)
