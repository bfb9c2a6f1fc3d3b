"""Who people are by Teams' own word, and what stands in its rooms: only where the bot may look, and never more than it was asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from botbuilder.schema import Activity, Attachment

from connectors.errors import Refused, Retry
from connectors.ports.chat import Address
from connectors.ports.people import ExternalId
from connectors.teams.client import Client
from connectors.teams.messages import begins_alike
from connectors.teams.reading import ROSTER_LIFE, Reading, profile_of
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import Account, Room
from tests.connectors.teams.asking import NOW, Asking, open_asking, room_of

TENANT = "aaaaaaaa-0000-0000-0000-000000000001"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def teams(tmp_path: Path) -> AsyncIterator[Asking]:
    async with open_asking(tmp_path) as made:
        yield made


def member(**changes: Any) -> dict[str, Any]:
    told = {
        "id": "29:1dana", "name": "Dana Whitfield", "aadObjectId": "D0000000-0000-0000-0000-00000000000D", "tenantId": TENANT,
        "userPrincipalName": "Dana@Acme.example", "email": "dana.whitfield@acme.example", "userRole": "user",
    }  # fmt: skip
    return {name: value for name, value in (told | changes).items() if value is not None}


OURS = TeamsSettings(app_id="app", tenants=frozenset({TENANT}))


def test_a_member_is_known_by_the_name_that_entra_gave_out() -> None:
    profile = profile_of(OURS, TENANT, member())
    assert profile is not None
    assert (profile.standing, profile.email, profile.name) == ("member", "dana@acme.example", "Dana Whitfield")
    assert profile.external_id == "d0000000-0000-0000-0000-00000000000d"
    assert profile.account == f"entra:{TENANT}:d0000000-0000-0000-0000-00000000000d"


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({"userRole": "guest"}, "guest"),
        ({"userPrincipalName": "eve_partner.example#EXT#@acme.example"}, "guest"),
        ({"userRole": "anonymous"}, "stranger"),
        ({"tenantId": "bbbbbbbb-0000-0000-0000-000000000002"}, "stranger"),
        ({"tenantId": None}, "stranger"),
    ],
)
def test_others_are_told_from_members_and_have_no_address(changes: dict[str, Any], standing: str) -> None:
    profile = profile_of(OURS, TENANT, member(**changes))
    assert profile is not None
    assert (profile.standing, profile.email) == (standing, None)


def test_whoever_is_of_a_tenant_that_is_not_allowed_is_a_stranger() -> None:
    other = "bbbbbbbb-0000-0000-0000-000000000002"
    profile = profile_of(OURS, other, member(tenantId=other))
    assert profile is not None
    assert (profile.standing, profile.account) == ("stranger", None)


def test_somebody_whom_entra_does_not_know_has_no_profile() -> None:
    assert profile_of(OURS, TENANT, member(aadObjectId=None)) is None


def test_the_mail_attribute_is_no_verified_address() -> None:
    profile = profile_of(OURS, TENANT, member(userPrincipalName="dana", email="ceo@acme.example"))
    assert profile is not None
    assert profile.email is None


def test_the_playgrounds_people_are_members() -> None:
    local = TeamsSettings(local=True)
    profile = profile_of(local, "1" * 37, member(tenantId=None, aadObjectId=None, objectId="user-id-0"))
    assert profile is not None
    assert (profile.standing, profile.external_id) == ("member", "user-id-0")


async def test_somebody_is_asked_for_where_they_were_found(teams: Asking) -> None:
    dana = teams.fake.people["dana"]
    await teams.known("group", "support")
    await teams.accounts.saw(Account(dana.tenant, dana.object_id, dana.user_id, "", None, teams.fake.room_id("support")), NOW)
    profile = await teams.reading.profile(dana.tenant, dana.object_id)
    assert profile is not None
    assert (profile.name, profile.email) == (dana.name, "dana@acme.example")
    assert [about for kind, about, _ in teams.fake.calls if kind == "member"] == [teams.fake.room("support").id]
    kept = await teams.accounts.get(dana.tenant, dana.object_id)
    assert kept is not None
    assert (kept.name, kept.email) == (dana.name, "dana@acme.example")


async def test_somebody_who_left_that_room_is_found_in_another(teams: Asking) -> None:
    dana = teams.fake.people["dana"]
    await teams.known("group", "dana", "support")
    await teams.accounts.saw(Account(dana.tenant, dana.object_id, dana.user_id, "Dana", None, teams.fake.room_id("group")), NOW)
    teams.fake.room("group").members.discard("dana")
    profile = await teams.reading.profile(dana.tenant, dana.object_id)
    assert profile is not None
    assert profile.standing == "member"
    kept = await teams.accounts.get(dana.tenant, dana.object_id)
    assert kept is not None
    assert kept.found_in == teams.fake.room_id("dana")


async def test_nobody_is_made_up(teams: Asking) -> None:
    await teams.known("group", "support", "dana")
    assert await teams.reading.profile(teams.fake.tenant, "00000000-0000-0000-0000-000000000000") is None
    assert await teams.reading.profile(teams.fake.tenant, teams.fake.people["outsider"].object_id) is None


async def test_a_guest_is_a_guest(teams: Asking) -> None:
    await teams.fake.install("partner")
    await teams.known("partner")
    profile = await teams.reading.profile(teams.fake.tenant, teams.fake.people["guest"].object_id)
    assert profile is not None
    assert (profile.standing, profile.email) == ("guest", None)


async def test_a_profile_waits_for_a_teams_that_stumbles(teams: Asking) -> None:
    await teams.known("support")
    teams.fake.fail("member", status=503)
    with pytest.raises(Retry):
        await teams.reading.profile(teams.fake.tenant, teams.fake.people["dana"].object_id)


async def test_a_bot_whose_token_is_not_taken_knows_nothing_of_anybody(teams: Asking) -> None:
    """That is no word on the person."""
    await teams.known("support")
    teams.fake.fail("member", times=2, status=401)
    with pytest.raises(Retry):
        await teams.reading.profile(teams.fake.tenant, teams.fake.people["dana"].object_id)


async def test_an_address_leads_to_whoever_has_it_now(teams: Asking) -> None:
    dana, omar = teams.fake.people["dana"], teams.fake.people["omar"]
    await teams.known("support")
    await teams.accounts.saw(
        Account(omar.tenant, omar.object_id, omar.user_id, "", "dana@acme.example", teams.fake.room_id("support")), NOW
    )
    assert await teams.reading.lookup("DANA@acme.example") == ExternalId("teams", dana.tenant, dana.object_id)


async def test_an_address_is_asked_for_in_the_teams_that_the_bot_is_in(teams: Asking) -> None:
    teams.fake.page_size = 2
    vic = teams.fake.people["vic"]
    await teams.known("dana", "group", "support", "general")
    assert await teams.reading.lookup("vic@acme.example") == ExternalId("teams", vic.tenant, vic.object_id)
    kept = await teams.accounts.get(vic.tenant, vic.object_id)
    assert kept is not None
    assert kept.email == "vic@acme.example"
    assert await teams.reading.lookup("nobody@acme.example") is None
    assert await teams.reading.lookup("marta@partner.example") is None


async def test_a_roster_is_read_once_in_a_while(teams: Asking) -> None:
    await teams.known("group")
    await teams.reading.lookup("nobody@acme.example")
    await teams.reading.lookup("no-one@acme.example")
    assert teams.asked("members") == 1
    teams.seconds.forward(ROSTER_LIFE)
    await teams.reading.lookup("nobody@acme.example")
    assert teams.asked("members") == 2


async def test_a_search_has_an_end(teams: Asking) -> None:
    class Slow(Client):
        async def members(self, room: Room) -> Sequence[Mapping[str, Any]]:
            await asyncio.Event().wait()
            return ()

    await teams.known("group")
    slow = Reading(Slow(None), teams.rooms, teams.accounts, teams.graph, teams.settings, lambda: NOW, teams.seconds, search=0.01)
    with pytest.raises(Retry):
        await slow.lookup("omar@acme.example")


async def test_a_team_that_cannot_be_read_does_not_hide_the_others(teams: Asking) -> None:
    await teams.known("support", "group")
    teams.fake.fail("members", status=403)
    found = await teams.reading.lookup("omar@acme.example")
    assert found is not None
    assert found.external_id == teams.fake.people["omar"].object_id


async def test_a_lookup_waits_for_a_teams_that_stumbles(teams: Asking) -> None:
    await teams.known("support")
    teams.fake.fail("members", status=429, retry_after=7)
    with pytest.raises(Retry) as retry:
        await teams.reading.lookup("omar@acme.example")
    assert retry.value.after == 7


async def test_addresses_of_other_tenants_are_nobodys(teams: Asking) -> None:
    other = Room("bbbbbbbb-0000-0000-0000-000000000002", "19:x@thread.v2", "group", "19:x@thread.v2", teams.fake.service_url, "28:x")
    await teams.rooms.saw(other, NOW)
    assert await teams.reading.lookup("omar@acme.example") is None
    assert teams.asked("members") == 0


async def test_of_each_team_the_channel_is_asked_that_all_are_in(teams: Asking) -> None:
    await teams.known("support", "general", "group", "dana")
    asked = {room.conversation_id for room in await teams.rooms.gatherings(teams.fake.tenant)}
    assert asked == {teams.fake.room("general").id, teams.fake.room("group").id}


async def test_a_room_of_colleagues_has_no_outsiders(teams: Asking) -> None:
    await teams.fake.install("partner")
    await teams.known("group", "support", "partner")
    for room in ("group", "support"):
        assert not await teams.reading.has_outsiders(teams.address(room))
    assert await teams.reading.has_outsiders(teams.address("partner")), "a guest is in the team"


@pytest.mark.parametrize("who", ["guest", "outsider"])
async def test_whoever_comes_from_elsewhere_is_an_outsider(teams: Asking, who: str) -> None:
    await teams.known("group")
    teams.fake.room("group").members.add(who)
    assert await teams.reading.has_outsiders(teams.address("group"))


async def test_where_it_cannot_be_told_there_may_be_outsiders(teams: Asking) -> None:
    assert await teams.reading.has_outsiders(teams.address("group")), "not heard of"
    await teams.known("group")
    teams.fake.fail("members", status=503)
    assert await teams.reading.has_outsiders(teams.address("group"))
    assert not await teams.reading.has_outsiders(teams.address("group")), "asked again"


async def test_who_comes_is_seen_at_once(teams: Asking) -> None:
    """In the whole team: a channel's members are its team's."""
    await teams.known("support", "general", "group")
    for room in ("support", "group"):
        assert not await teams.reading.has_outsiders(teams.address(room))
    teams.fake.room("support").members.add("guest")
    teams.reading.forget(room_of(teams.fake, "general"))
    assert await teams.reading.has_outsiders(teams.address("support"))
    assert not await teams.reading.has_outsiders(teams.address("group"))
    assert teams.asked("members") == 3, "the other is as it was"


async def test_who_comes_while_members_are_read_is_not_missed(teams: Asking) -> None:
    class Interrupted(Client):
        async def members(self, room: Room) -> Sequence[Mapping[str, Any]]:
            told = await teams.client.members(room)
            teams.fake.room("group").members.add("guest")
            reading.forget(room)
            return told

    await teams.known("group")
    reading = Reading(Interrupted(None), teams.rooms, teams.accounts, teams.graph, teams.settings, lambda: NOW, teams.seconds)
    assert not await reading.has_outsiders(teams.address("group")), "there was none when it was asked"
    assert await reading.has_outsiders(teams.address("group"))


async def test_it_hears_everything_where_somebody_consented(teams: Asking) -> None:
    await teams.known("dana", "group", "support")
    assert await teams.reading.hears(teams.address("dana"))
    assert not await teams.reading.hears(teams.address("group"))
    teams.fake.consent_to("support")
    assert await teams.reading.hears(teams.address("support"))
    teams.fake.fail("graph", status=503)
    assert await teams.reading.hears(teams.address("support")), "it cannot be found out now"
    assert await teams.reading.hears(teams.address("general")), "nor of a room that is not known"


async def test_a_teams_id_on_graph_is_asked_for_where_nobody_told_it(teams: Asking) -> None:
    teams.fake.consent_to("support")
    await teams.known("support")
    said = await teams.fake.say("dana", "one", room="support")
    for _ in range(2):
        heard = await teams.reading.heard(teams.address("support", said), said)
        assert heard is not None
        assert heard.text == "one"
    assert teams.asked("team") == 1


async def test_a_shared_channel_has_outsiders(teams: Asking) -> None:
    shared = teams.fake.add_channel("both", "Both", teams.fake.add_team("closed", "Closed", {"dana"}), shared=True)
    await teams.known("both")
    assert await teams.reading.has_outsiders(Address("teams", teams.fake.tenant, shared.id))
    assert teams.asked("members") == 0


async def test_a_message_is_read_as_it_stands(teams: Asking) -> None:
    teams.fake.consent_to("support")
    await teams.known("support", "general")
    root = await teams.fake.say("dana", "My <b> key sticks & squeaks", room="support")
    reply = await teams.fake.say("omar", "Which one?", room="support", thread=root)
    room = teams.fake.room_id("support")
    heard = await teams.reading.heard(teams.address("support", root), f"{room}|{root}")
    assert heard is not None
    assert (heard.message_id, heard.text, heard.author_name) == (f"{room}|{root}", "My <b> key sticks & squeaks", "Dana Whitfield")
    assert heard.author == ExternalId("teams", teams.fake.tenant, teams.fake.people["dana"].object_id)
    below = await teams.reading.heard(teams.address("support", root), f"{room}|{reply}")
    assert below is not None
    assert (below.text, below.thread) == ("Which one?", root)


async def test_a_message_that_is_gone_or_not_to_be_read_is_none(teams: Asking) -> None:
    await teams.known("group")
    said = await teams.fake.say("dana", "Lunch?", room="group")
    assert await teams.reading.heard(teams.address("group"), said) is None
    teams.seconds.forward(3600)
    teams.fake.consent_to("group")
    assert await teams.reading.heard(teams.address("group"), said) is not None
    await teams.fake.delete("dana", said, room="group")
    assert await teams.reading.heard(teams.address("group"), said) is None
    assert await teams.reading.heard(teams.address("group"), "123") is None
    assert await teams.reading.heard(teams.address("support"), said) is None, "not heard of"


async def test_what_the_bot_said_has_no_author(teams: Asking) -> None:
    teams.fake.consent_to("group")
    await teams.known("group")
    said = await teams.client.send(room_of(teams.fake, "group"), Activity(type="message", text="Good morning"))
    heard = await teams.reading.heard(teams.address("group"), said)
    assert heard is not None
    assert (heard.author, heard.author_name) == (None, teams.fake.bot_name)


async def thread_of_five(teams: Asking) -> list[str]:
    teams.fake.consent_to("support")
    await teams.known("support", "general")
    root = await teams.fake.say("dana", "one", room="support")
    said = [root]
    for person, text in (("omar", "two"), ("dana", "three")):
        said.append(await teams.fake.say(person, text, room="support", thread=root))
    await teams.client.send(room_of(teams.fake, "support"), Activity(type="message", text="the bot"), thread=root)
    for person, text in (("omar", "four"), ("dana", "five")):
        said.append(await teams.fake.say(person, text, room="support", thread=root))
    return said


async def test_a_thread_is_read_oldest_first_without_bots(teams: Asking) -> None:
    said = await thread_of_five(teams)
    room = teams.fake.room_id("support")
    told = await teams.reading.history(teams.address("support", said[0]), f"{room}|{said[-1]}", 10)
    assert [heard.text for heard in told] == ["one", "two", "three", "four"]
    assert [heard.text for heard in await teams.reading.history(teams.address("support", said[0]), f"{room}|{said[3]}", 2)] == [
        "two",
        "three",
    ]
    assert {heard.thread for heard in told} == {said[0]}


async def test_more_than_a_page_is_read(teams: Asking) -> None:
    teams.fake.consent_to("group")
    await teams.known("group")
    said = [await teams.fake.say("dana", f"line {n}", room="group") for n in range(120)]
    told = await teams.reading.history(teams.address("group"), f"{teams.fake.room_id('group')}|{said[-1]}", 110)
    assert [heard.text for heard in told] == [f"line {n}" for n in range(9, 119)]
    assert teams.asked("graph") == 3


async def test_a_chat_is_read_since_its_run_of_messages_began(teams: Asking) -> None:
    teams.fake.consent_to("group")
    await teams.known("group")
    said = [await teams.fake.say("dana", f"line {n}", room="group") for n in range(5)]
    told = await teams.reading.history(teams.address("group", said[2]), f"{teams.fake.room_id('group')}|{said[4]}", 10)
    assert [heard.text for heard in told] == ["line 2", "line 3"]


async def test_a_room_without_consent_has_no_history_and_says_so_once(teams: Asking) -> None:
    await teams.known("group")
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            assert await teams.reading.history(teams.address("group"), "9", 10) == []
    assert [log["event"] for log in logs] == ["teams_room_unread"]
    assert teams.asked("graph") == 1


async def test_a_history_waits_for_a_graph_that_stumbles(teams: Asking) -> None:
    said = await thread_of_five(teams)
    teams.fake.fail("graph", status=503)
    with pytest.raises(Retry):
        await teams.reading.history(teams.address("support", said[0]), "9", 10)


async def test_a_chat_with_one_person_is_not_read(teams: Asking) -> None:
    await teams.known("dana")
    assert await teams.reading.history(teams.address("dana"), "9", 10) == []
    assert await teams.reading.heard(teams.address("dana"), "9") is None
    assert teams.asked("graph") == 0


TEXT = "**Your laptop** is on its way. See [the page](https://acme.example/it) & wait.\n\n1. First\n2. Second"


async def test_what_the_bot_said_is_known_again(teams: Asking) -> None:
    said = await thread_of_five(teams)
    thread = teams.address("support", said[0])
    assert await teams.reading.posted(thread, TEXT, LONG_AGO) is None
    posted = await teams.client.send(room_of(teams.fake, "support"), Activity(type="message", text=TEXT), thread=said[0])
    assert await teams.reading.posted(thread, TEXT, teams.fake.at() - timedelta(minutes=1)) == posted
    assert await teams.reading.posted(thread, "Your laptop is late.", LONG_AGO) is None
    assert await teams.reading.posted(teams.address("support"), TEXT, LONG_AGO) is None, "it began no thread"
    assert await teams.reading.posted(thread, TEXT, teams.fake.at() + timedelta(minutes=1)) is None, "it was there before"


@pytest.mark.parametrize(
    ("markup", "alike"),
    [
        (
            "<p><strong>Your laptop</strong> is on its way. See <a href='x'>the page</a> &amp; wait.</p><ol><li>First<li>Second",
            True,
        ),
        ("<p>Your laptop is on its way.</p>", False),
        ("", False),
    ],
)
def test_html_has_the_same_letters(markup: str, alike: bool) -> None:
    assert begins_alike(TEXT, {"body": {"contentType": "html", "content": markup}}) is alike


async def test_the_newest_of_several_is_meant(teams: Asking) -> None:
    teams.fake.consent_to("group")
    await teams.known("group")
    room = room_of(teams.fake, "group")
    for _ in range(2):
        last = await teams.client.send(room, Activity(type="message", text="Done."))
    assert await teams.reading.posted(teams.address("group"), "Done.", LONG_AGO) == last


async def test_what_somebody_else_said_is_not_the_bots(teams: Asking) -> None:
    teams.fake.consent_to("group")
    await teams.known("group")
    await teams.fake.say("dana", "Done.", room="group")
    assert await teams.reading.posted(teams.address("group"), "Done.", LONG_AGO) is None


async def test_a_card_is_known_by_its_words(teams: Asking) -> None:
    teams.fake.consent_to("support")
    await teams.known("support", "general")
    body = [{"type": "TextBlock", "text": "FOY-12", "wrap": True}, {"type": "TextBlock", "text": "Approval: **Priya** Nair", "wrap": True}]
    card = {"type": "AdaptiveCard", "version": "1.5", "body": body}
    shown = Activity(type="message", attachments=[Attachment(content_type="application/vnd.microsoft.card.adaptive", content=card)])
    posted = await teams.client.start_thread(room_of(teams.fake, "support"), shown)
    assert await teams.reading.posted(teams.address("support"), "Approval: Priya Nair", LONG_AGO) == posted


@pytest.mark.parametrize("place", ["support", "group", "dana"])
async def test_where_nothing_may_be_read_that_is_said(teams: Asking, place: str) -> None:
    await teams.known("support", "group", "dana", "general")
    with pytest.raises(Refused) as refused:
        await teams.reading.posted(teams.address(place), "Done.", LONG_AGO)
    assert refused.value.code == "no_consent"


async def test_a_thread_that_is_gone_has_nothing_of_the_bots(teams: Asking) -> None:
    teams.fake.consent_to("support")
    await teams.known("support", "general")
    assert await teams.reading.posted(teams.address("support", "17"), "Done.", LONG_AGO) is None
