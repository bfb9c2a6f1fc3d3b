"""Buttons, forms, the home page, shortcuts and commands, answered by a real Bolt app."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.fakes.heard import Heard, asked, buttons, form, until
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.delivery import NotAcked


async def test_buttons(fake: FakeSlack, heard: Heard) -> None:
    posted = await heard.client.chat_postMessage(channel="U0ANN", text="Well?", unfurl_links=False, blocks=[buttons("Yes", "No")])
    await fake.press("U0ANN", posted["ts"], "No")
    [body] = heard.bodies
    assert body["actions"][0]["value"] == "No"
    assert body["container"] == {"type": "message", "message_ts": posted["ts"], "channel_id": "D0ANN", "is_ephemeral": False}
    with pytest.raises(AssertionError, match="no button 'Maybe'"):
        await fake.press("U0ANN", posted["ts"], "Maybe")
    heard.status = 500
    with pytest.raises(NotAcked):
        await fake.press("U0ANN", posted["ts"], "go-Yes")


async def test_an_ephemeral_message_changes_by_its_response_url(fake: FakeSlack, heard: Heard) -> None:
    told = await heard.client.chat_postEphemeral(channel="C0HELP", user="U0ANN", text="Well?", blocks=[buttons("Yes")])
    await fake.press("U0ANN", told["message_ts"], "Yes", room="C0HELP")
    [body] = heard.bodies
    assert body["container"]["is_ephemeral"]
    assert "message" not in body
    async with aiohttp.ClientSession() as session:
        for _ in range(5):
            async with session.post(body["response_url"], json={"replace_original": True, "text": "Done"}) as answer:
                assert answer.status == 200
        [shown] = fake.ephemeral("U0ANN")
        assert (shown.text, shown.blocks) == ("Done", [])
        async with session.post(body["response_url"], json={"delete_original": True}) as answer:
            assert answer.status == 404
    assert [refusal.error for refusal in fake.refusals] == ["used_url"]


async def test_forms(fake: FakeSlack, heard: Heard) -> None:
    posted = await heard.client.chat_postMessage(channel="U0ANN", text="Well?", unfurl_links=False, blocks=[buttons("Open")])
    heard.view = form(asked("name"), notify_on_close=True)
    await fake.press("U0ANN", posted["ts"], "Open")
    await until(lambda: fake.modal("U0ANN"))
    with pytest.raises(AssertionError, match="Name is required"):
        await fake.submit("U0ANN", {})
    with pytest.raises(AssertionError, match="11 characters"):
        await fake.submit("U0ANN", {"Name": "x" * 11})
    heard.answer = {"response_action": "errors", "errors": {"name": "Not so"}}
    assert await fake.submit("U0ANN", {"Name": "Ann"}) == heard.answer
    assert heard.bodies[-1]["view"]["state"]["values"] == {"name": {"value": {"type": "plain_text_input", "value": "Ann"}}}
    heard.answer = {"response_action": "push", "view": form(asked("reason"))}
    await fake.submit("U0ANN", {"name": "Ann"})
    heard.answer = {"response_action": "update", "view": form(asked("other"))}
    await fake.submit("U0ANN", {"reason": "So"})
    assert "Other" in fake.text_of(fake.modal("U0ANN") or {})
    heard.answer = {}
    await fake.submit("U0ANN", {"other": "So"})
    assert "Name" in fake.text_of(fake.modal("U0ANN") or {})
    await fake.close_view("U0ANN")
    assert heard.bodies[-1]["type"] == "view_closed"
    assert fake.modal("U0ANN") is None
    assert fake.refusals == []


async def test_errors_of_a_form_must_name_its_inputs(fake: FakeSlack, heard: Heard) -> None:
    posted = await heard.client.chat_postMessage(channel="U0ANN", text="Well?", unfurl_links=False, blocks=[buttons("Open")])
    heard.view, heard.answer = form(asked("name")), {"response_action": "errors", "errors": {"surname": "Not so"}}
    await fake.press("U0ANN", posted["ts"], "Open")
    await until(lambda: fake.modal("U0ANN"))
    await fake.submit("U0ANN", {"name": "Ann"})
    assert [refusal.error for refusal in fake.refusals] == ["invalid_errors"]


async def test_triggers_and_hashes(fake: FakeSlack, heard: Heard) -> None:
    posted = await heard.client.chat_postMessage(channel="U0ANN", text="Well?", unfurl_links=False, blocks=[buttons("Open")])

    async def open_by(trigger: str) -> Any:
        return await heard.client.views_open(trigger_id=trigger, view=form(asked("name")))

    async def pressed(after: float) -> str:
        await fake.press("U0ANN", posted["ts"], "Open", after=after)
        return str(heard.bodies[-1]["trigger_id"])

    for trigger, error in ((await pressed(4), "expired_trigger_id"), ("made.up", "invalid_trigger_id")):
        with pytest.raises(SlackApiError, match=error):
            await open_by(trigger)
    trigger = await pressed(0)
    view = (await open_by(trigger))["view"]
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await open_by(trigger)
    await heard.client.views_update(view_id=view["id"], hash=view["hash"], view=form(asked("reason")))
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await heard.client.views_update(view_id=view["id"], hash=view["hash"], view=form(asked("name")))
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await heard.client.views_update(view_id=view["id"], view={**form(asked("name")), "title": {"type": "plain_text", "text": "x" * 25}})
    with pytest.raises(SlackApiError, match="not_found"):
        await heard.client.views_update(view_id="V0NONE", view=form(asked("name")))
    told = [refusal.error for refusal in fake.refusals]
    assert told == [
        "expired_trigger_id", "invalid_trigger_id", "exchanged_trigger_id", "hash_conflict", "invalid_arguments", "not_found",
    ]  # fmt: skip


async def test_the_home_page(fake: FakeSlack, heard: Heard) -> None:
    await heard.client.views_publish(user_id="U0ANN", view={"type": "home", "blocks": [buttons("Ask"), buttons("Leave")]})
    await fake.open_home("U0ANN")
    assert fake.deliveries[-1].payload["event"]["view"]["id"] == (fake.home("U0ANN") or {})["id"]
    await fake.press_home("U0ANN", "Leave")
    [body] = heard.bodies
    assert body["container"]["type"] == "view"
    assert "response_url" not in body


async def test_shortcuts_commands_reactions_and_stop(fake: FakeSlack, heard: Heard) -> None:
    ts = await fake.say("U0ANN", "Broken", room="C0HELP")
    await fake.shortcut("U0BOB", "make_request", ts, room="C0HELP")
    await fake.command("U0BOB", "/foyer", "hello", "C0HELP")
    assert [m.text for m in fake.ephemeral("U0BOB")] == ["You said hello"]
    assert [body.get("message", {}).get("text") for body in heard.bodies] == ["Broken", None]
    await fake.react("U0BOB", "ticket", ts, room="C0HELP")
    asked = await fake.say("U0ANN", "Why?")
    stream = await heard.client.chat_stream(channel="D0ANN", thread_ts=asked, buffer_size=1)
    await stream.append(markdown_text="x")
    await fake.stop("U0ANN", asked)
    assert fake.deliveries[-1].payload["event"]["streaming_message_ts"] == [stream.ts]
    await fake.uninstall()
    await until(lambda: len(heard.events) == 6)
    with pytest.raises(SlackApiError, match="account_inactive"):
        await heard.client.auth_test()
    assert all(sent.acked for sent in fake.deliveries)
