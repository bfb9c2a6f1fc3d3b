"""The Bot Connector of the fake Teams, as calls on the world: conversations, activities, members, streams.

Documented: paths and bodies, who may be spoken to, streaming in personal chats only, the order of a stream, the texts of its 403s,
two minutes a stream, one call a second of it. From memory: that a final that was taken already is answered with "already completed
streamed message", that the id of a streamed message is the id of its stream, which of 201 and 202 is answered, and that a stream of
which nothing but informative text was seen does not stand in the way of the next.
"""

from dataclasses import dataclass
from typing import Any

from tests.fakes.teams import rules
from tests.fakes.teams.state import BotError, Json, Person, Room, Shown
from tests.fakes.teams.world import World

STREAM_SECONDS = 120
STREAM_EVERY = 1.0
"""Seconds from one call of a stream to the next."""
NO_STREAM = "ContentStreamNotAllowed"


@dataclass(slots=True)
class Stream:
    id: str
    room: Room
    began: float
    asked: float
    """When Teams took the last call of it."""
    sequence: int = 1
    text: str = ""
    """What was streamed so far; informative text is no part of it."""
    informative: str = ""
    ended: bool = False
    stopped: bool = False


class Connector(World):
    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[str, Stream] = {}
        self.blocked: set[str] = set()
        """People who blocked the bot."""

    def stop(self, person: str) -> None:
        """They press Stop while the bot's answer streams in."""
        room = self.personal(person)
        for stream in self.streams.values():
            if stream.room is room and not stream.ended:
                stream.stopped = True

    def streaming(self, person: str) -> list[Stream]:
        """What is being streamed to this person now."""
        return [stream for stream in self.streams.values() if stream.room is self.personal(person) and not stream.ended]

    def where(self, conversation: str) -> tuple[Room, str | None]:
        """The room and, in a channel, the thread. Raises BotError where the bot may not speak."""
        id, _, thread = conversation.partition(";messageid=")
        room = self.rooms.get(id)
        if room is None:
            raise BotError(404, "ConversationNotFound", "Conversation not found.")
        if not room.installed and not (room.kind == "personal" and self.reachable(room.key)):
            raise BotError(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")
        if room.kind == "personal" and room.key in self.blocked:
            raise BotError(403, "ConversationBlockedByUser", "The conversation is blocked by the user.", recorded=False)
        if thread and room.kind != "channel":
            raise BotError(400, "BadSyntax", "Only channels have threads")
        if thread and thread not in self.said.get(room.id, {}):
            raise BotError(404, "ActivityNotFoundInConversation", f"no message {thread}")
        return room, thread or None

    @staticmethod
    def kind_of(activity: Json) -> str:
        """For faults: send, stream_start, stream_chunk, stream_final."""
        info = next((entity for entity in activity.get("entities") or [] if entity.get("type") == "streaminfo"), None)
        if info is None:
            return "send"
        return "stream_final" if info.get("streamType") == "final" else "stream_chunk" if info.get("streamId") else "stream_start"

    def send(self, conversation: str, activity: Json, *, reply_to: str | None = None) -> tuple[int, Json]:
        room, thread = self.where(conversation)
        rules.check(activity)
        info = rules.stream_of(activity)
        if info is not None:
            return self._streamed(room, activity, info)
        if activity["type"] == "typing":
            return 201, {"id": self.new_id("typing-")}
        if reply_to and room.kind == "channel" and thread is None:
            found = self.get(room, reply_to)
            thread = found.thread if found else None
        message = Shown(self.new_ms(), room, self.at())
        message.thread = (thread or message.id) if room.kind == "channel" else None
        self.fill(message, activity)
        self.put(message)
        return 201, {"id": message.id}

    def update(self, conversation: str, id: str, activity: Json) -> Json:
        room, _ = self.where(conversation)
        self._expired(room, id)
        message = self._own(room, id)
        rules.check(activity)
        if rules.stream_of(activity) is not None:
            raise BotError(400, "BadSyntax", "an update carries no streaminfo")
        message.changes.append(message.text)
        self.fill(message, activity)
        message.edited = True
        return {"id": id}

    def remove(self, conversation: str, id: str) -> tuple[int, None]:
        room, _ = self.where(conversation)
        self._own(room, id).deleted = True
        return 200, None

    def _expired(self, room: Room, id: str) -> None:
        """A stream that ran out of time can be replaced by an update, though only informative text was seen of it."""
        stream = self.streams.get(id)
        if stream is not None and stream.room is room and not stream.ended and self._over(stream):
            stream.ended = True
            if self.get(room, id) is None:
                self.put(Shown(id, room, self.at()))

    def _own(self, room: Room, id: str) -> Shown:
        message = self.get(room, id)
        if message is None:
            raise BotError(404, "ActivityNotFoundInConversation", f"no activity {id}")
        if message.by is not None:
            raise BotError(403, "Forbidden", "Somebody else's message")
        return message

    def create(self, body: Json) -> tuple[int, Json]:
        """A personal chat (one member), or a thread (channelData.channel)."""
        data = body.get("channelData") or {}
        if body.get("isGroup") or (data.get("channel") or {}).get("id"):
            return 201, self._thread(data["channel"]["id"], body)
        members = body.get("members") or []
        if len(members) != 1:
            raise BotError(400, "BadSyntax", "One member: group chats cannot be made by bots")
        person = self.person_of(str(members[0].get("id")))
        tenant = (data.get("tenant") or {}).get("id") or body.get("tenantId")
        if person is None or tenant != person.tenant:
            raise BotError(403, "BotNotInConversationRoster", "Unknown user, or not of this tenant")
        if not self.reachable(person.key):
            raise BotError(403, "BotNotInConversationRoster", "The bot is not installed for this user")
        return 201, {"id": self.personal(person.key).id}

    def _thread(self, channel: str, body: Json) -> Json:
        activity = body.get("activity")
        room, _ = self.where(channel)
        if not isinstance(activity, dict) or room.kind != "channel":
            raise BotError(400, "BadSyntax", "A thread begins with an activity, in a channel")
        _, told = self.send(channel, activity)
        return {"id": f"{channel};messageid={told['id']}", "activityId": told["id"]}

    def members(self, conversation: str) -> list[Json]:
        room, _ = self.where(conversation)
        return [self.account(self.people[key]) for key in sorted(room.members)]

    def paged_members(self, conversation: str, size: int, token: str) -> Json:
        every = self.members(conversation)
        start = int(token.removeprefix("after-")) if token else 0
        size = min(size or self.page_size, self.page_size)
        told: Json = {"members": every[start : start + size]}
        if start + size < len(every):
            told["continuationToken"] = f"after-{start + size}"
        return told

    def member(self, conversation: str, id: str) -> Json:
        room, _ = self.where(conversation)
        person = self.person_of(id)
        if person is None or person.key not in room.members:
            raise BotError(404, "MemberNotFoundInConversation", "The member was not found in the conversation.")
        return self.account(person)

    def account(self, person: Person) -> Json:
        given, _, family = person.name.partition(" ")
        told: Json = {
            "id": person.user_id, "name": person.name, "givenName": given, "surname": family, "objectId": person.object_id,
            "aadObjectId": person.object_id, "userPrincipalName": person.upn, "tenantId": person.tenant, "userRole": person.role,
        }  # fmt: skip
        if person.email:
            told["email"] = person.email
        return told

    def team(self, id: str) -> Json:
        team = next((team for team in self.teams.values() if team.id == id), None)
        if team is None or not team.installed:
            raise BotError(404, "NotFound", "Team not found")
        return {"id": team.id, "name": team.name, "aadGroupId": team.group_id, "type": "standard"}

    def channels(self, id: str) -> Json:
        self.team(id)
        found = [room for room in self.rooms.values() if room.team is not None and room.team.id == id]
        return {"conversations": [{"id": room.id, "name": None if room.id == id else room.name, "type": "standard"} for room in found]}

    def _streamed(self, room: Room, activity: Json, info: Json) -> tuple[int, Json]:
        kind = info.get("streamType")
        if kind not in ("informative", "streaming", "final") or (activity["type"] == "message") != (kind == "final"):
            raise BotError(400, "BadRequest", f"streamType {kind!r} in a {activity['type']}")
        if room.kind != "personal":
            raise BotError(403, NO_STREAM, "Content stream is not allowed")
        if not info.get("streamId"):
            return self._begin(room, activity, info)
        stream = self.streams.get(info["streamId"])
        if stream is None or stream.room is not room:
            raise BotError(404, "ContentStreamNotFound", "no such stream")
        if self.clock() - stream.asked < STREAM_EVERY:
            raise BotError(429, "Throttled", "API calls quota exceeded: one a second for a stream")
        stream.asked = self.clock()
        if stream.ended:
            done = self.said.get(room.id, {}).get(stream.id)
            again = kind == "final" and done is not None and done.text == (activity.get("text") or "")
            why = "Content stream is not allowed on an already completed streamed message"
            raise BotError(403, NO_STREAM, why, recorded=not again)
        if stream.stopped:
            raise BotError(403, NO_STREAM, "Content stream was canceled by user", recorded=False)
        if self.clock() - stream.began > STREAM_SECONDS:
            raise BotError(403, NO_STREAM, "Content stream finished due to exceeded streaming time.", recorded=False)
        text = activity.get("text") or ""
        if kind != "informative" and not text.startswith(stream.text):
            raise BotError(403, NO_STREAM, "Request streamed content should contain the previously streamed content")
        if kind == "final":
            return self._end(stream, activity, info)
        self._step(stream, info, text, activity)
        return 202, {}

    def _begin(self, room: Room, activity: Json, info: Json) -> tuple[int, Json]:
        if info["streamType"] == "final" or info.get("streamSequence") != 1 or not activity.get("text"):
            raise BotError(400, "BadRequest", "Start streaming activities should include text, and sequence number 1")
        _plain(activity)
        if any(stream.room is room and stream.text and not stream.ended and not self._over(stream) for stream in self.streams.values()):
            raise BotError(403, NO_STREAM, "Content stream is not allowed: one is under way in this chat")
        stream = Stream(self.new_id("a-"), room, self.clock(), self.clock())
        self.streams[stream.id] = stream
        self._tell(stream, info, activity["text"])
        return 201, {"id": stream.id}

    def _over(self, stream: Stream) -> bool:
        return stream.stopped or self.clock() - stream.began > STREAM_SECONDS

    def _step(self, stream: Stream, info: Json, text: str, activity: Json) -> None:
        number: Any = info.get("streamSequence")
        if not isinstance(number, int) or number <= stream.sequence:
            raise BotError(400, "BadRequest", f"sequence {number} after {stream.sequence}")
        if not text:
            raise BotError(400, "BadRequest", "Streaming activities should include text")
        _plain(activity)
        stream.sequence = number
        self._tell(stream, info, text)

    def _tell(self, stream: Stream, info: Json, text: str) -> None:
        if info["streamType"] == "informative":
            if stream.text:
                raise BotError(403, NO_STREAM, "Informative messages come before the streamed text")
            stream.informative = text
            return
        stream.text = text
        message = self.get(stream.room, stream.id) or self.put(Shown(stream.id, stream.room, self.at(), streamed=True))
        message.text = text

    def _end(self, stream: Stream, activity: Json, info: Json) -> tuple[int, Json]:
        if info.get("streamSequence") is not None:
            raise BotError(400, "BadRequest", "The final message carries no sequence number")
        stream.ended = True
        streamed = self.get(stream.room, stream.id)
        message = streamed or self.put(Shown(stream.id, stream.room, self.at(), streamed=bool(stream.text)))
        self.fill(message, activity)
        return 202, {}


def _plain(activity: Json) -> None:
    data = activity.get("channelData") or {}
    label = any(entity.get("type") == rules.MESSAGE for entity in activity.get("entities") or [])
    if activity.get("attachments") or data.get("feedbackLoop") or label:
        raise BotError(400, "BadRequest", "Attachments, label and feedback belong to the final message")
