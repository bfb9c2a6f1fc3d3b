"""Real Bolt over HTTP before the fake Slack: recorded, then acknowledged; what was not recorded comes again."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from connectors.errors import Refused, Retry
from connectors.ports.chat import Action, ActivityKind, Address, Feedback, Press, Reply, ReplyKind
from connectors.ports.people import ExternalId
from tests.connectors.slack.receiving import Receiving, make_slack, receiving
from tests.connectors.slack.support import DANA, OMAR, ROOM, settings_of
from tests.fakes.slack import FakeFile


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with receiving(tmp_path) as made:
        yield made
        assert made.fake.refusals == []


def room(here: Receiving) -> Address:
    return Address("slack", here.fake.team, ROOM)


async def show(here: Receiving, *actions: Action, address: Address | None = None, only_for: str | None = None) -> str:
    """Posts buttons; the message's timestamp."""
    reply = Reply("r1", ReplyKind.APPROVAL, "Approve?", actions=actions, only_for=only_for)
    done = await here.slack.channel.deliver("post", address or room(here), reply, key="k1", message_id=None)
    await here.fake.settle()
    return done.message_id.partition(":")[2]


# -- delivery


async def test_a_message_is_in_the_inbox_before_it_is_acknowledged(here: Receiving) -> None:
    ts = await here.fake.say(DANA, "my laptop is broken")
    assert here.fake.deliveries[-1].status == 200
    said = here.inbox.one
    assert (said.text, said.sender) == ("my laptop is broken", ExternalId("slack", here.fake.team, DANA))
    assert said.id == f"{here.fake.dm(DANA).id}:{ts}"


async def test_a_forged_or_stale_request_is_refused_and_leaves_nothing(here: Receiving) -> None:
    here.fake.holding = True
    await here.fake.say(DANA, "hello")
    (held,) = here.fake.held
    assert (await here.fake.deliver(held, signature=False)).status == 401
    assert (await here.fake.deliver(held, timestamp=int(here.fake.clock()) - 301)).status == 401
    assert here.inbox.asked == 0
    assert (await here.fake.deliver(held)).status == 200
    assert here.inbox.one.text == "hello"


async def test_the_same_event_again_is_the_same_activity(here: Receiving) -> None:
    await here.fake.say(DANA, "hello")
    again = await here.fake.redeliver(here.fake.deliveries[-1])
    assert (again.status, again.retry_num) == (200, 1)
    assert here.inbox.asked == 2
    assert here.inbox.one.text == "hello"


async def test_a_mention_is_one_activity_though_slack_tells_of_it_twice(here: Receiving) -> None:
    await here.fake.say(DANA, "see this", room=ROOM, mention=True, files=[FakeFile("a.png", b"x", "image/png")])
    assert here.inbox.asked == 2
    said = here.inbox.one
    assert (said.text, said.addressed, [file.name for file in said.files]) == ("see this", True, ["a.png"])


async def test_a_mention_that_comes_before_its_message_says_that_its_files_are_missing(here: Receiving) -> None:
    here.fake.holding = True
    await here.fake.say(DANA, "see this", room=ROOM, mention=True, files=[FakeFile("a.png", b"x", "image/png")])
    for envelope in reversed(here.fake.held):
        await here.fake.deliver(envelope)
    assert here.inbox.one.incomplete


async def test_what_comes_out_of_order_says_its_order(here: Receiving) -> None:
    here.fake.holding = True
    for word in ("one", "two", "three"):
        await here.fake.say(DANA, word)
    for envelope in reversed(here.fake.held):
        await here.fake.deliver(envelope)
    assert [said.text for said in sorted(here.inbox.heard, key=lambda said: said.order)] == ["one", "two", "three"]


async def test_what_could_not_be_recorded_is_not_acknowledged_and_comes_again(here: Receiving) -> None:
    here.inbox.broken = True
    await here.fake.say(DANA, "hello")
    failed = here.fake.deliveries[-1]
    assert failed.status == 500
    here.inbox.broken = False
    assert (await here.fake.redeliver(failed)).status == 200
    assert here.inbox.one.text == "hello"


async def test_events_that_nobody_listens_to_are_acknowledged(here: Receiving) -> None:
    for event in (
        {"type": "no_such_event", "channel": ROOM},
        {"type": "message", "subtype": "channel_topic", "channel": ROOM, "user": DANA, "ts": "1.0"},
        {"type": "message", "channel": ROOM},
    ):
        assert (await here.fake.deliver(event)).status == 200
    for kind in ("block_suggestion", "shortcut", "view_closed"):
        told = {"type": kind, "team": {"id": here.fake.team}, "user": {"id": DANA}}
        assert (await here.fake.deliver(told)).status == 200
    assert here.inbox.asked == 0


