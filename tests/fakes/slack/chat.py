"""Posting, changing, deleting and streaming messages."""

import json
import re
from typing import Any

from tests.fakes.slack import blocks as rules
from tests.fakes.slack import events
from tests.fakes.slack.api import Call, method, need_scope, the_room
from tests.fakes.slack.state import FakeMessage, Json, Room, SlackError
from tests.fakes.slack.workspace import Workspace

TEXT, UPDATED_TEXT_BYTES, STREAMED = 40_000, 4_000, 12_000


def with_block_ids(s: Workspace, blocks: list[Json]) -> list[Json]:
    """Slack names the blocks that the app did not."""
    return [block if block.get("block_id") else {**block, "block_id": s.new_id("b")} for block in blocks]


def checked_blocks(s: Workspace, blocks: Any) -> list[Json]:
    problems = rules.check_message(blocks)
    if problems:
        raise SlackError("invalid_blocks", "; ".join(problems), response_metadata={"messages": problems})
    size = rules.characters(blocks)
    if size > rules.MESSAGE_CHARACTERS:
        raise SlackError("msg_blocks_too_long", f"{size} characters")
    return with_block_ids(s, blocks)


def checked_metadata(value: Any) -> Json | None:
    if value is None:
        return None
    good = isinstance(value, dict) and isinstance(value.get("event_payload"), dict) and set(value) <= {"event_type", "event_payload"}
    if not good or not re.fullmatch(r"\w{1,255}", str(value.get("event_type") or ""), re.ASCII):
        raise SlackError("invalid_metadata_format", str(value)[:100])
    if len(json.dumps(value)) > 16_000:
        raise SlackError("metadata_too_large")
    return dict(value)


def content(s: Workspace, call: Call, *, limit: int = TEXT) -> tuple[str, list[Json]]:
    """Text and blocks of a message. The text is wanted even when there are blocks: screen readers and notifications read it."""
    markdown = call.args.get("markdown_text")
    if markdown is not None and (call.args.get("blocks") is not None or call.args.get("text") is not None):
        raise SlackError("markdown_text_conflict")
    text = markdown if markdown is not None else call.args.get("text")
    if not isinstance(text, str) or not text.strip():
        raise SlackError("no_text", "text is required, with blocks too")
    if len(text) > (STREAMED if markdown is not None else limit):
        raise SlackError("msg_too_long", f"{len(text)} characters")
    given = call.args.get("blocks")
    return text, checked_blocks(s, given) if given is not None else []


def may_post(s: Workspace, room: Room) -> None:
    if room.archived:
        raise SlackError("is_archived", room.id)
    if room.kind == "im" and s.users[room.user].deleted:
        raise SlackError("account_inactive", room.user)


def thread_of(s: Workspace, room: Room, ts: Any) -> str | None:
    """The thread that a message goes to: its root's ts. Gone when the root was deleted before anybody answered."""
    if ts is None:
        return None
    if not isinstance(ts, str) or not re.fullmatch(r"\d{10}\.\d{6}", ts):
        raise SlackError("invalid_thread_ts", str(ts))
    if not s.in_thread(room.id, ts):
        raise SlackError("thread_not_found", ts)
    return ts


def pictured(s: Workspace, call: Call) -> dict[str, str]:
    told = {name: str(call.args.get(name) or "") for name in ("username", "icon_url")}
    if any(told.values()) or call.args.get("icon_emoji"):
        need_scope(s, "chat:write.customize")
    return told


def paced(s: Workspace, room: Room) -> None:
    if s.too_fast(room.id):
        raise SlackError("ratelimited", f"more than one message a second in {room.id}", status=429)


@method("chat.postMessage", "chat:write")
def post_message(s: Workspace, call: Call) -> Json:
    room = the_room(s, call, people=True)
    may_post(s, room)
    text, blocks = content(s, call)
    thread, metadata, shown = thread_of(s, room, call.args.get("thread_ts")), checked_metadata(call.args.get("metadata")), pictured(s, call)
    if "unfurl_links" not in call.args or call.flag("unfurl_links"):
        s.violation(call.method, "unfurl", "links are unfurled unless unfurl_links is false", call.args)
    paced(s, room)
    team = s.teams[call.team]
    message = s.put(
        FakeMessage(
            s.new_ts(), room.id, text, team.id, user=team.bot_user, bot_id=team.bot_id, thread_ts=thread, blocks=blocks, metadata=metadata,
            attachments=call.args.get("attachments") or [], username=shown["username"], icon_url=shown["icon_url"],
        )
    )  # fmt: skip
    s.sessions.pop((room.id, message.root), None)
    s.notice(events.said(message, room, s.app_id), room)
    return {"channel": room.id, "ts": message.ts, "message": message.as_json(s.app_id, metadata=True)}


