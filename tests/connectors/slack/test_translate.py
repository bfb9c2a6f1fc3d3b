"""Slack's own payloads (the ones that slack-bolt is tested with, in payloads.jsonl), and what becomes of each."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ports.chat import Action, Activity, ActivityKind, Address
from connectors.ports.people import ExternalId
from connectors.slack.buttons import ButtonValue
from connectors.slack.plain import LONGEST, plain
from connectors.slack.translate import Context, translate
from connectors.slack.views import text_view
from tests.connectors.slack.support import WORDING

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HERE = Context(NOW, me="W111")
PAYLOADS = [json.loads(line) for line in (Path(__file__).parent / "payloads.jsonl").read_text(encoding="utf-8").splitlines()]
KINDS = {
    "app_mention_event_body": ActivityKind.MESSAGE,
    "org_app_mention_event_body": ActivityKind.MESSAGE,
    "message_body": ActivityKind.MESSAGE,
    "message_body2": ActivityKind.MESSAGE,
    "message_body3": ActivityKind.MESSAGE,
    "user_message_event_payload": ActivityKind.MESSAGE,
    "test_message_changed.py": ActivityKind.EDITED,
    "test_message_deleted.py": ActivityKind.DELETED,
    "test_message_file_share.py": ActivityKind.MESSAGE,
    "test_message_thread_broadcast.py": ActivityKind.MESSAGE,
}
"""By name or file: what is for us. Everything else there is somebody else's business."""


def body_of(case: dict[str, Any]) -> dict[str, Any]:
    return dict(case["payload"]) if "payload" in case else dict(parse_qsl(case["payload_form"]))


@pytest.mark.parametrize("case", PAYLOADS, ids=lambda case: f"{case['file']}:{case['name']}")
def test_every_payload_of_slacks_own_is_understood_or_left_alone(case: dict[str, Any]) -> None:
    found = translate(body_of(case), Context(NOW, me="UB111"))
    wanted = KINDS.get(case["name"]) or KINDS.get(case["file"])
    assert (found.kind if found is not None else None) == wanted


def event(inner: dict[str, Any], **more: Any) -> dict[str, Any]:
    authorizations = [{"team_id": "T1", "user_id": "W111", "is_bot": True}]
    return {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": "Ev1",
        "event_time": 1,
        "authorizations": authorizations,
        "event": inner,
    } | more


def message(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "channel": "C1",
        "channel_type": "channel",
        "user": "U1",
        "text": text,
        "ts": "100.5",
        "event_ts": "100.5",
    } | more


def heard(inner: dict[str, Any], context: Context = HERE, **more: Any) -> Activity:
    found = translate(event(inner, **more), context)
    assert found is not None
    return found


def test_a_direct_message_is_in_the_room_of_its_person() -> None:
    said = heard(message(channel="D9", channel_type="im"))
    assert said.address == Address("slack", "T1", "U1", "100.5")
    assert (said.id, said.order, said.addressed, said.in_thread) == ("D9:100.5", "100.5", True, False)
    assert said.at == datetime.fromtimestamp(100.5, UTC)


def test_a_reply_in_a_direct_chat_is_in_its_thread() -> None:
    said = heard(message(channel="D9", channel_type="im", thread_ts="90.1"))
    assert (said.address.thread, said.in_thread) == ("90.1", True)


def test_in_a_room_only_a_mention_is_addressed_and_it_is_taken_out() -> None:
    assert not heard(message("my laptop broke")).addressed
    mentioned = heard(message("<@W111> my laptop broke"))
    assert (mentioned.addressed, mentioned.text) == (True, "my laptop broke")
    assert not heard(message("<@W1111> look")).addressed