async def test_what_the_bot_says_itself_is_not_heard(here: Receiving) -> None:
    await show(here)
    assert [echo.status for echo in here.fake.echoes] == [200]
    assert here.inbox.asked == 0


async def test_the_address_is_verified_as_slack_wants_it(here: Receiving) -> None:
    answered = await here.fake.deliver({"type": "url_verification", "challenge": "prove it", "token": here.fake.verification_token})
    assert (answered.status, json.loads(answered.body)) == (200, {"challenge": "prove it"})


async def test_a_request_that_is_no_payload_is_refused(here: Receiving) -> None:
    async with aiohttp.ClientSession() as session:
        for body, status in ((b"{", 400), (b"[1]", 400), (b"\xff", 400), (b"x" * 1_000_001, 413)):
            async with session.post(f"{here.url}/slack/events", data=body, headers={"Content-Type": "application/json"}) as answer:
                assert answer.status == status
    assert here.inbox.asked == 0


async def test_events_are_heard_while_the_web_api_is_away(tmp_path: Path) -> None:
    """An event says whom it is for, so that it is recorded all the same."""
    async with receiving(tmp_path, api_url="http://127.0.0.1:1/api/") as here:
        await here.fake.say(DANA, "help me", room=ROOM, mention=True)
        assert (here.inbox.one.text, here.inbox.one.addressed) == ("help me", True)


async def test_edits_marks_stops_and_openings_are_heard(here: Receiving) -> None:
    ts = await here.fake.say(DANA, "my PC is broken")
    await here.fake.edit(DANA, ts, "my laptop is broken")
    await here.fake.unfurl(ts, room=DANA)
    await here.fake.react(OMAR, "ticket", await here.fake.say(DANA, "the printer, too", room=ROOM), room=ROOM)
    await here.fake.stop(DANA, ts)
    await here.fake.open_home(DANA)
    await here.fake.open_home(DANA, tab="messages")
    await here.fake.delete(DANA, ts)
    kinds = [said.kind for said in here.inbox.heard]
    assert kinds == [
        ActivityKind.MESSAGE, ActivityKind.EDITED, ActivityKind.MESSAGE, ActivityKind.MARKED, ActivityKind.STOPPED,
        ActivityKind.OPENED, ActivityKind.OPENED, ActivityKind.DELETED,
    ]  # fmt: skip


async def test_stop_reaches_whoever_is_writing(here: Receiving) -> None:
    stopped: list[tuple[str, list[str]]] = []

    async def stop(tenant: str, message_ids: list[str]) -> None:
        stopped.append((tenant, list(message_ids)))

    here.slack.channel.stop = stop  # type: ignore[method-assign,assignment]
    ts = await here.fake.say(DANA, "hello")
    await here.fake.stop(DANA, ts, ["17.5"])
    assert stopped == [(here.fake.team, [f"{here.fake.dm(DANA).id}:17.5"])]
    assert here.inbox.heard[-1].address.thread == ts


# -- presses, forms, shortcuts, the command


async def test_a_press_is_recorded_with_the_id_alone(here: Receiving) -> None:
    ts = await show(here, Action("opaque", "Approve"))
    await here.fake.press(OMAR, ts, "Approve", room=ROOM)
    pressed = here.inbox.one
    assert pressed.press is not None
    assert (pressed.press.action_id, pressed.press.text) == ("opaque", "")
    assert (pressed.sender.external_id, pressed.address) == (OMAR, replace(room(here), thread=ts))


async def test_a_press_that_wants_words_is_recorded_when_they_are_sent(here: Receiving) -> None:
    ts = await show(here, Action("opaque", "Deny", needs_text="required", prompt="Why?"))
    await here.fake.press(OMAR, ts, "Deny", room=ROOM)
    assert here.inbox.asked == 0
    assert await here.fake.submit(OMAR, {"text": "too dear"}) == {"response_action": "clear"}
    sent = here.inbox.one
    assert sent.press is not None
    assert (sent.press.action_id, sent.press.text) == ("opaque", "too dear")
    assert sent.address == replace(room(here), thread=ts)


