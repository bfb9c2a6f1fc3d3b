"""Slack's own client against the fake: what is right passes, and each breach is refused by Slack's name and remembered."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeFile, FakeSlack

Json = dict[str, Any]


async def refused(fake: FakeSlack, error: str, call: Any, method: str | None = None) -> None:
    with pytest.raises(SlackApiError) as raised:
        await call
    assert raised.value.response["error"] == error
    assert [refusal.error for refusal in fake.refusals] == [error]
    assert method is None or fake.refusals[0].method == method
    fake.refusals.clear()


def go(**more: Any) -> Json:
    return {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", **more}]}


def post(**more: Any) -> Json:
    return {"channel": "C0HELP", "text": "Hello", "unfurl_links": False, **more}


async def test_a_good_message_passes_and_can_be_found_by_its_metadata(fake: FakeSlack, client: AsyncWebClient) -> None:
    asked = await fake.say("U0ANN", "Help!")
    metadata = {"event_type": "foyer_reply", "event_payload": {"key": "k1"}}
    posted = await client.chat_postMessage(**post(channel="U0ANN", thread_ts=asked, blocks=[go()], metadata=metadata))
    assert posted["channel"] == "D0ANN"
    plain = await client.conversations_replies(channel="D0ANN", ts=asked)
    assert [m.get("metadata") for m in plain["messages"]] == [None, None]
    told = await client.conversations_replies(channel="D0ANN", ts=asked, include_all_metadata=True)
    assert told["messages"][1]["metadata"] == metadata
    assert told["messages"][0]["reply_count"] == 1
    history = await client.conversations_history(channel="D0ANN", include_all_metadata=True)
    assert [m["ts"] for m in history["messages"]] == [asked]
    await client.chat_update(channel="D0ANN", ts=posted["ts"], text="Hello again")
    [_, shown] = fake.messages("U0ANN", asked)
    assert (shown.text, shown.metadata, fake.buttons_of(shown)) == ("Hello again", metadata, [("Go", "go", "")])
    await client.chat_update(channel="D0ANN", ts=posted["ts"], text="Hello again", blocks=[])
    assert fake.buttons_of(shown) == []
    await client.chat_update(channel="D0ANN", ts=posted["ts"], text="Hello again", metadata={})
    assert shown.metadata is None
    await client.chat_delete(channel="D0ANN", ts=posted["ts"])
    assert len(fake.messages("U0ANN")) == 1
    assert fake.refusals == []


async def test_tokens_and_scopes(fake: FakeSlack, client: AsyncWebClient) -> None:
    await refused(fake, "not_authed", AsyncWebClient(base_url=fake.url).auth_test())
    await refused(fake, "invalid_auth", AsyncWebClient(token="xoxb-other", base_url=fake.url).auth_test())
    await refused(fake, "not_allowed_token_type", AsyncWebClient(token=fake.app_token, base_url=fake.url).auth_test())
    await refused(fake, "unknown_method", client.api_call("chat.postMassage"))
    fake.scopes.remove("chat:write")
    await refused(fake, "missing_scope", client.chat_postMessage(**post()))
    fake.scopes.remove("users:read.email")
    assert "email" not in (await client.users_info(user="U0ANN"))["user"]["profile"]
    fake.scopes.add("chat:write")
    fake.scopes.remove("chat:write.customize")
    await refused(fake, "missing_scope", client.chat_postMessage(**post(username="Petra")))
    await fake.revoke_tokens()
    with pytest.raises(SlackApiError, match="token_revoked"):
        await client.auth_test()


async def test_what_is_wrong_with_a_message(fake: FakeSlack, client: AsyncWebClient) -> None:
    await refused(fake, "no_text", client.api_call("chat.postMessage", json={**post(blocks=[go()]), "text": ""}))
    await refused(fake, "invalid_blocks", client.chat_postMessage(**post(blocks=[{"type": "nonsense"}])))
    long = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2700}}] * 5
    await refused(fake, "msg_blocks_too_long", client.chat_postMessage(**post(blocks=long)))
    await refused(fake, "msg_too_long", client.chat_postMessage(**post(text="x" * 40_001)))
    await refused(fake, "thread_not_found", client.chat_postMessage(**post(thread_ts="1700000000.000001")))
    await refused(fake, "invalid_thread_ts", client.chat_postMessage(**post(thread_ts="17")))
    await refused(fake, "channel_not_found", client.chat_postMessage(**post(channel="C0NONE")))
    fake.add_room("C0FAR", "far", ["U0ANN"], bot=False)
    fake.add_room("C0OLD", "old", archived=True)
    await refused(fake, "not_in_channel", client.chat_postMessage(**post(channel="C0FAR")))
    await refused(fake, "is_archived", client.chat_postMessage(**post(channel="C0OLD")))
    await refused(fake, "invalid_metadata_format", client.chat_postMessage(**post(metadata={"event_type": "a b", "event_payload": {}})))
    assert fake.messages("C0HELP") == []
    await client.chat_postMessage(channel="C0HELP", text="See https://example.com")
    assert [refusal.error for refusal in fake.refusals] == ["unfurl"]


async def test_only_own_visible_messages_can_be_changed(fake: FakeSlack, client: AsyncWebClient) -> None:
    fake.add_user("U0EVE", "Eve", "eve@acme.example")
    theirs = await fake.say("U0ANN", "Mine", room="C0HELP")
    await refused(fake, "cant_update_message", client.chat_update(channel="C0HELP", ts=theirs, text="Yours"))
    await refused(fake, "cant_delete_message", client.chat_delete(channel="C0HELP", ts=theirs))
    await refused(fake, "message_not_found", client.chat_update(channel="C0HELP", ts="1700000000.000001", text="Yours"))
    hidden = await client.chat_postEphemeral(channel="C0HELP", user="U0ANN", text="Psst")
    assert [m.text for m in fake.ephemeral("U0ANN")] == ["Psst"]
    assert len(fake.messages("C0HELP")) == 1
    await refused(fake, "cant_update_message", client.chat_update(channel="C0HELP", ts=hidden["message_ts"], text="Psst!"))
    await refused(fake, "user_not_in_channel", client.chat_postEphemeral(channel="C0HELP", user="U0EVE", text="Psst"))
    own = await client.chat_postMessage(**post())
    await refused(fake, "msg_too_long", client.chat_update(channel="C0HELP", ts=own["ts"], text="&" * 801))
    await client.chat_update(channel="C0HELP", ts=own["ts"], text="&" * 800)


async def test_a_thread_is_gone_when_its_only_message_is(fake: FakeSlack, client: AsyncWebClient) -> None:
    asked = await fake.say("U0ANN", "Forget it")
    await fake.delete("U0ANN", asked)
    await refused(fake, "thread_not_found", client.chat_postMessage(**post(channel="D0ANN", thread_ts=asked)))
    asked = await fake.say("U0ANN", "Help!")
    answer = await client.chat_postMessage(**post(channel="D0ANN", thread_ts=asked))
    await refused(fake, "thread_not_found", client.chat_postMessage(**post(channel="D0ANN", thread_ts=answer["ts"])))
    await fake.delete("U0ANN", asked)
    await client.chat_postMessage(**post(channel="D0ANN", thread_ts=asked))
    assert fake.refusals == []


async def test_files_in_a_shared_room_are_only_named(fake: FakeSlack, client: AsyncWebClient) -> None:
    fake.add_room("C0BOTH", "both", ["U0ANN"], ext_shared=True)
    await fake.say("U0ANN", "Look", room="C0BOTH", files=[("a.png", b"picture", "image/png")])
    assert fake.deliveries[0].payload["is_ext_shared_channel"]
    [named] = fake.messages("C0BOTH")[0].files
    assert "url_private_download" not in named
    assert "url_private_download" in (await client.files_info(file=named["id"]))["file"]


async def test_whom_a_message_calls_can_be_seen(fake: FakeSlack, client: AsyncWebClient) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "<!channel> and <!subteam^S0DESK|desk> but &lt;@U0BOB&gt;"}}]
    await client.chat_postMessage(**post(text="<@U0ANN>", blocks=blocks))
    assert fake.pings_of(fake.messages("C0HELP")[0]) == ["U0ANN", "channel", "S0DESK"]


async def test_pace(fake: FakeSlack, client: AsyncWebClient) -> None:
    fake.pace = True
    await client.chat_postMessage(**post())
    with pytest.raises(SlackApiError) as raised:
        await client.chat_postMessage(**post())
    assert (raised.value.response.status_code, raised.value.response.headers["Retry-After"]) == (429, "1")
    await client.chat_postMessage(**post(channel="U0ANN"))
    fake.advance(1)
    await client.chat_postMessage(**post())
    assert len(fake.messages("C0HELP")) == 2


async def test_streams(fake: FakeSlack, client: AsyncWebClient) -> None:
    asked = await fake.say("U0ANN", "Why?")
    stream = await client.chat_stream(channel="D0ANN", thread_ts=asked, buffer_size=1)
    await stream.append(markdown_text="Because ")
    running = fake.messages("U0ANN", asked)[1]
    assert running.streaming
    await refused(fake, "streaming_state_conflict", client.chat_update(channel="D0ANN", ts=running.ts, text="x"))
    task = {"type": "task_update", "id": "1", "title": "Search", "status": "complete"}
    await stream.append(chunks=[task, {"type": "plan_update", "title": "Plan"}])
    await stream.stop(markdown_text="of this.", blocks=[go()], metadata={"event_type": "foyer_reply", "event_payload": {"key": "k"}})
    assert not running.streaming
    assert fake.text_of(running) == "Plan\nSearch\nBecause of this.\nGo"
    assert fake.refusals == []
    await refused(fake, "message_not_in_streaming_state", client.chat_appendStream(channel="D0ANN", ts=running.ts, markdown_text="x"))
    await refused(fake, "thread_not_found", client.chat_startStream(channel="D0ANN", thread_ts="1700000000.000001"))
    shared = await fake.say("U0ANN", "Why?", room="C0HELP")
    start: Json = {"channel": "C0HELP", "thread_ts": shared}
    await refused(fake, "missing_recipient_team_id", client.chat_startStream(**start))
    await refused(fake, "missing_recipient_user_id", client.chat_startStream(**start, recipient_team_id="T0ACME"))
    await client.chat_startStream(**start, recipient_team_id="T0ACME", recipient_user_id="U0ANN")
    bad = [{"type": "task_update", "id": "1", "title": "Search", "status": "done"}]
    await refused(fake, "invalid_chunks", client.chat_startStream(channel="D0ANN", thread_ts=asked, chunks=bad))


async def test_a_dead_stream_can_still_be_updated(fake: FakeSlack, client: AsyncWebClient) -> None:
    asked = await fake.say("U0ANN", "Why?")
    stream = await client.chat_stream(channel="D0ANN", thread_ts=asked, buffer_size=1)
    await stream.append(markdown_text="Because")
    fake.fail("chat.appendStream", "dead_stream")
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        await stream.append(markdown_text=" of this")
    await client.chat_update(channel="D0ANN", ts=str(stream.ts), text="Because of this")
    assert fake.refusals == []


async def test_files_both_ways(fake: FakeSlack, client: AsyncWebClient) -> None:
    asked = await fake.say("U0ANN", "Look", files=[("a.png", b"picture", "image/png")])
    [told] = fake.messages("U0ANN")[0].files
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {fake.bot_token}"}) as session:
        async with session.get(told["url_private_download"]) as answer:
            assert (await answer.read(), answer.content_type) == (b"picture", "image/png")
        fake.scopes.remove("files:read")
        async with session.get(told["url_private_download"]) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
    assert [refusal.error for refusal in fake.refusals] == ["missing_scope"]
    fake.refusals.clear()
    done = await client.files_upload_v2(channel="D0ANN", thread_ts=asked, filename="log.txt", content="hello")
    [_, shown] = fake.messages("U0ANN", asked)
    assert fake.files[done["file"]["id"]].content == b"hello"
    assert shown.files[0]["name"] == "log.txt"
    assert fake.refusals == []
    call = client.files_completeUploadExternal(files=[{"id": done["file"]["id"], "title": "x"}], channel_id="D0ANN")
    await refused(fake, "file_not_found", call)
    url = await client.files_getUploadURLExternal(filename="b.txt", length=5)
    async with aiohttp.ClientSession() as session, session.post(url["upload_url"], data=b"four") as answer:
        assert answer.status == 400
    with pytest.raises(SlackApiError, match="user_not_found"):
        await client.users_info(user="U0NOBODY")


async def test_a_file_may_lead_elsewhere(fake: FakeSlack) -> None:
    await fake.say("U0ANN", "Look", files=[FakeFile("a.png", redirect="http://127.0.0.1:9/steal")])
    [told] = fake.messages("U0ANN")[0].files
    headers = {"Authorization": f"Bearer {fake.bot_token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(told["url_private_download"], headers=headers, allow_redirects=False) as answer,
    ):
        assert (answer.status, answer.headers["Location"]) == (302, "http://127.0.0.1:9/steal")


async def test_what_an_agent_shows(fake: FakeSlack, client: AsyncWebClient) -> None:
    asked = await fake.say("U0ANN", "Hi")
    prompts = [{"title": "VPN", "message": "How do I get on the VPN?"}]
    await client.assistant_threads_setSuggestedPrompts(channel_id="D0ANN", title="Try", prompts=prompts)
    assert fake.prompts("U0ANN") == prompts
    await client.assistant_threads_setStatus(channel_id="D0ANN", thread_ts=asked, status="is thinking", loading_messages=["Reading"])
    await client.agents_sessions_setStatus(channel_id="D0ANN", thread_ts=asked, status="suspended")
    assert [status["status"] for status in fake.statuses] == ["is thinking", "suspended"]
    assert ("D0ANN", asked) in fake.sessions
    await client.chat_postMessage(**post(channel="D0ANN", thread_ts=asked))
    assert ("D0ANN", asked) not in fake.sessions
    call = client.assistant_threads_setSuggestedPrompts(channel_id="D0ANN", prompts=prompts * 5)
    await refused(fake, "invalid_arguments", call)
    call = client.assistant_threads_setStatus(channel_id="D0ANN", thread_ts=asked, status="x", loading_messages=["x"] * 11)
    await refused(fake, "invalid_arguments", call)
    await refused(fake, "invalid_arguments", client.agents_sessions_setStatus(channel_id="D0ANN", thread_ts=asked, status="running"))


async def test_people_and_rooms(fake: FakeSlack, client: AsyncWebClient) -> None:
    fake.add_user("U0GUEST", "Gus", "gus@else.example", ultra_restricted=True)
    fake.add_user("U0FAR", "Fay", "fay@far.example", stranger=True)
    assert (await client.users_info(user="U0GUEST"))["user"]["is_ultra_restricted"]
    assert (await client.users_info(user="U0FAR"))["user"]["is_stranger"]
    assert (await client.users_lookupByEmail(email="Bob@acme.example"))["user"]["id"] == "U0BOB"
    with pytest.raises(SlackApiError, match="users_not_found"):
        await client.users_lookupByEmail(email="fay@far.example")
    assert (await client.conversations_open(users="U0BOB"))["channel"]["id"] == "D0BOB"
    assert (await client.conversations_info(channel="C0HELP"))["channel"]["is_member"]
    assert (await client.conversations_members(channel="C0HELP"))["members"] == ["U0ANN", "U0BOB", fake.bot_user]
    page = await client.users_list(limit=1)
    assert len(page["members"]) == 1
    assert page["response_metadata"]["next_cursor"]
    assert (await client.team_info())["team"]["id"] == "T0ACME"
    asked = await fake.say("U0ANN", "Hi", room="C0HELP")
    assert asked.replace(".", "") in (await client.chat_getPermalink(channel="C0HELP", message_ts=asked))["permalink"]
    await client.reactions_add(channel="C0HELP", timestamp=asked, name="eyes")
    await refused(fake, "already_reacted", client.reactions_add(channel="C0HELP", timestamp=asked, name="eyes"))
    await refused(fake, "channel_not_found", client.conversations_info(channel="D0NONE"))


async def test_another_workspace_is_installed_by_oauth(fake: FakeSlack, client: AsyncWebClient) -> None:
    fake.add_team("T0OTHER", "Other")
    fake.add_user("U0OLA", "Ola", "ola@other.example", team="T0OTHER")
    code = fake.grant("T0OTHER")
    secrets = {"client_id": fake.client_id, "client_secret": fake.client_secret}
    told = await AsyncWebClient(base_url=fake.url).oauth_v2_access(**secrets, code=code)
    assert told["team"]["id"] == "T0OTHER"
    other = AsyncWebClient(token=told["access_token"], base_url=fake.url)
    assert (await other.auth_test())["team_id"] == "T0OTHER"
    await fake.say("U0OLA", "Hi")
    await other.chat_postMessage(**post(channel="U0OLA"))
    await refused(fake, "channel_not_found", client.chat_postMessage(**post(channel="D0OLA")))
    await refused(fake, "channel_not_found", client.chat_postMessage(**post(channel="U0OLA")))
    await refused(fake, "invalid_code", AsyncWebClient(base_url=fake.url).oauth_v2_access(**secrets, code=code))
    wrong = {**secrets, "client_secret": "guessed"}
    await refused(fake, "bad_client_secret", AsyncWebClient(base_url=fake.url).oauth_v2_access(**wrong, code=fake.grant()))


async def test_faults(fake: FakeSlack, client: AsyncWebClient) -> None:
    for handler in list(client.retry_handlers):
        client.retry_handlers.remove(handler)
    fake.fail("chat.postMessage", "rate_limited", after=7)
    with pytest.raises(SlackApiError) as raised:
        await client.chat_postMessage(**post())
    assert raised.value.response.headers["Retry-After"] == "7"
    fake.fail("chat.postMessage", "server_error", times=2)
    for _ in range(2):
        with pytest.raises(SlackApiError) as raised:
            await client.chat_postMessage(**post())
        assert raised.value.response.status_code == 500
    assert fake.messages("C0HELP") == []
    fake.fail("chat.postMessage", "apply_then_500")
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(**post())
    assert len(fake.messages("C0HELP")) == 1
    fake.fail("*", "cut", skip=1)
    await client.auth_test()
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(**post())
    fake.fail("chat.postMessage", "error:fatal_error")
    with pytest.raises(SlackApiError, match="fatal_error"):
        await client.chat_postMessage(**post())
    assert len(fake.messages("C0HELP")) == 1
    assert fake.refusals == []


async def test_what_is_never_answered_may_have_been_done(fake: FakeSlack, client: AsyncWebClient) -> None:
    for handler in list(client.retry_handlers):
        client.retry_handlers.remove(handler)
    for kind, posted in (("time_out", 0), ("apply_then_time_out", 1)):
        fault = fake.fail("chat.postMessage", kind)
        fault.release()
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(**post())
        assert len(fake.messages("C0HELP")) == posted
