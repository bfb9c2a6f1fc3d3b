"""The envelope of what Teams sends: what it is, whose it is, who sent it, and which room it is in.

Read from the JSON as it came; never raises.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.chat.text import clean, cut
from connectors.teams.store import Account, Room, RoomKind

Payload = Mapping[str, Any]
CHANNEL = "teams"
"""In an Address and an ExternalId."""
ROOT = ";messageid="
"""Comes between the id of a channel and that of the message that a thread in it began with."""
PERSON = "user:"
"""How the room begins in which the bot speaks to one person alone."""
IDS: Mapping[str, int] = {"id": 200, "aadObjectId": 120, "tenantId": 120, "aadGroupId": 64, "replyToId": 200, "serviceUrl": 500}
"""What names something, by its key, and how many characters there is room for where it is written down."""
ACCOUNT = 120
"""The same of what the bot calls a tenant or somebody by."""
NAME = 200
"""Units of what somebody or something is called."""
BETWEEN_PEOPLE = "19:"
"""How a chat of two people begins, which has the kind of the bot's own, but is not called as that is."""
MEETINGS = frozenset({"message", "installationUpdate", "conversationUpdate"})
"""What comes from the chat of the bot and one person only if the bot is in it; a card can be pressed elsewhere, too."""
CHANNELS = frozenset({"channelCreated", "channelRenamed", "channelRestored", "teamRestored"})
"""What happens to the channels of a team, as its first one is told it."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Where the bot is no more: in this room; with a team, in all of its channels; with a channel, only in that one."""

    room: str
    """Where it was told."""
    team: str = ""
    channel: str = ""


def kind_of(payload: Payload) -> str:
    """The name of what was sent, for the log and for dispatching: an activity's type, or the name of an invoke."""
    kind = text_in(payload, "type")
    return text_in(payload, "name") or kind if kind == "invoke" else kind


def tenant_of(payload: Payload) -> str:
    """The organisation, in lower case; "" if it is not told."""
    told = text_in(part(part(payload, "channelData"), "tenant"), "id") or text_in(part(payload, "conversation"), "tenantId")
    return _account(told)


def person_of(account: Payload) -> str:
    """What Entra calls somebody, in lower case; for whoever is not in it, what Teams calls them; "" for nobody."""
    return _account(text_in(account, "aadObjectId") or text_in(account, "id"))


def room_kind_of(payload: Payload) -> RoomKind:
    """By what Teams says, not by how an id looks."""
    conversation, data = part(payload, "conversation"), part(payload, "channelData")
    match conversation.get("conversationType"):
        case "personal":
            return "personal"
        case "channel":
            return "channel"
        case "groupChat":
            return "group"
    if part(data, "channel") or part(data, "team"):
        return "channel"
    return "group" if conversation.get("isGroup") is True else "personal"


def room_name_of(payload: Payload) -> str:
    """As in an Address; "" if it is not told, or calls itself what only the chat with one person is called here."""
    if room_kind_of(payload) == "personal":
        return direct_room(person_of(part(payload, "from")))
    told = conversation_of(payload)
    return "" if told.startswith(PERSON) else told


def direct_room(person: str) -> str:
    """The room of the bot and this person alone; "" for nobody."""
    return PERSON + person.lower() if person else ""


def conversation_of(payload: Payload) -> str:
    """Teams' id of the chat or the channel, without a thread."""
    return text_in(part(payload, "conversation"), "id").partition(ROOT)[0]


def root_of(payload: Payload) -> str:
    """The message that this thread of a channel began with; "" outside of threads."""
    return text_in(part(payload, "conversation"), "id").partition(ROOT)[2]


def is_from_bot(payload: Payload) -> bool:
    """Written by a bot, ourselves included."""
    author = part(payload, "from")
    who = text_in(author, "id")
    ours = bool(who) and who == text_in(part(payload, "recipient"), "id")
    return ours or author.get("role") in ("bot", "skill") or (who.startswith("28:") and not author.get("aadObjectId"))


def is_aside(payload: Payload) -> bool:
    """Sent from a place where the bot need not be: its shortcuts are used on any message, in other people's chats, too."""
    return kind_of(payload).startswith("composeExtension/")