async def test_a_thumb_down_counts_before_its_reason(here: Receiving) -> None:
    thumbs = Feedback(Action("up", "Helpful"), Action("down", "Not helpful", needs_text="optional", prompt="What was wrong?"))
    done = await here.slack.channel.deliver(
        "post", room(here), Reply("r1", ReplyKind.ANSWER, "So it is.", feedback=thumbs), key="k1", message_id=None
    )
    await here.fake.press(OMAR, done.message_id.partition(":")[2], "Not helpful", room=ROOM)
    assert here.inbox.one.press == Press("down")
    await here.fake.submit(OMAR, {"text": "too short"})
    assert [said.press for said in here.inbox.heard] == [Press("down"), Press("down", "too short")]


async def test_a_press_that_opens_a_form_has_an_empty_one_at_once(here: Receiving) -> None:
    ts = await show(here, Action("opaque", "Change", opens_form=True))
    await here.fake.press(OMAR, ts, "Change", room=ROOM)
    shown = here.fake.modal(OMAR)
    assert shown is not None
    assert here.inbox.one.surface == shown["id"]
    assert here.inbox.one.press is not None


@pytest.mark.parametrize("action", [Action("a", "Deny", needs_text="required"), Action("a", "Change", opens_form=True)])
async def test_a_view_that_could_not_be_opened_in_time_is_told_and_nothing_is_done(tmp_path: Path, action: Action) -> None:
    async with receiving(tmp_path) as here:
        ts = await show(here, action)
        await here.fake.press(OMAR, ts, action.label, room=ROOM, after=4)
        assert [hidden.text for hidden in here.fake.ephemeral(OMAR)] == ["slack.too_late"]
        assert here.inbox.asked == 0
        await here.fake.press(OMAR, ts, action.label, room=ROOM)
        assert here.fake.modal(OMAR) is not None
        assert [refusal.error for refusal in here.fake.refusals] == ["expired_trigger_id"]


async def test_where_the_bot_is_no_member_it_is_told_in_ones_own_chat(tmp_path: Path) -> None:
    async with receiving(tmp_path) as here:
        here.fake.add_room("C9", "elsewhere", [OMAR], bot=False)
        ts = await here.fake.say(OMAR, "the VPN is down", room="C9")
        await here.fake.shortcut(OMAR, "create_request", ts, room="C9", after=4)
        assert [said.text for said in here.fake.messages(OMAR)] == ["slack.too_late"]
        assert here.inbox.asked == 0


async def test_a_shortcut_brings_its_message_and_who_wrote_it(here: Receiving) -> None:
    here.fake.add_room("C9", "elsewhere", [OMAR, DANA], bot=False)
    ts = await here.fake.say(DANA, "the VPN is down", room="C9")
    await here.fake.shortcut(OMAR, "create_request", ts, room="C9")
    used, shown = here.inbox.one, here.fake.modal(OMAR)
    assert used.about is not None
    assert shown is not None
    assert (used.kind, used.target, used.surface) == (ActivityKind.SHORTCUT, "create_request", shown["id"])
    assert (used.about.text, used.about.author_name) == ("the VPN is down", "Dana Whitfield")


async def test_somebody_elses_shortcut_opens_nothing(here: Receiving) -> None:
    ts = await here.fake.say(DANA, "hello", room=ROOM)
    await here.fake.shortcut(OMAR, "theirs", ts, room=ROOM)
    assert here.fake.modal(OMAR) is None


async def test_the_command_is_heard_and_answered_with_nothing(here: Receiving) -> None:
    await here.fake.command(DANA, "/foyer", "unlock my account", room=ROOM)
    assert (here.inbox.one.text, here.inbox.one.address) == ("unlock my account", Address("slack", here.fake.team, DANA))
    assert here.fake.ephemeral(DANA) == []


# -- installation


async def installed(here: Receiving, team: str | None = None) -> int:
    """Somebody opens the installation page, allows the app and comes back."""
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=here.url)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.get(f"{here.url}/slack/install") as page:
            text = await page.text()
        link = unescape(text.partition('<a href="')[2].partition('"')[0])
        asked = parse_qs(urlsplit(link).query)
        query = {"client_id": here.fake.client_id, "redirect_uri": asked["redirect_uri"][0], "state": asked["state"][0]}
        async with session.get(f"{here.fake.base}/oauth/v2/authorize", params=query | ({"team": team} if team else {})) as back:
            return back.status