def own(s: Workspace, call: Call, room: Room, refusal: str) -> FakeMessage:
    ts = call.need("ts", "message_not_found")
    if any(message.ts == ts for shown in s.ephemerals.values() for message in shown):
        raise SlackError(refusal, "nobody can change an ephemeral message but its response_url")
    message = s.get(room.id, ts)
    if message is None:
        raise SlackError("message_not_found", ts)
    if message.bot_id != s.teams[call.team].bot_id:
        raise SlackError(refusal, "somebody else's message")
    if message.streaming:
        raise SlackError("streaming_state_conflict", ts)
    return message


@method("chat.update", "chat:write")
def update(s: Workspace, call: Call) -> Json:
    """Blocks and metadata that are left out stay as they were; empty ones take them away."""
    room = the_room(s, call)
    message = own(s, call, room, "cant_update_message")
    may_post(s, room)
    text, blocks = content(s, call)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if len(escaped.encode()) > UPDATED_TEXT_BYTES:
        raise SlackError("msg_too_long", f"the text of an edit has {len(escaped.encode())} bytes when escaped, more than 4,000")
    metadata = checked_metadata(call.args.get("metadata") or None)
    before = message.as_json(s.app_id)
    message.text = text
    message.edited = {"user": message.user, "ts": s.new_ts()}
    if call.args.get("blocks") is not None:
        message.blocks = blocks
    if call.args.get("metadata") is not None:
        message.metadata = metadata
    if call.args.get("attachments") is not None:
        message.attachments = call.args["attachments"]
    s.notice(events.changed(message.as_json(s.app_id), before, room, message.edited["ts"]), room)
    return {"channel": room.id, "ts": message.ts, "text": message.text, "message": message.as_json(s.app_id, metadata=True)}


@method("chat.delete", "chat:write")
def delete(s: Workspace, call: Call) -> Json:
    room = the_room(s, call)
    message = own(s, call, room, "cant_delete_message")
    message.deleted = True
    s.notice(events.gone(message.as_json(s.app_id), room, s.new_ts()), room)
    return {"channel": room.id, "ts": message.ts}


@method("chat.postEphemeral", "chat:write")
def post_ephemeral(s: Workspace, call: Call) -> Json:
    room = the_room(s, call)
    may_post(s, room)
    user = call.need("user", "user_not_found")
    if user not in s.users:
        raise SlackError("user_not_found", user)
    if user not in room.members:
        raise SlackError("user_not_in_channel", user)
    text, blocks = content(s, call)
    thread, shown = thread_of(s, room, call.args.get("thread_ts")), pictured(s, call)
    if call.args.get("metadata") is not None:
        raise SlackError("invalid_arguments", "an ephemeral message carries no metadata")
    team = s.teams[call.team]
    message = FakeMessage(
        s.new_ts(), room.id, text, team.id, user=team.bot_user, bot_id=team.bot_id, thread_ts=thread, blocks=blocks, only_for=user,
        username=shown["username"], icon_url=shown["icon_url"],
    )  # fmt: skip
    if thread is None or any(reply.ts != thread for reply in s.in_thread(room.id, thread)):  # else Slack shows it to nobody
        s.ephemerals.setdefault(user, []).append(message)
    return {"message_ts": message.ts}


@method("chat.getPermalink", json=False)
def permalink(s: Workspace, call: Call) -> Json:
    room = the_room(s, call)
    ts = call.need("message_ts", "message_not_found")
    if s.get(room.id, ts) is None:
        raise SlackError("message_not_found", ts)
    return {"channel": room.id, "permalink": f"https://{s.teams[call.team].domain}.slack.com/archives/{room.id}/p{ts.replace('.', '')}"}


