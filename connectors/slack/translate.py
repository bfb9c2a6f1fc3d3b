"""What Slack sends, as the bot understands it: a payload in, an `Activity` out, or nothing for what is nobody's business.

Pure, and it never raises: Slack's payloads are many and change, and one that cannot be read must not be sent again for ever.
Nothing but ids is believed of a press; whether somebody may press is for the bot to decide.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from connectors.ports.chat import HOME_PAGE, OWN_CHAT, Activity, ActivityKind, Address, FileRef, Heard, Press, Shortcut
from connectors.ports.people import ExternalId
from connectors.slack.envelope import Payload, kind_of, part, pressed_in, tenant_of
from connectors.slack.plain import LONGEST, mentions, names_others, plain
from connectors.slack.views import read_view

log = structlog.get_logger()
CHANNEL = "slack"
COMMAND = "/foyer"
HELP = "help"
"""What the command means when nothing is said with it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What has to be known to understand a payload: when it came, who we are in that workspace, which emoji makes a request."""

    now: datetime
    me: str = ""
    """The bot's user id there."""
    request_emoji: str = "ticket"


def translate(body: Payload, context: Context) -> Activity | None:
    """None for what is not for us; `slack_payload_unreadable` is logged for what ought to be, and cannot be read."""
    try:
        return _translate(body, context)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, OSError) as error:
        log.warning("slack_payload_unreadable", kind=kind_of(body), error=type(error).__name__)
        return None


def file_refs(message: Payload) -> tuple[FileRef, ...]:
    """The files of a message, those that Slack has no bytes of left out."""
    return tuple(
        FileRef(
            str(file["id"]),
            str(file.get("name") or file.get("title") or file["id"]),
            str(file.get("mimetype") or "application/octet-stream"),
            int(file.get("size") or 0),
            str(file.get("url_private_download") or file.get("url_private") or ""),
        )
        for file in message.get("files") or ()
        if file.get("mode") not in ("tombstone", "hidden_by_limit")
    )


def time_of(ts: str) -> datetime:
    """The moment that a Slack timestamp names. Raises ValueError."""
    return datetime.fromtimestamp(float(ts), UTC)


def _translate(body: Payload, context: Context) -> Activity | None:
    kind, tenant = kind_of(body), tenant_of(body)
    read = EVENTS.get(kind) if body.get("type") == "event_callback" else None
    interaction = INTERACTIONS.get(kind)
    if read is None and interaction is None:
        return None
    if not tenant:
        raise ValueError("no workspace")
    if read is not None:
        return read(body["event"], body, tenant, context)
    return interaction(body, tenant, context) if interaction is not None else None


def _message(event: Payload, body: Payload, tenant: str, context: Context) -> Activity | None:
    match event.get("subtype"):
        case None | "file_share" | "thread_broadcast":
            return _said(event, tenant, context)
        case "message_changed":
            return _changed(event, tenant, context)
        case "message_deleted":
            return _deleted(event, event["previous_message"], tenant, context)
    return None


def _mentioned(event: Payload, body: Payload, tenant: str, context: Context) -> Activity | None:
    """The same message as a `message` event, but Slack leaves its files out."""
    said = _said(event, tenant, context)
    return replace(said, addressed=True, incomplete=True) if said is not None else None


def _said(event: Payload, tenant: str, context: Context) -> Activity | None:
    if _is_bot(event, context):
        return None
    ts, text = str(event["ts"]), str(event.get("text") or "")
    thread = str(event.get("thread_ts") or ts)
    return Activity(
        id=f"{event['channel']}:{ts}",
        kind=ActivityKind.MESSAGE,
        address=_address(tenant, event, str(event["user"]), thread),
        sender=ExternalId(CHANNEL, tenant, str(event["user"])),
        at=time_of(ts),
        text=plain(text, me=context.me),
        order=ts,
        addressed=_is_direct(event) or mentions(text, context.me),
        for_others=names_others(text, context.me),
        in_thread=thread != ts,
        files=file_refs(event),
    )