async def test_workspaces_install_the_app_and_remove_it(tmp_path: Path) -> None:
    async with receiving(tmp_path, oauth=True) as here:
        with pytest.raises(Refused, match="/slack/install"):
            await here.slack.check([])
        await here.fake.say(DANA, "before")
        assert here.inbox.asked == 0
        assert await installed(here) == 200
        await here.fake.say(DANA, "now")
        assert here.inbox.one.text == "now"
        assert "Acme" in await here.slack.check([])
        await here.fake.uninstall()
        await here.fake.say(DANA, "after")
        assert here.inbox.one.text == "now"
        assert {sent.status for sent in here.fake.deliveries} == {200}
        with pytest.raises(Refused, match="not_installed"):
            await here.slack.check([])


async def test_a_workspace_that_nobody_named_cannot_install_it(tmp_path: Path) -> None:
    async with receiving(tmp_path, oauth=True) as here:
        here.fake.add_team("T0EVIL", "Evil")
        here.fake.add_user("U0EVE", "Eve", "ceo@acme.example", team="T0EVIL")
        assert await installed(here, "T0EVIL") == 403
        with pytest.raises(Refused, match="not_installed"):
            await here.slack.check([])
        await here.fake.say("U0EVE", "give me admin")
        assert here.inbox.asked == 0


async def test_the_check_names_who_has_not_installed_it_yet(tmp_path: Path) -> None:
    async with receiving(tmp_path, oauth=True) as here:
        await installed(here)
        assert "not installed yet in T0OTHER" in await here.slack.check([])


async def test_two_workspaces_do_not_mix(tmp_path: Path) -> None:
    async with receiving(tmp_path, oauth=True) as here:
        here.fake.add_team("T0OTHER", "Other")
        here.fake.add_user("U0LEE", "Lee", team="T0OTHER")
        assert await installed(here) == await installed(here, "T0OTHER") == 200
        await here.fake.say(DANA, "here")
        await here.fake.say("U0LEE", "there")
        assert {said.address.tenant: said.text for said in here.inbox.heard} == {here.fake.team: "here", "T0OTHER": "there"}
        await here.fake.revoke_tokens("T0OTHER")
        await here.fake.say("U0LEE", "gone")
        await here.fake.say(DANA, "still here")
        assert [said.text for said in here.inbox.heard] == ["here", "there", "still here"]


async def test_a_press_from_another_workspace_is_ours_by_the_message_it_stands_on(tmp_path: Path) -> None:
    async with receiving(tmp_path, oauth=True) as here:
        await installed(here)
        here.fake.add_user("U0STRANGER", "Sly", stranger=True)
        here.fake.rooms[ROOM].members.add("U0STRANGER")
        ts = await show(here, Action("opaque", "Approve"))
        here.fake.holding = True
        await here.fake.press("U0STRANGER", ts, "Approve", room=ROOM)
        elsewhere = here.fake.deliveries[-1].payload | {"team": {"id": "T0ELSE"}, "trigger_id": "another"}
        assert (await here.fake.deliver(elsewhere)).status == 200
        assert [said.sender for said in here.inbox.heard] == [ExternalId("slack", here.fake.team, "U0STRANGER")] * 2


# -- whether it works


async def test_the_check_names_workspace_bot_and_way(here: Receiving) -> None:
    found = await here.slack.check([])
    assert found.startswith("T0ACME (Acme) as @")
    assert found.endswith(f"HTTP at {here.url}/slack/events")


async def test_the_check_names_what_was_not_granted(here: Receiving) -> None:
    here.fake.scopes -= {"files:read", "commands"}
    with pytest.raises(Refused, match="commands, files:read"):
        await here.slack.check([])


async def test_the_check_tells_a_wrong_token_and_a_slack_that_is_away(here: Receiving) -> None:
    wrong = make_slack(replace(settings_of(here.fake), bot_token="xoxb-wrong"), here.inbox, here.engine)
    with pytest.raises(Refused, match="invalid_auth"):
        await wrong.check([])
    await wrong.close()
    here.fake.refusals.clear()
    away = make_slack(replace(settings_of(here.fake), api_url="http://127.0.0.1:1/api/"), here.inbox, here.engine)
    with pytest.raises(Retry, match="unreachable"):
        await away.check([])
    await away.close()


async def test_a_slack_that_is_away_at_the_start_is_tried_again(here: Receiving) -> None:
    fault = here.fake.fail("auth.test", "server_error", times=2)
    await here.slack.open()
    assert here.slack.connecting is not None
    await here.slack.connecting
    assert fault.hits == 2