@method("chat.startStream", "chat:write")
def start_stream(s: Workspace, call: Call) -> Json:
    room = the_room(s, call)
    may_post(s, room)
    thread = thread_of(s, room, call.need("thread_ts", "invalid_arguments"))
    if room.kind != "im":
        for name in ("recipient_team_id", "recipient_user_id"):
            if not call.args.get(name):
                raise SlackError(f"missing_{name}", "required outside direct chats")
        if call.args["recipient_user_id"] not in room.members:
            raise SlackError("user_not_in_channel", call.args["recipient_user_id"])
    if call.args.get("task_display_mode", "timeline") not in ("timeline", "plan"):
        raise SlackError("invalid_arguments", "task_display_mode")
    shown = pictured(s, call)
    team = s.teams[call.team]
    message = FakeMessage(
        s.new_ts(), room.id, "", team.id, user=team.bot_user, bot_id=team.bot_id, thread_ts=thread, streaming=True, streamed=True,
        username=shown["username"], icon_url=shown["icon_url"],
    )  # fmt: skip
    _grow(s, call, message)
    paced(s, room)
    s.put(message)
    return {"channel": room.id, "ts": message.ts}


@method("chat.appendStream", "chat:write")
def append_stream(s: Workspace, call: Call) -> Json:
    message = _stream(s, call)
    if not call.args.get("markdown_text") and not call.args.get("chunks"):
        raise SlackError("no_text")
    _grow(s, call, message)
    return {"channel": message.channel, "ts": message.ts}


@method("chat.stopStream", "chat:write")
def stop_stream(s: Workspace, call: Call) -> Json:
    message = _stream(s, call)
    given = call.args.get("blocks")
    blocks, metadata = checked_blocks(s, given) if given else [], checked_metadata(call.args.get("metadata"))
    if call.args.get("session_status", "active") not in ("processing", "active", "suspended", "closed"):
        raise SlackError("invalid_arguments", "session_status")
    _grow(s, call, message)
    if not message.text and not message.blocks and not blocks and not message.tasks:
        raise SlackError("no_text")
    message.blocks += blocks
    message.metadata, message.streaming = metadata, False
    s.sessions.pop((message.channel, message.root), None)
    room = s.rooms[message.channel]
    s.notice(events.said(message, room, s.app_id), room)
    return {"channel": message.channel, "ts": message.ts, "message": message.as_json(s.app_id, metadata=True)}


def _stream(s: Workspace, call: Call) -> FakeMessage:
    room = the_room(s, call)
    message = s.get(room.id, call.need("ts", "message_not_found"))
    if message is None:
        raise SlackError("message_not_found", str(call.args["ts"]))
    if message.bot_id != s.teams[call.team].bot_id:
        raise SlackError("message_not_owned_by_app")
    if not message.streaming:
        raise SlackError("message_not_in_streaming_state", message.ts)
    return message


def _grow(s: Workspace, call: Call, message: FakeMessage) -> None:
    markdown, chunks = call.args.get("markdown_text"), call.args.get("chunks") or []
    if markdown and chunks:
        raise SlackError("cannot_provide_both_markdown_text_and_chunks")
    if not isinstance(chunks, list):
        raise SlackError("invalid_chunks", "not an array")
    for chunk in [{"type": "markdown_text", "text": markdown}] if markdown else chunks:
        kind = chunk.get("type") if isinstance(chunk, dict) else None
        if kind == "markdown_text" and isinstance(chunk.get("text"), str):
            if len(chunk["text"]) > STREAMED or len(message.text) + len(chunk["text"]) > TEXT:
                raise SlackError("msg_too_long", f"{len(chunk['text'])} characters")
            message.text += chunk["text"]
        elif kind == "plan_update" and isinstance(chunk.get("title"), str):
            message.plan = chunk["title"]
        elif kind == "task_update":
            _task(message, chunk)
        elif kind == "blocks":
            message.blocks += checked_blocks(s, chunk.get("blocks"))
        else:
            raise SlackError("invalid_chunks", str(chunk)[:100])


def _task(message: FakeMessage, chunk: Json) -> None:
    if not chunk.get("id") or not isinstance(chunk.get("title"), str) or not chunk["title"]:
        raise SlackError("invalid_chunks", "a task needs id and title")
    if chunk.get("status") not in ("pending", "in_progress", "complete", "error"):
        raise SlackError("invalid_chunks", f"status {chunk.get('status')}")
    message.tasks[chunk["id"]] = {**message.tasks.get(chunk["id"], {}), **chunk}
