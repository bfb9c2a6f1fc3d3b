"""What Teams sends, received: committed to the inbox, and only then answered. What is an invoke is answered while somebody waits.

Teams sends again what is not answered in fifteen seconds, and what was answered with an error: whatever raises here comes again.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, Protocol

import structlog

from connectors.chat.wording import Word
from connectors.ports.chat import Activity, ActivityKind, Address, Intake
from connectors.ports.records import Clock
from connectors.teams.adapter import InvokeAnswer
from connectors.teams.buttons import TITLE
from connectors.teams.entities import CARD
from connectors.teams.envelope import Payload, kind_of, part, room_kind_of, text_in
from connectors.teams.places import Places
from connectors.teams.translate import READ, translate
from connectors.teams.waiting import Card, Waiting, changing, opening

log = structlog.get_logger()
MESSAGE = "application/vnd.microsoft.activity.message"
ERROR = "application/vnd.microsoft.error"
FORM = 4.0
"""Seconds from its asking that somebody waits for a form to open, or for a file to arrive; Teams gives up after five."""
PRESSED = 2.0
"""Seconds from their press that somebody waits for a card to change; it changes later, too."""


class Speaker(Protocol):
    """What is wanted of our own channel."""

    async def typing(self, address: Address) -> None:
        """Shows that the bot is at it, for a few seconds."""


class Answers(Protocol):
    """Where people's answers go to whether they take a file."""

    async def answered(self, payload: Payload) -> None: ...


class Listeners:
    """`form` and `pressed` are in seconds: see FORM, PRESSED."""

    def __init__(
        self,
        places: Places,
        intake: Intake,
        waiting: Waiting,
        speaker: Speaker,
        consents: Answers,
        word: Word,
        clock: Clock,
        *,
        form: float = FORM,
        pressed: float = PRESSED,
    ) -> None:
        self._places = places
        self._intake = intake
        self._waiting = waiting
        self._speaker = speaker
        self._consents = consents
        self._word = word
        self._clock = clock
        self._form = form
        self._pressed = pressed
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle(self, payload: Payload) -> InvokeAnswer | None:
        """None for what wants no answer. Raises what the database raised."""
        kind, now = kind_of(payload), asyncio.get_running_loop().time()
        team = await self._places.note(payload) if kind in READ or kind == "fileConsent/invoke" else None
        match kind:
            case "adaptiveCard/action":
                return await self._executed(payload, now + self._pressed)
            case "task/fetch":
                return await self._opened(payload, text_in(part(part(payload, "value"), "data"), TITLE), now + self._form)
            case "composeExtension/fetchTask":
                return await self._opened(payload, self._shortcut(payload), now + self._form)
            case "task/submit" | "composeExtension/submitAction":
                return await self._sent(payload, kind)
            case "message/submitAction":
                await self._record(payload)
                return InvokeAnswer(200, {})
            case "fileConsent/invoke":
                await self._by(now + self._form, self._consents.answered(payload))
                return InvokeAnswer(200, {})
        if payload.get("type") == "invoke":
            log.warning("teams_invoke_unknown", name=kind)
            return InvokeAnswer(501)
        if kind not in READ:
            log.info("teams_activity_ignored", kind=kind)
            return None
        await self._heard(payload)
        if team is not None:
            await self._by(now + self._form, self._places.ask(team))
        return None

    async def close(self) -> None:
        """Ends what is still under way beside the answers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _record(self, payload: Payload) -> Activity | None:
        """None for what is none of ours; raises when it could not be written down."""
        activity = translate(payload, self._clock())
        if activity is not None:
            await self._intake.record(activity)
        return activity

    async def _heard(self, payload: Payload) -> None:
        activity = translate(payload, self._clock())
        if activity is None:
            return
        new = await self._intake.record(activity)
        if new and activity.kind is ActivityKind.MESSAGE and room_kind_of(payload) == "personal":
            self._beside(self._typing(activity.address))

    async def _executed(self, payload: Payload, until: float) -> InvokeAnswer:
        """A press on a card: whoever pressed sees the card change."""
        activity = translate(payload, self._clock())
        if activity is None:
            value = {"code": "BadRequest", "message": self._word("teams.not_ours")}
            return InvokeAnswer(200, {"statusCode": 400, "type": ERROR, "value": value})
        card = await self._card_for(changing(activity.address.tenant, activity.target or ""), activity, until)
        if card is None:
            return InvokeAnswer(200, {"statusCode": 200, "type": MESSAGE, "value": self._word("teams.pressed")})
        return InvokeAnswer(200, {"statusCode": 200, "type": CARD, "value": card})

    async def _opened(self, payload: Payload, title: str, until: float) -> InvokeAnswer:
        """A form, which the bot fills while its window is open."""
        activity = translate(payload, self._clock())
        if activity is None:
            return self._told("teams.not_ours")
        surface = opening(activity.address.tenant, text_in(payload, "id") or activity.id)
        card = await self._card_for(surface, replace(activity, surface=surface), until)
        if card is None:
            log.warning("teams_form_too_late", activity=activity.id)
            return self._told("teams.too_late")
        form = {"title": title, "height": "medium", "width": "medium", "card": {"contentType": CARD, "content": card}}
        return InvokeAnswer(200, {"task": {"type": "continue", "value": form}})

    async def _sent(self, payload: Payload, kind: str) -> InvokeAnswer:
        """A form was sent. Its window closes; where the answer comes in another chat, that is said."""
        if await self._record(payload) is None:
            return self._told("teams.not_ours")
        return self._told("teams.sent") if kind == "composeExtension/submitAction" else InvokeAnswer(200, {})

    async def _card_for(self, name: str, activity: Activity, until: float) -> Card | None:
        """Records it, and waits for what the bot shows there. Sent twice, it is answered twice. `until`: by the loop's clock."""
        with self._waiting.expect(name) as expected:
            await self._intake.record(activity)
            return await expected.within(_left(until))

    def _shortcut(self, payload: Payload) -> str:
        command = text_in(part(payload, "value"), "commandId")
        return self._word(f"chat.{command}") if command in ("create_request", "add_to_knowledge") else ""

    def _told(self, key: str) -> InvokeAnswer:
        value: dict[str, Any] = {"type": "message", "value": self._word(key)}
        return InvokeAnswer(200, {"task": value})

    async def _typing(self, address: Address) -> None:
        try:
            await self._speaker.typing(address)
        except Exception as error:  # it is an ornament
            log.info("teams_typing_not_shown", error=type(error).__name__)

    async def _by(self, until: float, work: Awaitable[None]) -> None:
        """Waits for it as long as Teams does. Raises what it raised by then; it goes on, and what it raises later is logged."""
        task = self._beside(work)
        done, _ = await asyncio.wait({task}, timeout=_left(until))
        if done:
            await task

    def _beside(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("teams_work_failed", exc_info=error)


def _left(until: float) -> float:
    """Seconds until then."""
    return max(0.0, until - asyncio.get_running_loop().time())
