"""The envelope of what Slack sends: what it is, whose it is, and the little that has to be known of it at once. Never raises."""

from collections.abc import Mapping
from typing import Any

from connectors.slack.buttons import PRESS_FEEDBACK, ButtonValue, read_press

Payload = Mapping[str, Any]


def kind_of(body: Payload) -> str:
    """The name of what was sent, for the log and for dispatching: an event's type, or that of the interaction."""
    if body.get("type") == "event_callback":
        event = body.get("event")
        return str(event.get("type", "")) if isinstance(event, Mapping) else ""
    return "slash_command" if "command" in body else str(body.get("type", ""))


def tenant_of(body: Payload) -> str:
    """The workspace that has the app, which in a shared channel need not be that of whoever speaks; "" if it is not told."""
    view, message = part(body, "view"), part(body, "message")
    ours = message.get("team") if message.get("bot_id") else None
    team = body.get("team")
    found = (
        view.get("app_installed_team_id")
        or _authorization(body).get("team_id")
        or ours
        or body.get("team_id")
        or (team.get("id") if isinstance(team, Mapping) else team)
        or part(body, "user").get("team_id")
    )
    return str(found or "")


def bot_user_of(body: Payload) -> str:
    """Our own user id, where an event says whom it is for; "" elsewhere."""
    given = _authorization(body)
    return str(given.get("user_id") or "") if given.get("is_bot") else ""


def pressed_in(body: Payload) -> ButtonValue | None:
    """What the pressed button carries; None for anything that is none of ours."""
    match body.get("actions"):
        case [{"value": str(value)}, *_]:
            return read_press(value)
    return None


def is_feedback(body: Payload) -> bool:
    """Whether what was pressed are the thumbs under an answer."""
    match body.get("actions"):
        case [{"action_id": str(name)}, *_]:
            return name.startswith(PRESS_FEEDBACK)
    return False


def streaming_in(event: Payload) -> tuple[str, ...]:
    """The messages that were being written when somebody pressed Stop, by message id."""
    written = event.get("streaming_message_ts")
    return tuple(f"{event.get('channel')}:{ts}" for ts in written) if isinstance(written, list) else ()


def _authorization(body: Payload) -> Payload:
    given = body.get("authorizations")
    return given[0] if isinstance(given, list) and given and isinstance(given[0], Mapping) else {}


def part(payload: Payload, name: str) -> Payload:
    """A part of a payload; empty where there is none."""
    found = payload.get(name)
    return found if isinstance(found, Mapping) else {}
