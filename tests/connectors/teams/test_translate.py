"""Payloads as Teams and Microsoft's playground send them, and what the bot hears of each; none of them, however odd, raises."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from connectors.ports.chat import Activity
from connectors.teams.envelope import IDS, NAME, Gone, account_of, changes_team, gone_in, room_of
from connectors.teams.plain import LONGEST, from_html
from connectors.teams.store import Account, Room
from connectors.teams.translate import DOWNLOAD, LONGEST_ID, translate

CASES = {
    case["name"]: case for case in map(json.loads, (Path(__file__).parent / "payloads.jsonl").read_text(encoding="utf-8").splitlines())
}
HERE = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CHANNEL = "19:253b1f341670408fb6fe51d3e9e4fba4@thread.tacv2"
DANA = "6b7b3b2a-2c4b-4175-8582-41c9e685c1b5"
BOT = "28:5f1c2d3e-0a7b-4c55-9d3e-2a8f7b6c1d90"
as_json = TypeAdapter(Activity)


def payload(name: str, **more: Any) -> dict[str, Any]:
    return {**CASES[name]["payload"], **more}


def heard(body: dict[str, Any]) -> Activity:
    found = translate(body, HERE)
    assert found is not None
    return found


def said(text: str, **more: Any) -> str:
    return heard(payload("personal message", text=text, **more)).text


@pytest.mark.parametrize("name", CASES)
def test_what_is_sent_is_heard_so(name: str) -> None:
    found, expected = translate(CASES[name]["payload"], HERE), CASES[name]["heard"]
    if expected is None:
        assert found is None
    else:
        assert found is not None
        made = as_json.dump_python(found, mode="json")
        assert {key: made[key] for key in expected} == expected


def test_the_same_again_is_the_same_activity() -> None:
    for case in CASES.values():
        assert translate(case["payload"], HERE) == translate(case["payload"], HERE.replace(hour=9))


def test_different_things_are_different_activities() -> None:
    ids = [found.id for case in CASES.values() if (found := translate(case["payload"], HERE)) and found.kind.value == "edited"]
    assert len(set(ids)) == len(ids) - 1, "the first edit and the message that is there again are of one moment here"


def test_installed_and_added_are_one_greeting_and_later_another() -> None:
    installed, added = heard(payload("installed for one person")), heard(payload("bot added for one person"))
    assert installed.id == added.id
    assert heard(payload("installed for one person", timestamp="2026-11-20T10:15:42Z")).id != added.id


@pytest.mark.parametrize("action", ["add-upgrade", "remove-upgrade", "remove"])
def test_an_upgrade_greets_nobody(action: str) -> None:
    assert translate(payload("installed for one person", action=action), HERE) is None


def test_a_team_is_asked_for_its_channels_when_they_may_be_others() -> None:
    for name in ("installed in a team", "channel renamed", "bot added for one person"):
        assert changes_team(payload(name))
    assert changes_team(payload("installed in a team", action="add-upgrade"))
    for name in ("removed from a team", "somebody else joined", "channel post with a mention", "read receipt"):
        assert not changes_team(payload(name))


def test_names_cannot_turn_what_stands_around_them() -> None:
    body = payload("file and picture in a personal chat")
    for attachment in body["attachments"]:
        if attachment.get("name"):
            attachment["name"] = "invoice\u202efdp.exe\n" + "x" * 500
    (file, _) = heard(body).files
    assert "\u202e" not in file.name
    assert "\n" not in file.name
    assert len(file.name) <= NAME
    about = heard(shortcut(user={"id": DANA, "displayName": "Dana\u202e\nWhitfield"})).about
    assert about is not None
    assert about.author_name == "Dana Whitfield"


def shortcut(**author: Any) -> dict[str, Any]:
    body = json.loads(json.dumps(payload("shortcut on a message")))
    body["value"]["messagePayload"]["from"] |= author
    return dict(body)


def test_what_a_client_tells_of_a_message_gets_no_token() -> None:
    """Its picture's address would be asked for with the bot's."""
    body = shortcut()
    pasted = {"contentType": "image/png", "contentUrl": f"{body['serviceUrl']}v3/attachments/0-x/views/original"}
    offered = {"contentType": DOWNLOAD, "name": "a.txt", "content": {"downloadUrl": pasted["contentUrl"], "uniqueId": "u"}}
    body["value"]["messagePayload"]["attachments"] = [pasted, offered]
    about = heard(body).about
    assert about is not None
    assert [file.url for file in about.files] == ["", ""]
    said = heard(payload("personal message", attachments=[pasted, offered]))
    assert [file.url for file in said.files] == [pasted["contentUrl"]] * 2


def test_a_message_of_two_other_people_is_in_none_of_our_rooms() -> None:
    between = "19:dana_omar@unq.gbl.spaces"
    about = heard(payload("shortcut on a message", conversation={"conversationType": "personal", "id": between})).about
    assert about is not None
    assert about.message_id.startswith(f"{between}|")
    ours = heard(payload("shortcut on a message", conversation={"conversationType": "personal", "id": "a:1own"})).about
    assert ours is not None
    assert ours.message_id.startswith(f"user:{DANA}|")


def test_what_tells_no_time_came_now() -> None:
    body = payload("personal message")
    del body["timestamp"]
    assert heard(body).at == HERE


# -- rooms and accounts


def test_a_room_is_kept_as_it_can_be_spoken_to() -> None:
    body = payload("personal message")
    url = body["serviceUrl"]
    assert room_of(body) == Room(TENANT, f"user:{DANA}", "personal", "a:1pL6i0oY3C0K8o2NsZlqV9yJ", url, BOT, "Foyer")
    team, group = "19:team@thread.tacv2", "b4f2a9c1-0000-4a0b-9b1c-1c5b3f0e2d22"
    assert room_of(payload("channel reply without a mention")) == Room(
        TENANT, CHANNEL, "channel", CHANNEL, url, BOT, "Foyer", team_id=team, group_id=group
    )
    assert (seen := room_of(payload("installed in a team"))) is not None
    assert seen.name == "IT"


def test_a_room_that_others_share_says_so() -> None:
    body = payload("channel post with a mention")
    body["channelData"] = {**body["channelData"], "channel": {"id": CHANNEL, "type": "shared", "name": "Joint"}}
    assert (seen := room_of(body)) is not None
    assert (seen.shared, seen.name) == (True, "Joint")


def test_what_happens_to_another_channel_is_not_said_of_this_one() -> None:
    body = payload("channel renamed")
    body["channelData"]["channel"] |= {"type": "shared"}
    assert (seen := room_of(body)) is not None
    assert (seen.shared, seen.name) == (False, "")


def test_a_message_of_other_people_is_no_room_of_ours() -> None:
    """A shortcut can be used in a chat of two people, which looks like our own with one of them."""
    body = payload("shortcut on a message", conversation={"conversationType": "personal", "id": "19:dana_omar@unq.gbl.spaces"})
    assert room_of(body) is None
    assert (account := account_of(body)) is not None
    assert account.found_in == f"user:{DANA}"


def test_whoever_speaks_is_an_account_unless_it_is_a_bot() -> None:
    body = payload("channel reply without a mention")
    assert account_of(body) == Account(TENANT, DANA, body["from"]["id"], "Dana Whitfield", None, CHANNEL)
    assert account_of(payload("message of a bot")) is None
    assert account_of(payload("message of ourselves")) is None


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("removed", Gone(f"user:{DANA}")),
        ("removed from a team", Gone(CHANNEL, "19:team@thread.tacv2")),
        ("installed for one person", None),
        ("somebody else joined", None),
        ("channel renamed", None),
        ("personal message", None),
    ],
)
def test_where_the_bot_is_no_more(name: str, gone: Gone | None) -> None:
    assert gone_in(payload(name)) == gone


def test_a_deleted_channel_and_a_deleted_team_are_gone() -> None:
    body = payload("channel renamed")
    body["channelData"] = {**body["channelData"], "eventType": "channelDeleted"}
    assert gone_in(body) == Gone(CHANNEL, "19:team@thread.tacv2", "19:other@thread.tacv2")
    body["channelData"]["eventType"] = "teamDeleted"
    assert gone_in(body) == Gone(CHANNEL, "19:team@thread.tacv2")
    body["conversation"] = payload("personal message")["conversation"]
    assert gone_in(body) is None, "nobody's own chat is of a team"


@pytest.mark.parametrize("told", [{"conversationType": "groupChat"}, {"conversationType": "channel"}, {"isGroup": True}])
def test_no_room_of_several_is_called_like_somebodys_own_chat(told: dict[str, Any]) -> None:
    """Else what is for one person alone would go wherever this came from."""
    body = payload("personal message", conversation={"id": f"user:{DANA}", "tenantId": TENANT, **told})
    assert room_of(body) is None
    assert translate(body, HERE) is None


@pytest.mark.parametrize("name", ["personal message", "installed for one person", "bot added for one person"])
def test_where_somebodys_own_chat_is_their_messages_tell(name: str) -> None:
    assert room_of(payload(name)) is not None
    between_two = {"conversationType": "personal", "tenantId": TENANT, "id": "19:dana_omar@unq.gbl.spaces"}
    assert room_of(payload(name, conversation=between_two)) is None, "it is a chat of two people"


@pytest.mark.parametrize("name", ["execute in a personal chat", "form asked for", "form sent", "consent to a file", "reaction like"])
def test_where_somebodys_own_chat_is_no_press_tells(name: str) -> None:
    """A card is pressed wherever somebody has passed it on."""
    assert room_of(payload(name)) is None
    assert account_of(payload(name)) is not None


@pytest.mark.parametrize("odd", ["\ud800", "1\x00", "1\u202e", "1" * 501])
@pytest.mark.parametrize("name", sorted(CASES))
def test_no_id_is_kept_that_cannot_be_written_down(name: str, odd: str) -> None:
    """A database would refuse it, and Teams send it again for ever."""
    for place in _ids(payload(name)):
        body = json.loads(json.dumps(payload(name)))
        inner = body
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = odd
        found, known = translate(body, HERE), (room_of(body), account_of(body), gone_in(body))
        written = f"{found}{known}"
        assert repr(odd)[1:-1] not in written
        assert found is None or len(found.id) <= LONGEST_ID


def _ids(body: Any) -> list[tuple[Any, ...]]:
    """Where a payload names something."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    found = [(key, *rest) for key, value in inner for rest in _ids(value)]
    return found + ([(key,) for key in IDS if isinstance(body.get(key), str)] if isinstance(body, dict) else [])