def _changed(event: Payload, tenant: str, context: Context) -> Activity | None:
    """An edit by its author. Unfurled links change a message, too, and a deleted root of a thread becomes a tombstone."""
    message, before = event["message"], event.get("previous_message") or {}
    if message.get("subtype") == "tombstone":
        return _deleted(event, before, tenant, context)
    text = str(message.get("text") or "")
    if _is_bot(message, context) or "edited" not in message or text == before.get("text"):
        return None
    ts = str(message.get("ts") or before["ts"])
    return replace(
        _about(ActivityKind.EDITED, event, message, before, ts, tenant),
        text=plain(text, me=context.me),
        addressed=_is_direct(event) or mentions(text, context.me),
    )


def _deleted(event: Payload, before: Payload, tenant: str, context: Context) -> Activity | None:
    if _is_bot(before, context):
        return None
    ts = str(before.get("ts") or event["deleted_ts"])
    return replace(_about(ActivityKind.DELETED, event, before, before, ts, tenant), addressed=_is_direct(event))


def _about(kind: ActivityKind, event: Payload, message: Payload, before: Payload, ts: str, tenant: str) -> Activity:
    """What happened to a message that was said before."""
    author, when = str(message["user"]), str(event.get("event_ts") or event["ts"])
    thread = str(message.get("thread_ts") or before.get("thread_ts") or ts)
    target = f"{event['channel']}:{ts}"
    return Activity(
        id=f"{kind.value}:{target}:{when}",
        kind=kind,
        address=_address(tenant, event, author, thread),
        sender=ExternalId(CHANNEL, tenant, author),
        at=time_of(when),
        order=when,
        target=target,
        in_thread=thread != ts,
    )


def _marked(event: Payload, body: Payload, tenant: str, context: Context) -> Activity | None:
    item, who = event["item"], str(event["user"])
    if event["reaction"].partition("::")[0] != context.request_emoji or item["type"] != "message" or who == context.me:
        return None
    target, when = f"{item['channel']}:{item['ts']}", str(event["event_ts"])
    return Activity(
        id=f"mark:{target}:{who}:{when}",
        kind=ActivityKind.MARKED,
        address=_address(tenant, item, who, str(item["ts"])),
        sender=ExternalId(CHANNEL, tenant, who),
        at=time_of(when),
        order=when,
        target=target,
    )


def _opened(event: Payload, body: Payload, tenant: str, context: Context) -> Activity | None:
    who, when = str(event["user"]), str(event.get("event_ts") or body["event_time"])
    return Activity(
        id=f"opened:{body['event_id']}",
        kind=ActivityKind.OPENED,
        address=Address(CHANNEL, tenant, who),
        sender=ExternalId(CHANNEL, tenant, who),
        at=time_of(when),
        order=when,
        target=OWN_CHAT if event.get("tab") == "messages" else HOME_PAGE,
    )


def _stopped(event: Payload, body: Payload, tenant: str, context: Context) -> Activity | None:
    who, when = str(event["user"]), str(event["event_ts"])
    return Activity(
        id=f"stopped:{body['event_id']}",
        kind=ActivityKind.STOPPED,
        address=_address(tenant, event, who, str(event["thread_ts"])),
        sender=ExternalId(CHANNEL, tenant, who),
        at=time_of(when),
        order=when,
    )


def _gone(event: Payload, body: Payload, tenant: str, context: Context) -> Activity | None:
    """The app was removed or its token withdrawn: for the installations, not for the bot."""
    return None


Read = Callable[[Payload, Payload, str, Context], Activity | None]
EVENTS: Mapping[str, Read] = {
    "message": _message,
    "app_mention": _mentioned,
    "reaction_added": _marked,
    "app_home_opened": _opened,
    "agent_session_stopped": _stopped,
    "app_uninstalled": _gone,
    "tokens_revoked": _gone,
}
"""Every event that is listened to; the manifest asks Slack for exactly these."""


def _pressed(body: Payload, tenant: str, context: Context) -> Activity | None:
    """A button. Its room is where it stands, not where its value says."""
    pressed, who = pressed_in(body), str(body["user"]["id"])
    if pressed is None:
        return None
    when = str(body["actions"][0].get("action_ts") or f"{context.now.timestamp():.6f}")
    return Activity(
        id=f"press:{body['trigger_id']}",
        kind=ActivityKind.ACTION,
        address=_place(body, tenant, who, pressed.thread),
        sender=ExternalId(CHANNEL, tenant, who),
        at=context.now,
        press=Press(pressed.action),
        order=when,
    )


