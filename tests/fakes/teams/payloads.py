"""The activities that Teams sends to a bot, in the shapes of captured ones. Pure."""

import html
import json
from datetime import UTC, datetime

from tests.fakes.teams.state import Json, Person, Room, Shown, Team


class Payloads:
    """`service_url` as the bot is to call back; `bot` (id, name, app's tenant is the room's)."""

    def __init__(self, service_url: str, bot_id: str, bot_name: str) -> None:
        self.service_url, self.bot_id, self.bot_name = service_url, bot_id, bot_name

    def begin(self, kind: str, id: str, person: Person, room: Room, at: datetime, *, thread: str | None = None) -> Json:
        """What every activity has. Only installations tell a team's id on Graph (aadGroupId)."""
        conversation: Json = {"conversationType": room.kind, "tenantId": room.tenant, "id": room.id}
        data: Json = {"tenant": {"id": room.tenant}}
        if room.kind != "personal":
            conversation["isGroup"] = True
        if room.kind == "channel" and room.team is not None:
            if thread:
                conversation["id"] = f"{room.id};messageid={thread}"
            data |= {
                "teamsChannelId": room.id, "teamsTeamId": room.team.id, "channel": {"id": room.id}, "team": {"id": room.team.id},
            }  # fmt: skip
            if room.shared:
                data["channel"] |= {"type": "shared"}
                data["onBehalfOf"] = []
        return {
            "type": kind,
            "id": id,
            "timestamp": _stamp(at),
            "localTimestamp": at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "localTimezone": "America/New_York",
            "serviceUrl": self.service_url,
            "channelId": "msteams",
            "from": {"id": person.user_id, "name": person.name, "aadObjectId": person.object_id},
            "conversation": conversation,
            "recipient": {"id": self.bot_id, "name": self.bot_name},
            "channelData": data,
            "locale": "en-US",
        }

    def message(
        self, id: str, person: Person, room: Room, at: datetime, text: str, *, thread: str | None, mentions: list[Json],
        attachments: list[Json], quote: Shown | None, quoted_by: Person | None,
    ) -> Json:  # fmt: skip
        told = self.begin("message", id, person, room, at, thread=thread)
        shown = f"<p>{html.escape(text)}</p>"
        if quote is not None:
            shown = self._quote(quote, quoted_by) + shown
            text = f"{quote.text}\n\n{text}"
        said = html.unescape(text)
        for mention in mentions:
            said = f"{said}\n" if mention["text"] in said else said
        client = {"locale": "en-US", "country": "US", "platform": "Web", "timezone": "America/New_York", "type": "clientInfo"}
        body = {"contentType": "text/html", "content": shown}
        return told | {
            "textFormat": "plain",
            "text": said,
            "entities": [*mentions, client],
            "attachments": [*attachments, body] if text else attachments,
        }

    def _quote(self, quote: Shown, by: Person | None) -> str:
        who, name = (by.user_id, by.name) if by is not None else (self.bot_id, self.bot_name)
        kind = 'itemscope="" itemtype="http://schema.skype.com/Reply"'
        return (
            f'<blockquote {kind} itemid="{quote.id}"><strong itemprop="mri" itemid="{who}">{html.escape(name)}</strong>'
            f'<span itemprop="time" itemid="{quote.id}"></span><p itemprop="preview">{html.escape(quote.text)}</p></blockquote>'
        )

    def mention(self, id: str, name: str) -> Json:
        return {"type": "mention", "mentioned": {"id": id, "name": name}, "text": f"<at>{html.escape(name)}</at>"}

    def changed(self, base: Json, kind: str, at: datetime) -> Json:
        """An edit ("editMessage"), a deletion ("softDeleteMessage") or its undoing ("undeleteMessage") of a message told before."""
        told = {**base, "timestamp": _stamp(at), "channelData": {**base["channelData"], "eventType": kind}}
        if kind != "softDeleteMessage":
            return {**told, "type": "messageUpdate"}
        gone = {name: value for name, value in told.items() if name not in ("text", "textFormat", "entities", "attachments")}
        return {**gone, "type": "messageDelete"}

    def invoke(self, id: str, name: str, value: Json, person: Person, room: Room, at: datetime, *, message: Shown | None) -> Json:
        told = self.begin("invoke", id, person, room, at, thread=message.thread if message else None)
        told |= {"name": name, "value": value}
        if message is not None:
            told["replyToId"] = message.id
            told["channelData"] |= {"source": {"name": "message"}, "legacy": {"replyToId": message.id}}
        return told

    def submit(self, id: str, value: Json, person: Person, room: Room, at: datetime, *, message: Shown) -> Json:
        """An Action.Submit: a message without text."""
        told = self.invoke(id, "", value, person, room, at, message=message)
        del told["name"]
        return told | {"type": "message"}

    def reaction(self, id: str, person: Person, room: Room, at: datetime, message: Shown, kind: str, removed: bool) -> Json:
        told = self.begin("messageReaction", id, person, room, at, thread=message.thread)
        return told | {"replyToId": message.id, "reactionsRemoved" if removed else "reactionsAdded": [{"type": kind}]}

    def installation(self, id: str, person: Person, room: Room, at: datetime, added: bool, *, team: Team | None) -> tuple[Json, Json]:
        """Teams tells it twice: that the bot is a member, and that it was installed."""
        update = self.begin("conversationUpdate", f"{id}a", person, room, at)
        member: Json = {"id": self.bot_id}
        update["membersAdded" if added else "membersRemoved"] = [member]
        install = self.begin("installationUpdate", f"{id}b", person, room, at) | {"action": "add" if added else "remove"}
        for told in (update, install):
            if team is not None:
                whole = {"id": team.id, "name": team.name, "aadGroupId": team.group_id}
                told["channelData"] |= {"team": whole, "settings": {"selectedChannel": {"id": room.id}}}
        if team is not None:
            update["channelData"]["eventType"] = "teamMemberAdded" if added else "teamMemberRemoved"
        install["channelData"]["source"] = {"name": "message"}
        return update, install

    def members(self, id: str, person: Person, room: Room, at: datetime, *, added: bool) -> Json:
        """Somebody came to a chat or a team, or left it. `room`: the chat, or the team's first channel."""
        told = self.begin("conversationUpdate", id, person, room, at)
        told["membersAdded" if added else "membersRemoved"] = [{"id": person.user_id, "aadObjectId": person.object_id}]
        if room.team is not None:
            told["channelData"]["eventType"] = "teamMemberAdded" if added else "teamMemberRemoved"
        return told

    def channel_created(self, id: str, person: Person, first: Room, made: Room, at: datetime) -> Json:
        """Told in the team's first channel; nothing is said of the team's id on Graph."""
        told = self.begin("conversationUpdate", id, person, first, at)
        told["channelData"] |= {"eventType": "channelCreated", "channel": {"id": made.id, "name": made.name}}
        return told

    def extension(
        self, step: str, id: str, command: str, person: Person, room: Room, at: datetime, message: Shown, author: Person | None, data: Json
    ) -> Json:
        """A message extension's action on a message: "fetchTask" or "submitAction"."""
        user = {"userIdentityType": "aadUser", "id": author.object_id, "displayName": author.name} if author else None
        bot = {"applicationIdentityType": "bot", "id": self.bot_id.partition(":")[2], "displayName": self.bot_name}
        payload: Json = {
            "id": message.id, "replyToId": message.thread if message.thread != message.id else None,
            "createdDateTime": _stamp(message.at), "lastModifiedDateTime": None, "deleted": False, "importance": "normal",
            "locale": "en-us",
            "linkToMessage": f"https://teams.microsoft.com/l/message/{room.id}/{message.id}",
            "from": {"device": None, "conversation": None, "user": user, "application": None if user else bot},
            "body": {"contentType": "html", "content": f"<p>{html.escape(message.text)}</p>"},
            "conversation": {"id": room.id, "displayName": None}, "attachmentLayout": None, "attachments": [], "mentions": [],
            "reactions": [],
        }  # fmt: skip
        value: Json = {
            "commandId": command, "commandContext": "message", "requestId": id, "messagePayload": payload, "context": {"theme": "default"},
        }  # fmt: skip
        if step == "submitAction":
            value["data"] = data
        told = self.invoke(id, f"composeExtension/{step}", value, person, room, at, message=None)
        if message.thread and room.kind == "channel":
            told["conversation"]["id"] = f"{room.id};messageid={message.thread}"
        told["channelData"]["source"] = {"name": "message"}
        return told


def feedback(reaction: str, text: str) -> Json:
    return {"actionName": "feedback", "actionValue": {"reaction": reaction, "feedback": json.dumps({"feedbackText": text})}}


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
