"""Views, what an agent shows around a thread, and files."""

import json
from typing import Any

from tests.fakes.slack import blocks as rules
from tests.fakes.slack.api import Call, method, the_room
from tests.fakes.slack.chat import may_post, paced, thread_of, with_block_ids
from tests.fakes.slack.state import FakeFile, FakeMessage, Json, SlackError, Trigger, View
from tests.fakes.slack.workspace import Workspace

TRIGGER_SECONDS = 3
VIEWS_DEEP = 3


def checked_view(s: Workspace, view: Any, kind: str) -> Json:
    problems = rules.check_view(view)
    if not problems and view["type"] != kind:
        problems = [f"a {kind} view is wanted here, not {view['type']}"]
    if problems:
        raise SlackError("invalid_arguments", "; ".join(problems), response_metadata={"messages": problems})
    return {**view, "blocks": with_block_ids(s, view["blocks"])}


def new_view(s: Workspace, user: str, team: str, body: Json, *, below: View | None = None) -> View:
    id = s.new_id("V")
    view = View(id, user, team, body, s.new_ts(), below.root if below else id, below.id if below else None)
    s.views[id] = view
    return view


def show(s: Workspace, view: View, body: Json) -> None:
    view.body, view.hash, view.errors = body, s.new_ts(), {}


def _trigger(s: Workspace, call: Call) -> Trigger:
    trigger = s.triggers.get(call.need("trigger_id", "invalid_trigger_id"))
    if trigger is None or trigger.team != call.team:
        raise SlackError("invalid_trigger_id")
    if s.clock() - trigger.at > TRIGGER_SECONDS:
        raise SlackError("expired_trigger_id")
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    return trigger


def _told(s: Workspace, view: View) -> Json:
    return {"view": view.as_json(s.app_id, s.teams[view.team].bot_id)}


@method("views.open")
def views_open(s: Workspace, call: Call) -> Json:
    trigger = _trigger(s, call)
    body = checked_view(s, call.args.get("view"), "modal")
    trigger.used = True
    view = new_view(s, trigger.user, call.team, body)
    s.open_views[trigger.user] = [view.id]
    return _told(s, view)


@method("views.push")
def views_push(s: Workspace, call: Call) -> Json:
    trigger = _trigger(s, call)
    stack = s.open_views.get(trigger.user, [])
    if trigger.view is None or not stack:
        raise SlackError("invalid_trigger_id", "only what was pressed in a modal can push another")
    if len(stack) >= VIEWS_DEEP:
        raise SlackError("push_limit_reached")
    body = checked_view(s, call.args.get("view"), "modal")
    trigger.used = True
    view = new_view(s, trigger.user, call.team, body, below=s.views[stack[-1]])
    stack.append(view.id)
    return _told(s, view)


@method("views.update")
def views_update(s: Workspace, call: Call) -> Json:
    if call.args.get("view_id"):
        view = s.views.get(call.args["view_id"])
    else:
        external = call.need("external_id")
        view = next((v for v in s.views.values() if v.body.get("external_id") == external), None)
    if view is None or view.team != call.team or view.id not in s.open_views.get(view.user, []):
        raise SlackError("not_found", "no such view, or it was closed")
    body = checked_view(s, call.args.get("view"), "modal")
    if call.args.get("hash") and call.args["hash"] != view.hash:
        raise SlackError("hash_conflict")
    show(s, view, body)
    return _told(s, view)


@method("views.publish")
def views_publish(s: Workspace, call: Call) -> Json:
    user = call.need("user_id")
    if user not in s.users or s.users[user].bot or s.users[user].deleted or s.dm(user).team != call.team:
        raise SlackError("invalid_arguments", f"user_id {user}")
    body = checked_view(s, call.args.get("view"), "home")
    view = s.homes.get(user)
    if view is not None and call.args.get("hash") and call.args["hash"] != view.hash:
        raise SlackError("hash_conflict")
    if view is None:
        view = s.homes[user] = new_view(s, user, call.team, body)
    else:
        show(s, view, body)
    return _told(s, view)


@method("assistant.threads.setSuggestedPrompts", "assistant:write")
def set_prompts(s: Workspace, call: Call) -> Json:
    room = the_room(s, call, "channel_id")
    if room.kind != "im":
        raise SlackError("invalid_arguments", "prompts are shown in direct chats only")
    prompts = call.args.get("prompts")
    if not isinstance(prompts, list) or not 1 <= len(prompts) <= 4:
        raise SlackError("invalid_arguments", "1 to 4 prompts")
    for prompt in prompts:
        if set(prompt) != {"title", "message"} or not all(isinstance(words, str) and words for words in prompt.values()):
            raise SlackError("invalid_arguments", "a prompt has title and message")
    thread_of(s, room, call.args.get("thread_ts"))
    s.suggested[room.user] = {"title": call.args.get("title") or "", "prompts": prompts}
    return {}