def room_of(payload: Payload) -> Room | None:
    """Where the bot can speak, as this payload says it. None for what may have been sent from a place that the bot is not in."""
    service_url, tenant = text_in(payload, "serviceUrl"), tenant_of(payload)
    room, conversation_id, kind = room_name_of(payload), conversation_of(payload), room_kind_of(payload)
    if not (service_url and tenant and room and conversation_id) or is_aside(payload):
        return None
    if kind == "personal" and (is_from_bot(payload) or kind_of(payload) not in MEETINGS or conversation_id.startswith(BETWEEN_PEOPLE)):
        return None
    data, me = part(payload, "channelData"), part(payload, "recipient")
    team, conversation = part(data, "team"), part(payload, "conversation")
    # What happens to another channel is told in the team's first one.
    channel = told if text_in(told := part(data, "channel"), "id") in ("", conversation_id) else {}
    return Room(
        tenant=tenant,
        room=room,
        kind=kind,
        conversation_id=conversation_id,
        service_url=service_url,
        bot_id=text_in(me, "id"),
        bot_name=called(text_in(me, "name")),
        team_id=(text_in(team, "id") or None) if kind == "channel" else None,
        group_id=(text_in(team, "aadGroupId") or None) if kind == "channel" else None,
        name=called(text_in(channel, "name") or text_in(conversation, "name") or text_in(team, "name")),
        shared=channel.get("type") == "shared",
    )


def account_of(payload: Payload) -> Account | None:
    """Whoever sent this, as Teams knows them; None for a bot, and where nobody is told."""
    author, tenant = part(payload, "from"), tenant_of(payload)
    person, user = person_of(author), text_in(author, "id")
    if not (tenant and person and user) or is_from_bot(payload):
        return None
    room = direct_room(person) if is_aside(payload) else room_name_of(payload)
    return Account(tenant, person, user, called(text_in(author, "name")), None, room)


def is_added(payload: Payload) -> bool:
    """Whether the app is new here. Teams tells it in two ways, often in both. An upgrade brings nothing new."""
    return payload.get("action") == "add" or text_in(part(payload, "recipient"), "id") in ids_in(payload, "membersAdded")


def changes_team(payload: Payload) -> bool:
    """Whether the bot's team has other channels than before, or is the bot's anew."""
    return is_added(payload) or payload.get("action") == "add-upgrade" or part(payload, "channelData").get("eventType") in CHANNELS


def gone_in(payload: Payload) -> Gone | None:
    """None when nothing was taken away from the bot."""
    data, kind = part(payload, "channelData"), kind_of(payload)
    team, event = text_in(part(data, "team"), "id"), data.get("eventType")
    if kind == "installationUpdate":
        removed = payload.get("action") in ("remove", "remove-upgrade")
    else:
        removed = text_in(part(payload, "recipient"), "id") in ids_in(payload, "membersRemoved")
    if kind not in ("installationUpdate", "conversationUpdate"):
        return None
    here = room_name_of(payload)
    if removed:
        return Gone(here, team)
    if room_kind_of(payload) != "channel" or not team:
        return None
    channel = text_in(part(data, "channel"), "id")
    if event == "channelDeleted" and channel:
        return Gone(here, team, channel)
    return Gone(here, team) if event in ("teamDeleted", "teamHardDeleted") else None


def called(told: str) -> str:
    """What somebody or something is called, in a line that can be shown."""
    return cut(" ".join(clean(told).split()), NAME)


def part(payload: Payload, name: str) -> Payload:
    """A part of a payload; empty where there is none."""
    found = payload.get(name)
    return found if isinstance(found, Mapping) else {}


def parts(payload: Payload, name: str) -> tuple[Payload, ...]:
    """The parts of a list in a payload; empty where there is none."""
    found = payload.get(name)
    return tuple(one for one in found if isinstance(one, Mapping)) if isinstance(found, list) else ()


def ids_in(payload: Payload, name: str) -> frozenset[str]:
    """Of a list of accounts, as Teams calls them."""
    return frozenset(found for account in parts(payload, name) if (found := text_in(account, "id")))


def text_in(payload: Payload, name: str) -> str:
    """A text in a payload, as it can be written down; "" where there is none. An id that cannot be, as it is, is none."""
    found = payload.get(name)
    told = clean(found) if isinstance(found, str) else ""
    return "" if name in IDS and (told != found or len(told) > IDS[name]) else told


def _account(told: str) -> str:
    name = told.lower()
    return name if len(name) <= ACCOUNT else ""