def test_names_that_are_too_long_together_are_none() -> None:
    body = payload("thumb", replyToId="1" * 190)
    assert translate(body, HERE) is None
    assert translate(payload("personal message", id="1" * 190), HERE) is None


# -- text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("first\r\nsecond\n\n\n\nthird  ", "first\nsecond\n\nthird"),
        ("  indented:\n    code", "indented:\n    code"),
        ('<quoted messageId="1763"/> and this?', "and this?"),
        ("<at>Somebody</at> &lt;at&gt;x&lt;/at&gt;", "@Somebody <at>x</at>"),
    ],
)
def test_what_was_written_is_read_without_marks(written: str, read: str) -> None:
    assert said(written) == read


def test_only_the_mention_of_the_bot_is_taken_out() -> None:
    """Somebody who is called like the bot is somebody else."""
    entities = [
        {"type": "mention", "mentioned": {"id": BOT, "name": "Foyer"}, "text": "<at>Foyer</at>"},
        {"type": "mention", "mentioned": {"id": "29:x", "name": "Foyer"}, "text": "<at>Foyer</at>"},
    ]
    assert said("<at>Foyer</at> ask <at>Foyer</at>", entities=entities) == "ask @Foyer"
    assert said("<at>Foyer</at> ask", entities=[]) == "@Foyer ask"


