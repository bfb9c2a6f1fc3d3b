"""What Slack sends, received: verified by Bolt, committed to the inbox, and only then acknowledged.

Bolt acknowledges before its listeners run, so that a crash would lose what was sent. Everything is therefore done in a middleware,
which ends every request by itself: nothing is left for a listener to answer with a 404, which Slack would send again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from connectors.chat.wording import Wording
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import Heard, Intake, Profile
from connectors.ports.records import Clock
from connectors.slack.buttons import ButtonValue
from connectors.slack.clients import Clients
from connectors.slack.envelope import Payload, bot_user_of, is_feedback, kind_of, pressed_in, streaming_in, tenant_of
from connectors.slack.translate import Context, translate
from connectors.slack.views import loading_view, text_view

log = structlog.get_logger()
OPENING = 2.0
"""Seconds to open a view in: the trigger lives for three, and Slack waits as long for the acknowledgement."""
ASKING = 1.0
"""Seconds to find out who somebody is, ourselves included."""


class Speaker(Protocol):
    """What is wanted of our own channel."""

    async def stop(self, tenant: str, message_ids: Sequence[str]) -> None:
        """Nothing more is written to these messages."""

    async def profile(self, tenant: str, external_id: str) -> Profile | None: ...


class Uninstalls(Protocol):
    """Where installed workspaces are kept."""

    async def uninstalled(self, team: str, when: datetime) -> None: ...

    async def bot_revoked(self, team: str, when: datetime) -> None: ...

    async def users_revoked(self, team: str, users: list[str], when: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Listeners:
    """`bolt()` makes the app that calls it."""

    clients: Clients
    intake: Intake
    speaker: Speaker
    installations: Uninstalls | None
    wording: Wording
    titles: Mapping[str, str]
    """What a shortcut's view is called while it is empty, by callback id."""
    too_late: str
    request_emoji: str
    clock: Clock

    def bolt(self, signing_secret: str) -> AsyncApp:
        """Bolt with its own verification of signatures, and one middleware: ours."""

        async def authorize(context: AsyncBoltContext, team_id: str | None) -> AuthorizeResult | None:
            return await self.authorize(context, team_id)

        app = AsyncApp(
            name="foyer",
            signing_secret=signing_secret,
            authorize=authorize,  # type: ignore[arg-type]  # None is Bolt's own way to say: not installed
            before_authorize=_say_whose,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        app.use(self.receive)
        app.error(_failed)
        return app

    async def authorize(self, context: AsyncBoltContext, team_id: str | None) -> AuthorizeResult | None:
        """Who we are in this workspace; None where the app is not installed. Events say it, so that Slack need not be asked."""
        team, told = team_id or "", str(context.get("told_me") or "")
        if not team:
            return AuthorizeResult(enterprise_id=None, team_id=None)
        try:
            async with asyncio.timeout(ASKING):
                me = await self.clients.me(team)
        except Refused as refused:
            log.warning("slack_not_installed", team=team, code=refused.code)
            return None
        except (Retry, TimeoutError):
            if not told and context.get("is_event"):
                raise
            return AuthorizeResult(enterprise_id=None, team_id=team, bot_user_id=told or None)
        return AuthorizeResult(enterprise_id=None, team_id=team, bot_user_id=me.user, bot_id=me.bot)

    async def receive(self, body: Payload, context: AsyncBoltContext) -> BoltResponse:
        """Raises what the inbox raised, which Slack is told as a 500 and sends again."""
        heard = Context(self.clock(), context.bot_user_id or "", self.request_emoji)
        match kind_of(body):
            case "app_uninstalled" | "tokens_revoked":
                await self._gone(body)
            case "app_rate_limited":
                log.error("slack_events_rate_limited", team=tenant_of(body))
            case "block_actions":
                await self._pressed(body, heard)
            case "message_action":
                title = self.titles.get(str(body.get("callback_id")))
                if title is not None:
                    await self._with_form(body, heard, title)
            case "agent_session_stopped":
                await self.speaker.stop(tenant_of(body), streaming_in(body["event"]))
                await self._record(body, heard)
            case "view_submission":
                await self._record(body, heard)
                return BoltResponse(status=200, body={"response_action": "clear"})
            case _:
                await self._record(body, heard)
        return BoltResponse(status=200, body="")

    async def _record(self, body: Payload, heard: Context, surface: str | None = None) -> None:
        activity = translate(body, heard)
        if activity is not None:
            about = await self._named(activity.about) if activity.about is not None else None
            await self.intake.record(replace(activity, surface=surface, about=about))

    async def _named(self, heard: Heard) -> Heard:
        """With the name of whoever wrote it, which Slack leaves out; "" when it cannot be had in time."""
        if heard.author is None or heard.author_name:
            return heard
        try:
            async with asyncio.timeout(ASKING):
                profile = await self.speaker.profile(heard.author.tenant, heard.author.external_id)
        except (ConnectorError, TimeoutError):
            return heard
        return replace(heard, author_name=profile.name) if profile is not None else heard

    async def _pressed(self, body: Payload, heard: Context) -> None:
        pressed = pressed_in(body)
        if pressed is None:
            log.info("slack_press_of_nothing")
        elif pressed.needs_text != "no":
            if is_feedback(body):  # it counts without a reason, too
                await self._record(body, heard)
            await self._open(body, self._asks(pressed, body, heard))
        elif pressed.opens_form:
            await self._with_form(body, heard, pressed.label)
        else:
            await self._record(body, heard)

    async def _with_form(self, body: Payload, heard: Context, title: str) -> None:
        """An empty view at once, since the trigger does not wait for the bot to think; the bot fills it."""
        surface = await self._open(body, loading_view(title, self.wording))
        if surface is not None:
            await self._record(body, heard, surface)

    def _asks(self, pressed: ButtonValue, body: Payload, heard: Context) -> dict[str, Any]:
        """The words that are wanted with a press. The view remembers where it was pressed."""
        activity = translate(body, heard)
        address = activity.address if activity is not None else None
        return text_view(pressed, self.wording, address)

    async def _open(self, body: Payload, view: dict[str, Any]) -> str | None:
        """The id of the opened view; None when it was too late, which the person is told."""
        tenant = tenant_of(body)
        try:
            async with asyncio.timeout(OPENING):
                opened = await self.clients.call(tenant, "views.open", trigger_id=str(body.get("trigger_id")), view=view)
        except (ConnectorError, TimeoutError) as error:
            log.warning("slack_view_not_opened", team=tenant, code=getattr(error, "code", "timeout"))
            await self._say_too_late(tenant, body)
            return None
        return str(opened["view"]["id"])

    async def _say_too_late(self, tenant: str, body: Payload) -> None:
        """Where they pressed, to them alone; where the bot is no member, in their own chat."""
        user, room = body["user"]["id"], (body.get("channel") or {}).get("id") or ""
        try:
            async with asyncio.timeout(OPENING):
                if room.startswith(("C", "G")):
                    with suppress(Refused):
                        await self.clients.call(tenant, "chat.postEphemeral", channel=room, user=user, text=self.too_late)
                        return
                await self.clients.call(tenant, "chat.postMessage", channel=user, text=self.too_late, unfurl_links=False)
        except (ConnectorError, TimeoutError) as error:
            log.warning("slack_too_late_not_told", team=tenant, code=getattr(error, "code", "timeout"))

    async def _gone(self, body: Payload) -> None:
        """The app was removed from a workspace, or tokens were withdrawn: what was kept for them is forgotten."""
        team, event = tenant_of(body), body["event"]
        log.warning("slack_access_withdrawn", team=team, kind=event["type"])
        if self.installations is not None:
            withdrawn = event.get("tokens") or {}
            # An event that comes late says nothing of what was installed since. Slack tells whole seconds.
            when = datetime.fromtimestamp(float(body.get("event_time") or self.clock().timestamp()) + 1, UTC)
            if event["type"] == "app_uninstalled":
                await self.installations.uninstalled(team, when)
            else:
                await self.installations.users_revoked(team, list(withdrawn.get("oauth") or ()), when)
                if withdrawn.get("bot"):
                    await self.installations.bot_revoked(team, when)
        self.clients.forget(team)


async def _say_whose(body: Payload, context: AsyncBoltContext, next: Any) -> None:
    """In a shared channel a press comes from another workspace than the one that has the app, which Bolt would look for."""
    context["team_id"] = tenant_of(body) or None
    context["told_me"] = bot_user_of(body)
    context["is_event"] = body.get("type") == "event_callback"
    await next()


async def _failed(error: Exception) -> BoltResponse:
    """Not recorded, so not acknowledged: Slack sends it again."""
    log.error("slack_not_recorded", exc_info=error)
    return BoltResponse(status=500, body="")
