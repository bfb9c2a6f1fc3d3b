"""People who press buttons, fill in forms and use message extensions."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tests.fakes.teams import cards
from tests.fakes.teams.driving import Driving
from tests.fakes.teams.state import CARD, BotError, Json, Room, Shown

NOTHING: Mapping[str, str] = MappingProxyType({})
EXECUTED = "application/vnd.microsoft.card.adaptive"
TOLD = "application/vnd.microsoft.activity.message"
FAILED = "application/vnd.microsoft.error"


class Pressing(Driving):
    async def press(self, person: str, message: Shown, label: str, inputs: Mapping[str, str] = NOTHING) -> Any:
        """A button of the card, with what was typed; a card in the answer takes its place for this person, as in Teams.

        Returns the answer to an invoke, None for an Action.Submit. A ShowCard of that title is opened and its own button pressed.
        """
        action, around = self._button(person, message, label)
        if action["type"] == "Action.Submit":
            return await self._submitted(person, message, action, around, inputs)
        assert action["type"] == "Action.Execute", f"{label!r} is an {action['type']}"
        data = _data(action, around, inputs)
        told: Json = {"type": "Action.Execute", "verb": action["verb"], "data": data}
        if action.get("id"):
            told["id"] = action["id"]
        answer = await self._invoke(person, "adaptiveCard/action", {"action": told, "trigger": "manual"}, message)
        self._answered(person, message, answer)
        return answer

    async def submit(self, person: str, message: Shown, label: str, inputs: Mapping[str, str] = NOTHING) -> Any:
        """The same on a client that knows no Action.Execute: its fallback."""
        action, around = self._button(person, message, label)
        fallback = action.get("fallback")
        assert action["type"] == "Action.Submit" or isinstance(fallback, dict), f"{label!r} has no fallback"
        return await self._submitted(person, message, fallback if isinstance(fallback, dict) else action, around, inputs)

    async def press_stale(self, person: str, message: Shown, card: Json, label: str, inputs: Mapping[str, str] = NOTHING) -> Any:
        """A button of a card as somebody still has it on their screen, though it has changed since."""
        message.seen[person] = card
        try:
            return await self.press(person, message, label, inputs)
        finally:
            if message.seen.get(person) is card:
                del message.seen[person]

    async def _submitted(self, person: str, message: Shown, action: Json, around: list[Json], inputs: Mapping[str, str]) -> Any:
        data = _data(action, around, inputs)
        teams = data.get("msteams") or {}
        if teams.get("type") == "task/fetch":
            return await self._fetched(person, message, data)
        if teams.get("type") in ("imBack", "messageBack"):
            said = teams.get("value") if teams["type"] == "imBack" else teams.get("text")
            await self.say(person, str(said), room=message.room.key)
            return None
        person_, where = self.people[person], message.room
        await self.emit(self.payloads.submit(self.new_id("f:"), data, person_, where, self.at(), message=message))
        return None

    async def fetch_task(self, person: str, message: Shown, label: str) -> Any:
        """Presses a button that opens a form. Returns the answer: {"task": {"type": "continue" | "message", "value": ...}}."""
        action, around = self._button(person, message, label)
        assert (action.get("data") or {}).get("msteams", {}).get("type") == "task/fetch", f"{label!r} opens no form: {action}"
        return await self._fetched(person, message, {**cards.filled(around, NOTHING, checked=False), **action["data"]})

    async def _fetched(self, person: str, message: Shown, data: Json) -> Any:
        """`msteams` is not part of what the bot gets, nor of what is sent from the form (from memory: it is)."""
        answer = await self._invoke(person, "task/fetch", {"data": data, "context": {"theme": "default"}}, message)
        return self._task(answer, message.room)

    async def send_task(self, person: str, response: Any, values: Mapping[str, str], label: str | None = None) -> Any:
        """Fills in the form of a task module and sends it; `response` is what fetch_task, shortcut or this returned."""
        card = self.card_of(response)
        action = self._sender(card, label)
        data = {**cards.filled([card], values), **(action.get("data") or {})}
        opened = response["opened"]
        room: Room = opened["room"]
        if opened.get("command"):
            told = self._extension("submitAction", person, opened["command"], opened["message"], data)
            return self._task(await self.ask(told), room, opened.get("command"), opened.get("message"))
        answer = await self._invoke(person, "task/submit", {"data": data, "context": {"theme": "default"}}, None, room)
        return self._task(answer, room)

    async def shortcut(self, person: str, command: str, id: str, *, room: str | None = None) -> Any:
        """A message extension's action on a message of a room; the bot need not be there."""
        where = self.room(room or person)
        message = self._message(where, id)
        answer = await self.ask(self._extension("fetchTask", person, command, message, {}))
        return self._task(answer, where, command, message)

    @staticmethod
    def card_of(response: Any) -> Json:
        """The form in an answer. Raises AssertionError with what was said instead."""
        task = (response or {}).get("task") or {}
        assert task.get("type") == "continue", f"no form: {response}"
        content: Json = task["value"]["card"]["content"]
        return content

    def labels(self, message: Shown, person: str | None = None) -> list[str]:
        """The buttons on a message, as this person sees it."""
        return cards.labels(message.card_for(person or ""))

    def words(self, message: Shown, person: str | None = None) -> str:
        """All that is to be read of a message: its text, its card, the names of files."""
        names = [one["name"] for one in message.attachments if one.get("name")]
        return "\n".join(part for part in (message.text, cards.words(message.card_for(person or "")), *names) if part)

    def _button(self, person: str, message: Shown, label: str) -> tuple[Json, list[Json]]:
        assert not message.deleted, "a deleted message has no buttons"
        card = message.card_for(person)
        assert card is not None, f"no card on {message.text!r}"
        return cards.find(card, label)

    def _sender(self, card: Json, label: str | None) -> Json:
        every = [action for action, _ in cards.actions(card) if action["type"] in ("Action.Submit", "Action.Execute")]
        found = [action for action in every if label in (None, action["title"])]
        assert len(found) == 1, f"{len(found)} buttons {label!r} among {cards.labels(card)}"
        return found[0]

    def _extension(self, step: str, person: str, command: str, message: Shown, data: Json) -> Json:
        author = self.people[message.by] if message.by else None
        who, room = self.people[person], message.room
        assert person in room.members, f"{person} does not see {room.key}"
        return self.payloads.extension(step, self.new_id("f:"), command, who, room, self.at(), message, author, data)

    def _task(self, answer: Any, room: Room, command: str | None = None, message: Shown | None = None) -> Any:
        """Checks what Teams would show; remembers where the form was opened."""
        if not answer:
            return answer
        task = answer.get("task")
        if task is None or task.get("type") not in ("continue", "message"):
            self._wrong("task", f"a task module is answered with continue or message: {answer}", answer)
        elif task["type"] == "message" and not isinstance(task.get("value"), str):
            self._wrong("task", "a message is text", answer)
        elif task["type"] == "continue":
            value = task.get("value") or {}
            if not value.get("title") or (value.get("card") or {}).get("contentType") != CARD:
                self._wrong("task", "a form has a title and a card", answer)
            self._checked("task", value["card"]["content"])
        return {**answer, "opened": {"room": room, "command": command, "message": message}}

    def _answered(self, person: str, message: Shown, answer: Any) -> None:
        """Shows what came, as Teams would."""
        if not isinstance(answer, dict) or not isinstance(answer.get("statusCode"), int):
            return self._wrong("adaptiveCard/action", f"an answer has a statusCode: {answer}", answer)
        kind, value = answer.get("type"), answer.get("value")
        if kind == EXECUTED:
            self._checked("adaptiveCard/action", value)
            message.seen[person] = dict(value or {})
        elif kind == TOLD:
            if not isinstance(value, str) or not value:
                self._wrong("adaptiveCard/action", "a message is text", answer)
        elif kind != FAILED:
            self._wrong("adaptiveCard/action", f"type {kind!r}", answer)
        return None

    def _checked(self, method: str, card: Any) -> None:
        try:
            cards.check(card)
        except BotError as error:
            self.violation(method, error, card)

    def _wrong(self, method: str, why: str, answer: Any) -> None:
        self.violation(method, BotError(400, "BadSyntax", why), answer)


def _data(action: Json, around: list[Json], inputs: Mapping[str, str]) -> Json:
    """What a button sends: its own data, and what the inputs hold, unless it wants none of them."""
    if action.get("associatedInputs") == "none":
        assert not inputs, f"{action.get('title')!r} takes no inputs"
        return dict(action.get("data") or {})
    return {**cards.filled(around, inputs), **(action.get("data") or {})}
