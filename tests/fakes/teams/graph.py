"""Microsoft Graph of the fake Teams: messages of channels, threads and chats, where resource-specific consent was granted.

Documented: the paths, 403 without consent, 50 messages a page, the newest first. From memory: that channels order by the time of the
root's last change (here: by the time of the root), and the shape of a message by an app.
"""

import html
import json
from datetime import UTC, datetime

from tests.fakes.teams.driving import Driving
from tests.fakes.teams.state import BotError, Json, Room, Shown

PAGE = 50


class Graph:
    def __init__(self, world: Driving) -> None:
        self._world = world

    def channel(self, group: str, channel: str) -> Room:
        """Raises BotError where there is no such channel, or nobody consented."""
        room = self._world.rooms.get(channel)
        if room is None or room.team is None or room.team.group_id != group:
            raise BotError(404, "NotFound", "No such channel in this team")
        return self._readable(room)

    def chat(self, id: str) -> Room:
        room = self._world.rooms.get(id)
        if room is None or room.kind == "channel":
            raise BotError(404, "NotFound", "No such chat")
        return self._readable(room)

    def _readable(self, room: Room) -> Room:
        if room.kind == "personal" or not room.installed or not self._world.may_overhear(room):
            why = "Missing role permissions on the request: no resource-specific consent"
            raise BotError(403, "Forbidden", why, recorded=False)
        return room

    def page(self, room: Room, path: str, replies_to: str | None, top: int, skip: int) -> Json:
        if not 1 <= top <= PAGE:
            raise BotError(400, "BadRequest", f"$top is 1 to {PAGE}")
        every = list(self._world.said.get(room.id, {}).values())
        if replies_to is not None:
            if replies_to not in self._world.said.get(room.id, {}):
                raise BotError(404, "NotFound", "No such message")
            every = [one for one in every if one.thread == replies_to and one.id != replies_to]
        elif room.kind == "channel":
            every = [one for one in every if one.thread == one.id]
        every.reverse()
        told: Json = {"value": [self.json(one) for one in every[skip : skip + top]]}
        if skip + top < len(every):
            told["@odata.nextLink"] = f"{self._world.base}{path}?$top={top}&$skiptoken={skip + top}"
        return told

    def message(self, room: Room, id: str, replies_to: str | None = None) -> Json:
        found = self._world.said.get(room.id, {}).get(id)
        if found is None or (room.kind == "channel" and (found.thread if found.thread != id else None) != replies_to):
            raise BotError(404, "NotFound", "No such message")
        return self.json(found)

    def json(self, message: Shown) -> Json:
        """Every message is told; the text of a deleted one is not."""
        who: Json = {"application": None, "device": None, "user": None}
        if message.by is None:
            bot = {"id": self._world.app_id, "displayName": self._world.bot_name, "applicationIdentityType": "bot"}
            who["application"] = bot
        else:
            person = self._world.people[message.by]
            who["user"] = {"id": person.object_id, "displayName": person.name, "userIdentityType": "aadUser", "tenantId": person.tenant}
        content, attachments = f"<p>{html.escape(message.text)}</p>" if message.text else "", []
        for n, one in enumerate(message.attachments):
            attachments.append(self._attachment(one, f"attachment-{n}"))
            content += f'<attachment id="attachment-{n}"></attachment>'
        return {
            "id": message.id, "replyToId": message.thread if message.thread != message.id else None, "messageType": "message",
            "createdDateTime": _stamp(message.at), "lastModifiedDateTime": _stamp(message.at),
            "deletedDateTime": _stamp(message.at) if message.deleted else None, "subject": None, "summary": None,
            "importance": "normal", "locale": "en-us", "from": who,
            "body": {"contentType": "html", "content": "" if message.deleted else content},
            "attachments": [] if message.deleted else attachments, "mentions": [], "reactions": [],
        }  # fmt: skip

    @staticmethod
    def _attachment(one: Json, id: str) -> Json:
        content = one.get("content")
        return {
            "id": id, "contentType": one["contentType"], "contentUrl": one.get("contentUrl"),
            "content": json.dumps(content) if isinstance(content, dict) and "downloadUrl" not in content else None, "name": one.get("name"),
        }  # fmt: skip


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
