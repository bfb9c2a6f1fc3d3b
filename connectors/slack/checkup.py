"""Whether Slack works as it is configured, tried on Slack itself; what is wrong is said in the words of whoever configures it."""

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import Address
from connectors.slack.clients import BROKEN, BUSY, Clients
from connectors.slack.manifest import EVENTS_PATH, INSTALL_PATH, bot_scopes
from connectors.slack.settings import SlackSettings

Named = tuple[str, Address, bool]
"""What foyer.yaml says about a room: as what (the desk it-support), where, and whether the bot has to be in it."""
AWAY = frozenset({"unreachable", "no_answer"})
FAILURES = (SlackApiError, SlackRequestError, aiohttp.ClientError, TimeoutError)
BOT_TOKEN = ("FOYER_SLACK_BOT_TOKEN", "it is the Bot User OAuth Token (xoxb-...) under Install App")
APP_TOKEN = ("FOYER_SLACK_APP_TOKEN", "it is a token (xapp-...) with connections:write, under Basic Information, App-Level Tokens")


@dataclass(frozen=True, slots=True)
class Checkup:
    settings: SlackSettings
    clients: Clients

    async def run(self, rooms: Sequence[Named], refusing: str | None) -> str:
        """Which workspaces, as whom, with which rights, by which way. `refusing`: why what Slack sends is refused.

        Raises Refused with everything that is wrong, Retry when Slack cannot be asked.
        """
        teams = await self.teams()
        if not teams:
            raise Refused("not_installed", f"no workspace has installed the app yet: open {self.settings.base_url}{INSTALL_PATH}")
        if self.settings.app_token:
            await self.socket_url(self.settings.app_token)
        names: dict[str, str] = {}
        found, wrong = [], list[str]()
        for team in teams:
            names[team], said = await self._workspace(team)
            found.append(said)
        for what, room, inside in rooms:
            wrong += await self._room(what, room, inside, names)
        wrong += [refusing] if refusing else []
        if wrong:
            raise Refused("misconfigured", "; ".join([*wrong, f"otherwise {', '.join(found)}"]))
        lacking = ", ".join(sorted(self.settings.teams.difference(teams)))
        found += [f"not installed yet in {lacking}"] if lacking and self.settings.client_id else []
        way = "Socket Mode" if self.settings.app_token else f"HTTP at {self.settings.base_url}{EVENTS_PATH}"
        return f"{'; '.join(found)}; {way}"

    async def teams(self) -> Sequence[str]:
        """The workspaces that the bot is in. Raises Refused and Retry, worded."""
        try:
            return await self.clients.tenants()
        except ConnectorError as error:
            raise self._worded(error, *BOT_TOKEN) from error

    async def socket_url(self, token: str) -> str:
        """Where Socket Mode connects to. Raises Refused and Retry, worded."""
        client = AsyncWebClient(base_url=self.settings.api_url, session=self.clients.session(), retry_handlers=[])
        try:
            return str((await client.apps_connections_open(app_token=token))["url"])
        except FAILURES as error:
            raise self._worded(_told(error), *APP_TOKEN) from error

    async def _workspace(self, team: str) -> tuple[str, str]:
        """Its name, and what there is to say about it."""
        try:
            answer = await (await self.clients.of(team)).auth_test()
        except FAILURES as error:
            installed = (f"the token of {team}", f"install the app there again at {self.settings.base_url}{INSTALL_PATH}")
            raise self._worded(_told(error), *(installed if self.settings.client_id else BOT_TOKEN)) from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        granted = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")} - {""}
        missing = ", ".join(sorted(set(bot_scopes()) - granted))
        if granted and missing:
            raise Refused(
                "missing_scope", f"{answer['team']} has not granted {missing}: update the app from the manifest, then reinstall it"
            )
        scopes = f"{len(granted)} scopes" if granted else "scopes not told"
        return str(answer["team"]), f"{team} ({answer['team']}) as @{answer['user']}, {scopes}"

    async def _room(self, what: str, room: Address, inside: bool, names: dict[str, str]) -> Sequence[str]:
        """What is wrong with a room of foyer.yaml; nothing where it is right."""
        here = f"{what} in foyer.yaml, slack:{room.tenant}:{room.room}"
        if room.tenant not in names:
            known = ", ".join(f"{team} ({name})" for team, name in names.items())
            return [f"{here}, names the workspace {room.tenant}, and this is {known}"]
        try:
            info = await self.clients.call(room.tenant, "conversations.info", channel=room.room)
        except Refused as refused:
            if refused.code != "channel_not_found":
                return [f"{here}: Slack says {refused.code}"]
            where = names[room.tenant]
            return [f"{here}: {where} has no room {room.room}, or it is private and the bot is not in it (/invite @Foyer)"]
        except Retry as away:
            raise self._worded(away, *BOT_TOKEN) from away
        if inside and not info["channel"].get("is_member"):
            return [f"{here}: invite the bot into #{info['channel'].get('name')}: /invite @Foyer"]
        return []

    def _worded(self, error: ConnectorError, token: str, mend: str) -> ConnectorError:
        if isinstance(error, Retry):
            said = f"cannot reach {self.settings.api_url}" if error.code in AWAY else f"{self.settings.api_url} says {error.code}"
            return Retry(error.code, said, error.after)
        return Refused(error.code, f"Slack refuses {token} ({error.code}): {mend}")


def _told(error: Exception) -> ConnectorError:
    response = error.response if isinstance(error, SlackApiError) else None
    if not isinstance(response, AsyncSlackResponse) or not isinstance(response.data, dict) or "error" not in response.data:
        return Retry("no_answer")
    code = str(response.data["error"])
    return Retry(code) if code in BUSY | BROKEN else Refused(code)