@method("assistant.threads.setStatus", "assistant:write", "chat:write")
def set_status(s: Workspace, call: Call) -> Json:
    room = the_room(s, call, "channel_id")
    thread = thread_of(s, room, call.need("thread_ts", "invalid_thread_ts")) or ""
    if not isinstance(call.args.get("status"), str):
        raise SlackError("invalid_arguments", "status is required; empty clears it")
    loading = call.args.get("loading_messages") or []
    if len(loading) > 10 or not all(isinstance(words, str) and words for words in loading):
        raise SlackError("invalid_arguments", "at most 10 loading_messages")
    told = {"method": call.method, "channel": room.id, "thread_ts": thread, "status": call.args["status"], "loading_messages": loading}
    s.statuses.append(told)
    s.sessions[(room.id, thread)] = told
    if not told["status"]:
        del s.sessions[(room.id, thread)]
    return {}


@method("agents.sessions.setStatus", "chat:write", "assistant:write")
def set_session(s: Workspace, call: Call) -> Json:
    room = the_room(s, call, "channel_id")
    thread = thread_of(s, room, call.need("thread_ts", "invalid_thread_ts"))
    status, title, user = call.args.get("status"), call.args.get("title") or "", call.args.get("initiator_user_id")
    if status not in ("processing", "active", "suspended", "closed"):
        raise SlackError("invalid_arguments", f"status {status}")
    if len(title) > 200:
        raise SlackError("invalid_arguments", "title is longer than 200 characters")
    if user is not None and user not in room.members:
        raise SlackError("user_not_in_channel", str(user))
    s.statuses.append({"method": call.method, "channel": room.id, "thread_ts": thread, "status": status, "title": title})
    return {"status": status, "agent_status": status, "title": title}


@method("files.info", "files:read", json=False)
def files_info(s: Workspace, call: Call) -> Json:
    file = s.files.get(call.need("file", "file_not_found"))
    if file is None or not any(s.teams[call.team].bot_user in s.rooms[room].members for room in file.shared):
        raise SlackError("file_not_found", str(call.args.get("file")))
    return {"file": s.file_json(file), "comments": []}


@method("files.getUploadURLExternal", "files:write", json=False)
def upload_url(s: Workspace, call: Call) -> Json:
    name = call.need("filename")
    length = int(call.args.get("length") or 0)
    if length <= 0:
        raise SlackError("invalid_arguments", "length must be greater than 0")
    file = FakeFile(name, id=s.new_id("F"), user=s.teams[call.team].bot_user)
    key = s.new_id("upload-")
    s.uploads[key] = (file, length)
    return {"upload_url": f"{s.base}/upload/v1/{key}", "file_id": file.id}


@method("files.completeUploadExternal", "files:write")
def complete_upload(s: Workspace, call: Call) -> Json:
    given = call.args.get("files")
    if isinstance(given, str):
        given = json.loads(given)
    if not isinstance(given, list) or not given:
        raise SlackError("invalid_arguments", "files")
    files: list[FakeFile] = []
    for each in given:
        file = next((file for file, _ in s.uploads.values() if file.id == each.get("id")), None)
        if file is None or not file.content or file.id in s.files:
            raise SlackError("file_not_found", f"{each.get('id')}: not uploaded, or completed before")
        files.append(file)
    if call.args.get("channels"):
        raise SlackError("invalid_arguments", "one channel_id is wanted: an upload to several cannot be in a thread")
    room = the_room(s, call, "channel_id") if call.args.get("channel_id") else None
    thread = None
    if room is not None:
        may_post(s, room)
        thread = thread_of(s, room, call.args.get("thread_ts"))
        paced(s, room)
    for file, each in zip(files, given, strict=True):
        file.title = each.get("title") or file.name
        s.files[file.id] = file
        file.shared |= {room.id} if room else set()
    told = [s.file_json(file) for file in files]
    if room is not None:
        team = s.teams[call.team]
        text = call.args.get("initial_comment") or ""
        s.put(FakeMessage(s.new_ts(), room.id, text, team.id, user=team.bot_user, bot_id=team.bot_id, thread_ts=thread, files=told))
    return {"files": told}


@method("files.delete", "files:write")
def delete_file(s: Workspace, call: Call) -> Json:
    """A message that was only this file goes with it."""
    file = s.files.get(call.need("file", "file_not_found"))
    if file is None:
        raise SlackError("file_not_found", str(call.args.get("file")))
    if file.user != s.teams[call.team].bot_user:
        raise SlackError("cant_delete_file", "somebody else's file")
    del s.files[file.id]
    for message in (message for room in file.shared for message in s.said[room].values()):
        if any(one["id"] == file.id for one in message.files):
            message.files = [one for one in message.files if one["id"] != file.id]
            message.deleted = message.deleted or not (message.files or message.text)
    return {}