def test_a_mention_and_its_message_are_one_thing() -> None:
    twin = message(
        "<@W111> look", files=[{"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 3, "url_private_download": "https://f"}]
    )
    whole = heard(twin)
    short = heard({name: value for name, value in twin.items() if name not in ("files", "channel_type")} | {"type": "app_mention"})
    assert whole.id == short.id
    assert (whole.incomplete, short.incomplete) == (False, True)
    assert whole.files[0].url == "https://f"
    assert short.addressed


ITEM = {"type": "message", "channel": "C1", "ts": "1.0"}
MARK = {"type": "reaction_added", "user": "U2", "reaction": "ticket", "item": ITEM, "event_ts": "2.0"}


@pytest.mark.parametrize(
    "inner",
    [
        message(bot_id="B1"),
        message(subtype="bot_message", bot_id="B1"),
        message(user="W111"),
        message(user="USLACKBOT"),
        message(subtype="channel_join"),
        message(subtype="message_changed", message=message(bot_id="B1", edited={}), previous_message={}),
        MARK | {"reaction": "eyes"},
        MARK | {"user": "W111"},
        {"type": "app_uninstalled"},
        {"type": "tokens_revoked", "tokens": {"bot": ["W111"]}},
        {"type": "no_such_event"},
    ],
)  # fmt: skip
def test_what_is_nobodys_business(inner: dict[str, Any]) -> None:
    assert translate(event(inner), HERE) is None


def changed(before: str, after: str, **more: Any) -> dict[str, Any]:
    new = message(after, ts="100.5", **more)
    return message(subtype="message_changed", ts="130.0", event_ts="130.0", message=new, previous_message=message(before))


def test_an_edit_is_about_its_message_and_an_unfurled_link_is_none() -> None:
    edited = heard(changed("my PC", "my laptop", edited={"user": "U1", "ts": "130.0"}))
    assert (edited.kind, edited.target, edited.text, edited.order) == (ActivityKind.EDITED, "C1:100.5", "my laptop", "130.0")
    assert edited.address.thread == "100.5"
    assert translate(event(changed("see x", "see x", edited={"user": "U1", "ts": "130.0"})), HERE) is None
    assert translate(event(changed("see x", "see y")), HERE) is None


def test_a_second_edit_is_another_activity_and_its_redelivery_the_same() -> None:
    first = changed("a", "b", edited={"user": "U1", "ts": "130.0"})
    second = first | {"event_ts": "140.0"}
    assert heard(first).id == heard(first, event_id="Ev9").id != heard(second).id


def test_a_deletion_is_its_authors_and_so_is_the_tombstone_of_a_thread() -> None:
    gone = message(subtype="message_deleted", ts="130.0", event_ts="130.0", deleted_ts="100.5", previous_message=message("x"))
    assert (heard(gone).kind, heard(gone).target, heard(gone).sender) == (ActivityKind.DELETED, "C1:100.5", ExternalId("slack", "T1", "U1"))
    tombstone = changed("x", "This message was deleted.", subtype="tombstone")
    tombstone["message"]["user"] = "USLACKBOT"
    assert (heard(tombstone).kind, heard(tombstone).sender.external_id) == (ActivityKind.DELETED, "U1")


def test_the_configured_emoji_marks_a_message_each_time_that_it_is_set() -> None:
    marked = heard(MARK)
    assert (marked.kind, marked.target, marked.sender.external_id) == (ActivityKind.MARKED, "C1:1.0", "U2")
    assert marked.id == heard(MARK, event_id="Ev2").id
    assert marked.id != heard(MARK | {"user": "U3"}).id
    assert marked.id != heard(MARK | {"event_ts": "999.0"}).id, "taken away and set again"
    assert translate(event(MARK), Context(NOW, "W111", "wrench")) is None
    assert heard(MARK | {"reaction": "ticket::skin-tone-2"}).kind is ActivityKind.MARKED


@pytest.mark.parametrize(("tab", "target"), [("home", "home"), ("messages", "chat")])
def test_opening_the_page_and_the_chat(tab: str, target: str) -> None:
    opened = heard({"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": tab, "event_ts": "5.0"})
    assert (opened.kind, opened.target, opened.address) == (ActivityKind.OPENED, target, Address("slack", "T1", "U1"))


def test_stop_is_about_a_conversation() -> None:
    inner = {
        "type": "agent_session_stopped",
        "user": "U1",
        "channel": "D1",
        "thread_ts": "4.0",
        "streaming_message_ts": ["4.5"],
        "event_ts": "5.0",
    }
    assert (heard(inner).kind, heard(inner).address) == (ActivityKind.STOPPED, Address("slack", "T1", "U1", "4.0"))


def test_in_a_shared_channel_the_tenant_is_the_workspace_that_has_the_app() -> None:
    said = heard(message("<@W111> hi", user="U_ELSEWHERE", team="T_OTHER"), team_id="T_OTHER")
    assert said.sender == ExternalId("slack", "T1", "U_ELSEWHERE")
    assert said.address.tenant == "T1"


def press(value: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "block_actions", "user": {"id": "U1", "team_id": "T1"}, "team": {"id": "T1"}, "trigger_id": "1.2.x",
        "channel": {"id": "D1"}, "container": {"type": "message", "channel_id": "D1", "message_ts": "7.0"},
        "message": {"ts": "7.0", "thread_ts": "6.0", "bot_id": "B1", "team": "T1"},
        "actions": [{"type": "button", "action_id": "press.0", "value": value, "action_ts": "8.0"}],
    } | more  # fmt: skip


VALUE = ButtonValue.of(Action("opaque", "Approve")).packed()


def test_a_press_carries_the_opaque_id_and_where_it_was_pressed() -> None:
    pressed = translate(press(VALUE), HERE)
    assert pressed is not None
    assert pressed.press is not None
    assert (pressed.press.action_id, pressed.order) == ("opaque", "8.0")
    assert pressed.address == Address("slack", "T1", "U1", "6.0")
    outside = translate(press(VALUE, message={"ts": "7.0"}, channel={"id": "C1"}, container={"channel_id": "C1"}), HERE)
    assert outside is not None
    assert outside.address == Address("slack", "T1", "C1", "7.0")


def test_a_press_on_the_home_page_belongs_to_no_thread() -> None:
    container = {"type": "view", "view_id": "V1"}
    pressed = translate(press(VALUE, container=container, channel=None, message=None, view={"app_installed_team_id": "T1"}), HERE)
    assert pressed is not None
    assert pressed.address == Address("slack", "T1", "U1")


def test_what_only_one_person_saw_is_no_thread_of_its_own() -> None:
    container = {"type": "message", "channel_id": "C1", "message_ts": "7.0", "is_ephemeral": True}
    pressed = translate(press(VALUE, container=container, channel={"id": "C1"}, message=None), HERE)
    assert pressed is not None
    assert pressed.address == Address("slack", "T1", "C1", None)
    inside = translate(press(VALUE, container=container | {"thread_ts": "6.0"}, channel={"id": "C1"}, message=None), HERE)
    assert inside is not None
    assert inside.address.thread == "6.0"
    beside = press(ButtonValue("opaque", thread="6.0").packed(), container=container, channel={"id": "C1"}, message=None)
    assert (pressed := translate(beside, HERE)) is not None
    assert pressed.address.thread == "6.0"
    in_the_open = press(ButtonValue("opaque", thread="5.0").packed())
    assert (pressed := translate(in_the_open, HERE)) is not None
    assert pressed.address.thread != "5.0", "believed only where Slack does not say it"


def test_a_stranger_who_presses_keeps_their_own_id() -> None:
    """The button is ours, so the workspace is ours; who they are is theirs, and the bot refuses them."""
    pressed = translate(press(VALUE, user={"id": "U_ELSEWHERE", "team_id": "T_OTHER"}, team={"id": "T_OTHER"}), HERE)
    assert pressed is not None
    assert pressed.sender == ExternalId("slack", "T1", "U_ELSEWHERE")


@pytest.mark.parametrize("value", ["", "click_me_123", "{}", "[]", '{"a":1}', '{"a":"x","t":"always"}'])
def test_a_button_that_is_none_of_ours_is_nothing(value: str) -> None:
    assert translate(press(value), HERE) is None


def sent(view: dict[str, Any], text: str) -> dict[str, Any]:
    values = {"text": {"value": {"type": "plain_text_input", "value": text}}}
    return {
        "type": "view_submission", "user": {"id": "U1"}, "team": {"id": "T1"},
        "view": {**view, "id": "V1", "app_installed_team_id": "T1", "state": {"values": values}},
    }  # fmt: skip


def test_sent_words_come_with_the_press_from_where_it_was_pressed() -> None:
    where = Address("slack", "T1", "C1", "6.0")
    view = text_view(ButtonValue("opaque", "Deny", "required", "Why?"), WORDING, where)
    found = translate(sent(view, "too dear"), HERE)
    assert found is not None
    assert found.press is not None
    assert (found.press.action_id, found.press.text, found.address) == ("opaque", "too dear", where)
    assert found.id == "form:V1"


def test_a_view_of_somebody_else_is_nothing() -> None:
    assert translate(sent({"callback_id": "theirs", "private_metadata": ""}, "x"), HERE) is None


def test_a_message_shortcut_brings_the_message() -> None:
    body = {
        "type": "message_action", "callback_id": "create_request", "trigger_id": "1.2.x", "action_ts": "9.0", "team": {"id": "T1"},
        "user": {"id": "U1"}, "channel": {"id": "C1"}, "message_ts": "3.0",
        "message": {"type": "message", "user": "U2", "ts": "3.0", "thread_ts": "2.0", "text": "<@U3> the &lt;VPN&gt; is down"},
    }  # fmt: skip
    used = translate(body, HERE)
    assert used is not None
    assert used.about is not None
    assert (used.kind, used.target, used.address) == (ActivityKind.SHORTCUT, "create_request", Address("slack", "T1", "U1"))
    assert (used.about.message_id, used.about.thread, used.about.text) == ("C1:3.0", "2.0", "@someone the <VPN> is down")
    assert used.about.author == ExternalId("slack", "T1", "U2")
    assert translate(body | {"callback_id": "theirs"}, HERE) is None


@pytest.mark.parametrize(("said", "meant"), [("my laptop broke", "my laptop broke"), ("", "help")])
def test_the_command_is_a_message_in_ones_own_room(said: str, meant: str) -> None:
    body = {"command": "/foyer", "text": said, "team_id": "T1", "user_id": "U1", "channel_id": "C1", "trigger_id": "1.2.x"}
    asked = translate(body, HERE)
    assert asked is not None
    assert (asked.kind, asked.text, asked.address) == (ActivityKind.MESSAGE, meant, Address("slack", "T1", "U1"))
    assert translate(body | {"command": "/other"}, HERE) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ask <@U2> or <@U3|sam>", "ask @Ada or @sam"),
        ("in <#C1|general> and <#C2>", "in #general and #channel"),
        ("<https://a.example/x|the page>, <https://a.example>", "the page (https://a.example/x), https://a.example"),
        ("<https://a.example/|a.example>", "https://a.example/"),
        ("<mailto:a@b.example|a@b.example> <tel:+1|+1>", "a@b.example +1"),
        ("<!here> <!subteam^S1|@it> <!subteam^S2>", "@here @it @group"),
        ("a &amp;lt; b &lt;@U1&gt;", "a &lt; b <@U1>"),
        ("<@W111> <@W111|foyer> hi", "hi"),
    ],
)
def test_what_was_written_is_read_without_ids(written: str, read: str) -> None:
    assert plain(written, me="W111", names={"U2": "Ada"}) == read


def test_a_text_is_cut() -> None:
    assert len(heard(message("x" * 90_000)).text) == LONGEST


leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "1.5", "nan", "inf", "1e300", "D1", "U1", "message"])
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "ts", "user"]), inner), max_leaves=4
)
SHAPES = [*(body_of(case) for case in PAYLOADS), press(VALUE), event(message(files=[{"id": "F1"}])), event(changed("a", "b", edited={}))]


@given(st.sampled_from(SHAPES), st.data())
def test_no_payload_however_odd_raises(shape: dict[str, Any], data: st.DataObject) -> None:
    """Any one place of a real payload is replaced by something else, or left out."""
    odd = json.loads(json.dumps(shape))
    place = odd
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[name], dict) and place[name] and data.draw(st.booleans()):
            place = place[name]
            continue
        break
    if data.draw(st.booleans()):
        del place[name]
    else:
        place[name] = data.draw(anything)
    found = translate(odd, HERE)
    assert found is None or found.address.tenant
