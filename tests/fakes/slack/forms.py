"""People who press buttons, fill in forms, use shortcuts and commands."""

from collections.abc import Mapping

from tests.fakes.slack import events, reading
from tests.fakes.slack.people import People
from tests.fakes.slack.state import FakeMessage, Json, Room, SlackError, Team, View
from tests.fakes.slack.surfaces import VIEWS_DEEP, checked_view, new_view, show


class Pressing(People):
    async def press(self, user: str, ts: str, label_or_action_id: str, *, room: str | None = None, after: float = 0) -> None:
        """A button of a message, of an ephemeral message that this person sees, or of a view (`ts` is its id, or "home").

        A confirm dialog is accepted. `after`: how old the trigger is already when the app gets it, in seconds.
        """
        view = self._view(user, ts)
        if view is not None:
            return await self._press_view(user, view, label_or_action_id, after)
        where = self._room_of(user, room)
        hidden = next((m for m in self.ephemeral(user) if m.ts == ts), None)
        message = hidden or self.get(where.id, ts)
        assert message is not None, f"no message {ts} in {where.id}"
        if hidden is not None:
            where = self.rooms[hidden.channel]
        container = {"type": "message", "message_ts": ts, "channel_id": where.id, "is_ephemeral": hidden is not None}
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        told = {
            **self._begun("block_actions", user, where, after=after),
            "container": container,
            "channel": self._named(where),
            "state": {"values": _held(message.blocks)},
            "response_url": self.new_hook(where, user, message=ts, thread=message.thread_ts),
            "actions": [self._action(message.blocks, label_or_action_id)],
        }
        if hidden is None:
            told["message"] = message.as_json(self.app_id)
        await self.interact(told)

    async def press_home(self, user: str, label: str) -> None:
        await self.press(user, "home", label)

    async def submit(self, user: str, values: Mapping[str, str], *, view: str | None = None) -> Json:
        """Fills in and sends the form on top (or `view`, by id). Values go by block id, label or action id.

        A choice is named by its words or its value. The answer of the app is applied, checked, and returned.
        """
        stack = self.open_views.get(user, [])
        assert stack, f"no form is open for {user}"
        shown = self.views[view or stack[-1]]
        assert shown.id == stack[-1], "only the form on top can be sent"
        assert "submit" in shown.body, "this view has nothing to send"
        state = reading.state_of(shown.body["blocks"], values)
        team = self.teams[shown.team]
        begun = self._begun("view_submission", user, self.dm(user), view=shown.id)
        answer = await self.interact({**begun, "view": shown.as_json(self.app_id, team.bot_id, state), "response_urls": []})
        try:
            self._respond(user, shown, team, answer)
        except SlackError as error:
            self.violation("view_submission", error.error, error.why, answer)
        return answer

    async def close_view(self, user: str) -> None:
        """The person closes the form on top; the app hears of it only if it asked to (`notify_on_close`)."""
        closed = self.views[self.open_views[user].pop()]
        if closed.body.get("notify_on_close"):
            begun = self._begun("view_closed", user, self.dm(user))
            del begun["trigger_id"]
            await self.interact({**begun, "view": closed.as_json(self.app_id, self.teams[closed.team].bot_id), "is_cleared": False})

    async def shortcut(self, user: str, callback_id: str, ts: str | None = None, *, room: str | None = None, after: float = 0) -> None:
        """A shortcut on a message, or a global one when `ts` is None."""
        where = self._room_of(user, room)
        if ts is None:
            begun = self._begun("shortcut", user, where, after=after)
            return await self._silent({**begun, "callback_id": callback_id, "action_ts": self.new_ts()})
        message = self.get(where.id, ts)
        assert message is not None, f"no message {ts} in {where.id}"
        await self._silent(
            {
                **self._begun("message_action", user, where, after=after),
                "callback_id": callback_id,
                "action_ts": self.new_ts(),
                "channel": self._named(where),
                "message_ts": ts,
                "message": message.as_json(self.app_id),
                "response_url": self.new_hook(where, user, thread=message.thread_ts),
            }
        )

    async def command(self, user: str, command: str, text: str = "", room: str | None = None, *, after: float = 0) -> None:
        """A slash command; what the answer says is shown to this person alone."""
        where = self._room_of(user, room)
        person, team = self.users[user], self.teams[where.team]
        answer = await self.interact(
            {
                "token": self.verification_token, "team_id": team.id, "team_domain": team.domain, "channel_id": where.id,
                "channel_name": where.name, "user_id": user, "user_name": person.handle, "command": command, "text": text,
                "api_app_id": self.app_id, "is_enterprise_install": "false", "response_url": self.new_hook(where, user),
                "trigger_id": self.new_trigger(user, team.id, age=after),
            }
        )  # fmt: skip
        if answer.get("text"):
            told = FakeMessage(self.new_ts(), where.id, answer["text"], team.id, bot_id=team.bot_id, only_for=user)
            told.blocks = answer.get("blocks") or []
            self.ephemerals.setdefault(user, []).append(told)

    async def _press_view(self, user: str, view: View, wanted: str, after: float) -> None:
        shown = view.as_json(self.app_id, self.teams[view.team].bot_id, _held(view.body["blocks"]))
        told = {
            **self._begun("block_actions", user, self.dm(user), view=view.id if view.body["type"] == "modal" else None, after=after),
            "container": {"type": "view", "view_id": view.id},
            "view": shown,
            "state": shown["state"],
            "actions": [self._action(view.body["blocks"], wanted)],
        }
        await self.interact(told)

    def _respond(self, user: str, view: View, team: Team, answer: Json) -> None:
        """What Slack does with the answer to a submission."""
        stack = self.open_views[user]
        action = answer.get("response_action")
        if action == "errors":
            wrong = answer.get("errors") or {}
            inputs = {block["block_id"] for block in view.body["blocks"] if block["type"] == "input"}
            if not wrong or not set(wrong) <= inputs:
                raise SlackError("invalid_errors", f"{sorted(wrong)} are not inputs of the view")
            view.errors = wrong
        elif action == "update":
            show(self, view, checked_view(self, answer.get("view"), "modal"))
        elif action == "push":
            if len(stack) >= VIEWS_DEEP:
                raise SlackError("push_limit_reached")
            stack.append(new_view(self, user, team.id, checked_view(self, answer.get("view"), "modal"), below=view).id)
        elif action == "clear":
            stack.clear()
        elif action is None:
            if answer:
                raise SlackError("invalid_response", f"a submission is answered with response_action, or nothing: {sorted(answer)}")
            if view.id in stack:
                stack.remove(view.id)
        else:
            raise SlackError("invalid_response", f"response_action {action}")

    async def _silent(self, payload: Json) -> None:
        await self.interact(payload)

    def _view(self, user: str, id: str) -> View | None:
        if id == "home":
            assert user in self.homes, f"{user} has no home view"
            return self.homes[user]
        view = self.views.get(id)
        if view is not None:
            assert id in self.open_views.get(user, []) or self.homes.get(user) is view, f"{user} does not see the view {id}"
        return view

    def _action(self, blocks: list[Json], wanted: str) -> Json:
        action = reading.find(blocks, wanted)
        action.pop("confirm", None)
        return {**action, "action_ts": self.new_ts()}

    def _begun(self, kind: str, user: str, room: Room, *, view: str | None = None, after: float = 0) -> Json:
        team = self.teams[room.team]
        trigger = self.new_trigger(user, team.id, view=view, age=after)
        return events.interaction(
            kind, user=self.users[user], team=team, app_id=self.app_id, token=self.verification_token, trigger_id=trigger
        )

    def _named(self, room: Room) -> Json:
        return {"id": room.id, "name": room.name if room.kind != "group" else "privategroup"}


def _held(blocks: list[Json]) -> Json:
    """What the inputs hold that nobody touched."""
    return {block["block_id"]: {element.get("action_id") or "auto": reading.initial(element)} for block, element in reading.inputs(blocks)}