def _place(body: Payload, tenant: str, who: str, said: str) -> Address:
    """The conversation that a pressed button belongs to; the person's own room when it stands on a page or in a view.

    `said`: the thread that the button names, believed of what one person alone sees: it may stand beside its thread.
    """
    container, message = part(body, "container"), part(body, "message")
    channel = container.get("channel_id") or part(body, "channel").get("id")
    if not channel:
        return Address(CHANNEL, tenant, who)
    own = said or None if container.get("is_ephemeral") else message.get("ts") or container.get("message_ts")
    thread = message.get("thread_ts") or container.get("thread_ts") or own
    return _address(tenant, {"channel": channel}, who, str(thread) if thread else None)


def _submitted(body: Payload, tenant: str, context: Context) -> Activity | None:
    """A form or a reason that was sent. The conversation is the one that the view was opened from."""
    sent, who = read_view(body["view"]), str(body["user"]["id"])
    if sent is None:
        return None
    return Activity(
        id=f"form:{body['view']['id']}",
        kind=ActivityKind.ACTION,
        address=_address(tenant, {"channel": sent.channel or who}, who, sent.thread),
        sender=ExternalId(CHANNEL, tenant, who),
        at=context.now,
        press=Press(sent.action, sent.text[:LONGEST], sent.values),
        order=f"{context.now.timestamp():.6f}",
    )


def _shortcut(body: Payload, tenant: str, context: Context) -> Activity | None:
    """Used on a message, whoever wrote it; the answer goes to whoever used it, in their own chat."""
    if body["callback_id"] not in SHORTCUTS:
        return None
    who, message, channel = str(body["user"]["id"]), body["message"], str(body["channel"]["id"])
    ts = str(message.get("ts") or body["message_ts"])
    author = message.get("user")
    return Activity(
        id=f"shortcut:{body['trigger_id']}",
        kind=ActivityKind.SHORTCUT,
        address=Address(CHANNEL, tenant, who),
        sender=ExternalId(CHANNEL, tenant, who),
        at=context.now,
        order=str(body.get("action_ts") or f"{context.now.timestamp():.6f}"),
        target=str(body["callback_id"]),
        about=Heard(
            message_id=f"{channel}:{ts}",
            author=ExternalId(CHANNEL, tenant, str(author)) if author and not message.get("bot_id") else None,
            author_name=str(message.get("username") or ""),
            text=plain(str(message.get("text") or ""), me=context.me),
            at=time_of(ts),
            thread=str(message.get("thread_ts") or ts),
            files=file_refs(message),
        ),
    )


def _command(body: Payload, tenant: str, context: Context) -> Activity | None:
    if body["command"] != COMMAND:
        return None
    who = str(body["user_id"])
    return Activity(
        id=f"command:{body['trigger_id']}",
        kind=ActivityKind.MESSAGE,
        address=Address(CHANNEL, tenant, who),
        sender=ExternalId(CHANNEL, tenant, who),
        at=context.now,
        text=plain(str(body.get("text") or ""), me=context.me) or HELP,
        order=f"{context.now.timestamp():.6f}",
    )


SHORTCUTS = frozenset(shortcut.value for shortcut in Shortcut)
INTERACTIONS: Mapping[str, Callable[[Payload, str, Context], Activity | None]] = {
    "block_actions": _pressed,
    "view_submission": _submitted,
    "message_action": _shortcut,
    "slash_command": _command,
}


def _address(tenant: str, place: Payload, who: str, thread: str | None) -> Address:
    """The room of a direct chat is the person in it, by whatever id Slack gives the chat itself."""
    room = who if _is_direct(place) else str(place["channel"])
    return Address(CHANNEL, tenant, room, thread)


def _is_direct(place: Payload) -> bool:
    return place.get("channel_type") == "im" or str(place["channel"])[:1] in ("D", "U", "W")


def _is_bot(message: Payload, context: Context) -> bool:
    """Written by a bot, ourselves included, or by Slack itself."""
    return bool(message.get("bot_id")) or message.get("user") in (None, "", context.me, "USLACKBOT")