@pytest.mark.parametrize(
    ("markup", "read"),
    [
        ("<p>one</p>\r\n<p>two</p>", "one\n\ntwo"),
        ('<p>see <a href="https://a.example/x">https://a.example/x</a></p>', "see https://a.example/x"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<p>fine <img alt="😀" src="x"> <emoji alt="🙂"></emoji></p>', "fine 😀 🙂"),
        ("<pre>if x:\n    y</pre>", "if x:\n    y"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("<script>bad()</script>good", "good"),
        ('<span itemscope itemtype="http://schema.skype.com/Mention" itemid="0">Dana</span> hi', "@Dana hi"),
        ('<blockquote itemtype="http://schema.skype.com/Reply"><p>not this</blockquote>this', "this"),
        ('<blockquote itemtype="http://schema.skype.com/Reply"><blockquote>no</blockquote>no</blockquote><p>this</p>', "this"),
        ("<blockquote>a quotation of one's own</blockquote>", "a quotation of one's own"),
        ("not &lt;a tag&gt; <![foo", "not <a tag> <![foo"),
    ],
)
def test_html_is_read_as_people_see_it(markup: str, read: str) -> None:
    assert from_html(markup) == read


def test_a_text_is_cut() -> None:
    assert len(said("x" * 90_000)) == LONGEST
    assert len(from_html("<p>" + "x" * 90_000)) == LONGEST


def test_odd_markup_is_read_in_time() -> None:
    for odd in ("<at>" * 50_000, "<a " * 60_000, "<" * 200_000, "<p " + 'a="' * 60_000):
        from_html(odd)
        said(odd)


# -- whatever comes


leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "9999-12-31T23:59:59-23:59", "add", "like", "channel"])
names = st.sampled_from(["id", "type", "aadObjectId", "text", "data", "content", "contentType"])
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2), max_leaves=4)


@given(st.sampled_from(sorted(CASES)), st.data())
def test_no_payload_however_odd_raises(name: str, data: st.DataObject) -> None:
    """Any one place of a real payload is replaced by something else, or left out."""
    odd = json.loads(json.dumps(CASES[name]["payload"]))
    place = odd
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        break
    if data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(anything)
    found = translate(odd, HERE)
    assert found is None or (found.address.tenant and found.address.room and found.sender.external_id and found.id)
    room_of(odd), account_of(odd), gone_in(odd)


@given(st.text(alphabet="<>/&;atp=\"' \n!-[]x", max_size=60))
def test_no_markup_however_odd_raises(markup: str) -> None:
    assert "<at>" not in from_html(markup) or "&lt;" in markup
    said(markup)
