"""The pages outside the chat: confirming who one is, one's own mailbox, and the other company's password page."""

from datetime import timedelta

import pytest

from connectors.sandbox.accounts import LinkState
from tests.bot.console.conftest import Client, Console

GOOD = "a river of 7 stones"


async def test_opening_the_link_decides_nothing(console: Console) -> None:
    nobody = await console.enter("")
    for _ in range(3):
        page = await nobody.get("/step-up/open")
        assert page.status == 200
        assert "Yes, that was me" in await page.text()
    assert (await nobody.head("/step-up/open")).status == 200
    assert console.step_ups.state == "pending"


@pytest.mark.parametrize(("answer", "state"), [("yes", "passed"), ("no", "refused")])
async def test_a_button_answers_once(console: Console, answer: str, state: str) -> None:
    nobody = await console.enter("")
    assert (await nobody.post("/step-up/open", data={"answer": answer})).status == 200
    assert console.step_ups.state == state
    again = await nobody.post("/step-up/open", data={"answer": "yes"})
    assert again.status == 410
    assert console.step_ups.state == state
    assert (await nobody.get("/step-up/open")).status == 410


async def test_unknown_links_and_answers_change_nothing(console: Console) -> None:
    nobody = await console.enter("")
    assert (await nobody.get("/step-up/unknown")).status == 410
    assert (await nobody.post("/step-up/unknown", data={"answer": "yes"})).status == 410
    assert (await nobody.post("/step-up/open", data={"answer": "perhaps"})).status == 400
    assert (await nobody.post("/step-up/open", data={"answer": "yes"}, headers={"Origin": "https://evil.example"})).status == 403
    assert console.step_ups.state == "pending"


async def test_what_the_step_up_page_shows_is_escaped(console: Console) -> None:
    nobody = await console.enter("")
    page = await nobody.get("/step-up/open")
    text = await page.text()
    assert "<script>" not in text
    assert "Dana &lt;b&gt;" in text
    # The own form must be able to say where it comes from, and other sites learn nothing.
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


async def test_everybody_reads_their_own_mail_only(console: Console) -> None:
    entry = await console.company.people.by_email("dana@acme.example")
    assert entry is not None
    await console.company.enrolled.send(entry.key, subject="First", text="one", key="k1")
    await console.company.enrolled.send(entry.key, subject="Second", text="two", link="http://127.0.0.1/x", key="k2")
    dana, omar, nobody = await console.enter("dana"), await console.enter("omar"), await console.enter("")
    mails = (await (await dana.get("/api/v1/sandbox/inbox")).json())["mails"]
    assert [(mail["subject"], mail["link"]) for mail in mails] == [("Second", "http://127.0.0.1/x"), ("First", None)]
    assert (await (await omar.get("/api/v1/sandbox/inbox")).json())["mails"] == []
    assert (await nobody.get("/api/v1/sandbox/inbox")).status == 401


async def link_of(console: Console) -> str:
    """The path of a fresh reset link of Dana's."""
    entry = await console.company.people.by_email("dana@acme.example")
    assert entry is not None
    await console.company.accounts.send_reset_link(entry.key, lifetime=timedelta(minutes=10), key="reset")
    link = (await console.company.inbox(entry.key))[-1].link
    assert link is not None
    return "/sandbox/reset/" + link.rsplit("/", 1)[1]


async def redeem(client: Client, path: str, password: str, again: str | None = None) -> tuple[int, str]:
    response = await client.post(path, data={"password": password, "again": password if again is None else again})
    return response.status, await response.text()


async def test_a_new_password_is_set_once(console: Console) -> None:
    nobody, path = await console.enter(""), await link_of(console)
    page = await nobody.get(path)
    assert page.status == 200
    assert "ACME" in await page.text()
    assert "Foyer" not in await page.text()
    status, text = await redeem(nobody, path, GOOD)
    assert status == 200
    assert "Password changed" in text
    assert GOOD not in text
    assert (await redeem(nobody, path, GOOD + "!"))[0] == 410
    assert (await nobody.get(path)).status == 410


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "dana whitfield 1!", "x" * 500, "", "\x00" * 20])
async def test_a_weak_password_leaves_the_link_open(console: Console, password: str) -> None:
    nobody, path = await console.enter(""), await link_of(console)
    status, text = await redeem(nobody, path, password)
    assert status == 400
    assert 'role="alert"' in text
    assert await console.company.reset_link(path.rsplit("/", 1)[1]) is LinkState.OPEN


async def test_two_different_entries_are_asked_for_again(console: Console) -> None:
    nobody, path = await console.enter(""), await link_of(console)
    status, text = await redeem(nobody, path, GOOD, GOOD + "x")
    assert status == 400
    assert "not the same" in text


async def test_an_unknown_link_is_a_page_not_an_error(console: Console) -> None:
    nobody = await console.enter("")
    assert (await nobody.get("/sandbox/reset/nonsense")).status == 410
    assert (await redeem(nobody, "/sandbox/reset/nonsense", GOOD))[0] == 410
    assert (await redeem(nobody, "/sandbox/reset/nonsense", GOOD, "other"))[0] == 410


async def test_style_sheets_are_served_with_their_type(console: Console) -> None:
    nobody = await console.enter("")
    for path in ("/console/step_up.css", "/sandbox/pages.css"):
        response = await nobody.get(path)
        assert response.status == 200
        assert response.content_type == "text/css"
