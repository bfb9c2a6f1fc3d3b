"""People who write, edit, react and read in the fake Slack, and the events that the app is sent of it."""

import re
from collections.abc import Sequence
from typing import Any

from tests.fakes.slack import events, reading
from tests.fakes.slack.blocks import strings
from tests.fakes.slack.delivery import Delivery
from tests.fakes.slack.state import FakeFile, FakeMessage, Json, Room

Given = FakeFile | tuple[str, bytes] | tuple[str, bytes, str]
_CALLED = re.compile(r"<(?:@|!subteam\^|!)(\w+)[^<>]*>")
_OWN_MARKUP = re.compile(r"<(?:[@#!][^<>\s]+|https?://[^<>\s]+)>")


def as_typed(text: str) -> str:
    """What Slack stores of what is typed: &, < and > escaped, but for its own mentions and links."""

    def escape(plain: str) -> str:
        return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    parts, at = [], 0
    for own in _OWN_MARKUP.finditer(text):
        parts += [escape(text[at : own.start()]), own.group()]
        at = own.end()
    return "".join([*parts, escape(text[at:])])


class People(Delivery):
    async def say(
        self,
        user: str,
        text: str,
        *,
        room: str | None = None,
        thread: str | None = None,
        files: Sequence[Given] = (),
        mention: bool = False,
    ) -> str:
        """`room` None: in the direct chat with the app. In rooms where the bot is mentioned, an app_mention follows the message."""
        where = self._room_of(user, room)
        team = self.teams[where.team]
        if mention:
            text = f"<@{team.bot_user}> {text}"
        kept = [self._shared(user, where, file) for file in files]
        typed = as_typed(text)
        message = self.put(
            FakeMessage(
                self.new_ts(), where.id, typed, self.users[user].team, user=user, thread_ts=thread, blocks=events.rich_text(typed),
                files=[self._seen(file, where) for file in kept], subtype="file_share" if kept else "",
            )
        )  # fmt: skip
        if where.kind == "im":
            self.suggested.pop(user, None)
        await self.emit(self._foreign(events.said(message, where, self.app_id), where, user), where)
        for file in kept:
            told = {"type": "file_shared", "channel_id": where.id, "file_id": file.id, "user_id": user, "file": {"id": file.id}}
            await self.emit({**told, "event_ts": message.ts}, where)
        if where.kind != "im" and f"<@{team.bot_user}>" in typed:
            await self.emit(self._foreign(events.mentioned(message, where, self.app_id), where, user), where)
        return message.ts

    async def edit(self, user: str, ts: str, text: str, *, room: str | None = None) -> None:
        where, message = self._message(user, ts, room)
        assert message.user == user, "people edit their own messages only"
        before = message.as_json(self.app_id)
        message.text = as_typed(text)
        message.blocks = events.rich_text(message.text)
        message.edited = {"user": user, "ts": self.new_ts()}
        await self.emit(events.changed(message.as_json(self.app_id), before, where, self.new_ts()), where)

    async def delete(self, user: str, ts: str, *, room: str | None = None) -> None:
        """What has answers in its thread leaves a tombstone behind: Slack tells of that as a change, not as a deletion."""
        where, message = self._message(user, ts, room)
        before = message.as_json(self.app_id)
        message.deleted = True
        if not self.in_thread(where.id, ts):
            return await self.emit(events.gone(before, where, self.new_ts()), where)
        tomb = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.", "hidden": True}
        await self.emit(events.changed({**tomb, "ts": ts, "thread_ts": ts}, before, where, self.new_ts()), where)

    async def unfurl(self, ts: str, url: str = "https://example.com/page", *, room: str) -> None:
        """Slack adds a preview: a change without `edited`, with the same text. `room` may be a person's id."""
        where, message = self._message("", ts, room)
        before = message.as_json(self.app_id)
        message.attachments = [{"from_url": url, "title": "A page", "fallback": "A page", "id": 1}]
        await self.emit(events.changed(message.as_json(self.app_id), before, where, self.new_ts()), where)

    async def react(self, user: str, emoji: str, ts: str, *, room: str | None = None, remove: bool = False) -> None:
        where, message = self._message(user, ts, room)
        users = message.reactions.setdefault(emoji, [])
        if remove:
            users.remove(user)
        elif user not in users:
            users.append(user)
        told: Json = {"type": "reaction_removed" if remove else "reaction_added", "user": user, "reaction": emoji}
        item = {"type": "message", "channel": where.id, "ts": ts}
        await self.emit({**told, "item": item, "item_user": message.user, "event_ts": self.new_ts()}, where)

    async def join(self, user: str, room: str) -> None:
        """Somebody comes into a room; the bot too, by its own id."""
        where = self.rooms[room]
        where.members.add(user)
        told = {"type": "member_joined_channel", "user": user, "channel": room, "channel_type": "C", "team": where.team}
        await self.emit({**told, "event_ts": self.new_ts()}, where)

    async def open_home(self, user: str, tab: str = "home") -> None:
        where = self.dm(user)
        told: Json = {"type": "app_home_opened", "user": user, "channel": where.id, "tab": tab, "event_ts": self.new_ts()}
        if tab == "home" and user in self.homes:
            told["view"] = self.homes[user].as_json(self.app_id, self.teams[where.team].bot_id)
        await self.emit(told, where)

    async def stop(self, user: str, thread: str, streams: Sequence[str] = (), room: str | None = None) -> None:
        """The Stop button. Slack ends the streams itself: those given, or all that run in the thread."""
        where = self._room_of(user, room)
        running = list(streams) or [m.ts for m in self.in_thread(where.id, thread) if m.streaming]
        for ts in running:
            if message := self.get(where.id, ts):
                message.streaming = False
        told = {"type": "agent_session_stopped", "channel": where.id, "thread_ts": thread, "user": user, "streaming_message_ts": running}
        await self.emit({**told, "event_ts": self.new_ts()}, where)

    def end_stream(self, room: str, ts: str) -> None:
        """Slack gives up a stream by itself, without a word."""
        self.said[self.room(room).id][ts].streaming = False

    async def uninstall(self, team: str | None = None) -> None:
        id = team or self.team
        for token in self.tokens.values():
            if token.team == id and token.kind == "bot" and not token.dead:
                token.dead = "account_inactive"
        await self.tell(id, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.teams[id].bot_user]}})
        await self.tell(id, {"type": "app_uninstalled"})

    async def revoke_tokens(self, team: str | None = None) -> None:
        id = team or self.team
        for token in self.tokens.values():
            if token.team == id and token.kind == "bot" and not token.dead:
                token.dead = "token_revoked"
        await self.tell(id, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.teams[id].bot_user]}})

    def messages(self, room_or_user: str, thread: str | None = None) -> list[FakeMessage]:
        """Oldest first, without the deleted ones. A person's id means their direct chat with the app."""
        where = self.room(room_or_user)
        if thread is not None:
            return self.in_thread(where.id, thread)
        return [message for message in self.said.get(where.id, {}).values() if not message.deleted]

    def ephemeral(self, user: str) -> list[FakeMessage]:
        return [message for message in self.ephemerals.get(user, ()) if not message.deleted]

    def home(self, user: str) -> Json | None:
        view = self.homes.get(user)
        return None if view is None else view.as_json(self.app_id, self.bot_id)

    def modal(self, user: str) -> Json | None:
        """The view on top, None when none is open."""
        stack = self.open_views.get(user)
        return self.views[stack[-1]].as_json(self.app_id, self.bot_id) if stack else None

    def prompts(self, user: str) -> list[Json]:
        told = self.suggested.get(user)
        return list(told["prompts"]) if told else []

    def text_of(self, message: FakeMessage | Json) -> str:
        return reading.words(message)

    def buttons_of(self, message: FakeMessage | Json) -> list[tuple[str, str, str]]:
        """(label, action id, value) of a message's or a view's buttons, in their order."""
        blocks = message.blocks if isinstance(message, FakeMessage) else message["blocks"]
        return [(label, a["action_id"], str(a.get("value", ""))) for label, a in reading.pressable(blocks)]

    def pings_of(self, message: FakeMessage) -> list[str]:
        """Whom a message calls: ids of people and groups, or "channel", "here", "everyone"."""
        return [who for words in [message.text, *strings(message.blocks)] for who in _CALLED.findall(words)]

    def _shared(self, user: str, room: Room, given: Given) -> FakeFile:
        file = given if isinstance(given, FakeFile) else FakeFile(*given)
        file.id, file.user = file.id or self.new_id("F"), user
        file.shared.add(room.id)
        self.files[file.id] = file
        return file

    def _seen(self, file: FakeFile, room: Room) -> Json:
        """In a room shared with another company a message only names its files: files.info has the rest."""
        whole = self.file_json(file)
        if not room.ext_shared:
            return whole
        return {"id": file.id, "created": whole["created"], "mode": "file_access", "file_access": "check_file_info", "user": file.user}

    def _room_of(self, user: str, room: str | None) -> Room:
        where = self.room(room, user)
        assert user in where.members, f"{user} is not in {where.id}"
        return where

    def _message(self, user: str, ts: str, room: str | None) -> tuple[Room, FakeMessage]:
        where = self._room_of(user, room) if user else self.room(room)
        message = self.get(where.id, ts)
        assert message is not None, f"no message {ts} in {where.id}"
        return where, message

    def _foreign(self, event: Json, room: Room, user: str) -> Json:
        team = self.users[user].team
        told: dict[str, Any] = {"user_team": team, "source_team": team} if team != room.team else {}
        return {**event, **told}
