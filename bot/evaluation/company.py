"""A whole Foyer in this process, on the sandbox company, with a clock that can be moved: what dialogues are played against.

People talk to it in the web chat and by nothing else; what they see is what the web chat shows them.
"""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from sqlalchemy import Table, literal, select

from bot import tables
from bot.bootstrap import App
from bot.buttons import Verb
from bot.evaluation.temporary import own_settings
from connectors.ports.chat import Activity, ActivityKind, Address, Channel, Press, Reply
from connectors.ports.language import LanguageModel
from connectors.ports.people import ExternalId, Person
from connectors.ports.records import new_id
from knowledge.index import MemoryIndex

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
PATIENCE = 60.0
BUTTONS = {
    "approve": Verb.APPROVE,
    "deny": Verb.DENY,
    "yes": Verb.CONFIRM,
    "no": Verb.DECLINE,
    "cancel": Verb.CANCEL,
    "undo": Verb.UNDO,
    "solved": Verb.SOLVED,
    "not-solved": Verb.NOT_SOLVED,
    "person": Verb.WANT_PERSON,
    "person-for": Verb.WANT_PERSON_FOR,
    "no-person": Verb.NO_PERSON,
    "first": Verb.CHOOSE_FIRST,
    "second": Verb.CHOOSE_SECOND,
    "claim": Verb.CLAIM,
    "note": Verb.NOTE,
    "reply": Verb.REPLY,
    "assign": Verb.ASSIGN,
    "resolve": Verb.RESOLVE,
    "return": Verb.RETURN,
    "recall": Verb.RECALL,
}


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class NoSuchButton(LookupError):
    """Nobody offered this person such a button."""


class NoSuchPerson(LookupError):
    """Nobody of that name works at the sandbox company."""


class NothingToConfirm(LookupError):
    """No confirmation link came to this person's mailbox."""


class Company:
    """People are named by what stands before @acme.example. Each has one conversation unless `thread` names another."""

    def __init__(
        self,
        home: Path,
        database_url: str | None = None,
        recall_seconds: float = 0.0,
        channels: Sequence[Channel] = (),
        organisation: Mapping[str, object] = MappingProxyType({}),
        settings: Mapping[str, Any] = MappingProxyType({}),
        model: LanguageModel | None = None,
    ) -> None:
        """`organisation` and `settings` say what is otherwise than shipped; `model` is the language model, if there is to be one."""
        self.clock = Clock()
        self.home = home
        self.database_url = database_url
        self.channels = channels
        self.model = model
        # Thousands of lines a minute: whoever plays is faster than a person.
        own = {"database_url": database_url, "rate_per_minute": 100_000, "recall_seconds": recall_seconds}
        shipped = own_settings(home, more={**own, **settings})
        self.organisation = shipped.organisation.model_copy(update=dict(organisation))
        self.settings = shipped.model_copy(update={"organisation": self.organisation})
        self.app = self._app()
        self._read: dict[str, int] = {}

    def _app(self) -> App:
        def monotonic() -> float:
            return self.clock().timestamp()

        async def sleep(seconds: float) -> None:
            """Nobody waits for an answer to appear bit by bit, but the time passes."""
            self.clock.now += timedelta(seconds=seconds)

        return App(
            self.settings,
            clock=self.clock,
            index=MemoryIndex(),
            channels=self.channels,
            monotonic=monotonic,
            sleep=sleep,
            model=self.model,
        )

    @classmethod
    async def open(
        cls,
        home: Path,
        template: Path | None = None,
        database_url: str | None = None,
        recall_seconds: float = 0.0,
        channels: Sequence[Channel] = (),
        organisation: Mapping[str, object] = MappingProxyType({}),
        settings: Mapping[str, Any] = MappingProxyType({}),
        model: LanguageModel | None = None,
    ) -> Self:
        if template is not None:
            shutil.copytree(template, home, dirs_exist_ok=True)
        company = cls(home, database_url, recall_seconds, channels, organisation, settings, model)
        await company.app.start()
        return company

    async def close(self) -> None:
        await self.app.stop()

    async def restart(self) -> None:
        """As after a deploy: everything in memory is gone."""
        await self.app.stop()
        self.app = self._app()
        await self.app.start()

    async def say(self, person: str, text: str, *, thread: str | None = None, room: str | None = None) -> str:
        """Says it and waits until nothing runs any more. Returns the message's id."""
        said = await self._record(person, ActivityKind.MESSAGE, text, thread, room)
        await self.settle()
        return said

    async def edit(self, person: str, message: str, text: str, *, thread: str | None = None, room: str | None = None) -> None:
        await self._record(person, ActivityKind.EDITED, text, thread, room, target=message)
        await self.settle()

    async def delete(self, person: str, message: str, *, thread: str | None = None, room: str | None = None) -> None:
        await self._record(person, ActivityKind.DELETED, "", thread, room, target=message)
        await self.settle()

    async def press(self, person: str, name: str, text: str = "") -> None:
        """Presses the newest button of that name that a card offers to this person."""
        _, address, action_id = await self.offered(person, name)
        await self._record(person, ActivityKind.ACTION, "", address.thread, address.room, Press(action_id, text))
        await self.settle()

    async def offered(self, person: str, name: str) -> tuple[Reply, Address, str]:
        wanted = BUTTONS[name]
        for message in reversed(await self.shown(person)):
            for action in message.reply.actions:
                pressed = self.app.buttons.read(action.id)
                if pressed is not None and pressed.verb is wanted:
                    return message.reply, Address("web", "local", message.room, message.thread), action.id
        raise NoSuchButton(f"no {name!r} for {person}: {[m.reply.text for m in await self.shown(person)]}")

    async def confirm(self, person: str, yes: bool = True) -> str:
        """Follows the link in the person's mailbox, as they would."""
        assert self.app.company is not None
        who = await self.person(person)
        links = [mail.link for mail in await self.app.company.inbox(who.directory_key) if mail.link and "/step-up/" in mail.link]
        if not links:
            raise NothingToConfirm(f"no confirmation link came to {person}'s mailbox")
        result = await self.app.step_ups.answer(links[-1].rsplit("/", 1)[1], yes)
        await self.settle()
        return result

    async def state(self, person: str) -> Mapping[str, Any]:
        """All that the sandbox company knows of somebody, ready for JSON."""
        assert self.app.company is not None
        await self.person(person)
        return await self.app.company.show(email(person))

    async def person(self, person: str) -> Person:
        """Raises NoSuchPerson."""
        found = await self.app.people.by_email(email(person))
        if found is None:
            raise NoSuchPerson(f"nobody called {email(person)} works at the sandbox company")
        return found

    async def later(self, **time: float) -> None:
        """Time passes, and what it makes due happens."""
        self.clock.now += timedelta(**time)
        await self.app.fulfilment.sweep()
        await self.app.status.assume()
        await self.app.desk.send_due()
        await self.app.held.release()
        await self.app.overdue.settle()
        await self.settle()

    async def news(self, person: str) -> list["Said"]:
        """What was shown or changed for this person since the last call, in order."""
        shown = [message for message in await self.shown(person) if message.seq > self._read.get(person, 0)]
        if shown:
            self._read[person] = max(message.seq for message in shown)
        return shown

    async def shown(self, person: str) -> list["Said"]:
        """All that is shown to this person now, oldest change first."""
        who = await self.person(person)
        rooms = [email(person), *(f"group:{group}" for group in sorted(who.groups))]
        rows = await self.app.web.changes(rooms, 0, limit=10_000)
        return [Said(row.seq, row.room, row.thread, row.reply) for row in rows if row.reply is not None]

    async def settle(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self._busy():  # noqa: ASYNC110 - what runs is known to databases, not to an event
                await asyncio.sleep(0.02)  # asking more often costs more than what is waited for

    async def _busy(self) -> bool:
        if self.app.inbox.busy or self.app.outbox.busy:
            return True
        # In the order in which work moves on, so that what has left one place is seen in the next.
        return await self._any(tables.inbox, "new") or await self.app.working() or await self._any(tables.outbox, "pending")

    async def _any(self, table: Table, state: str) -> bool:
        async with self.app.sessions() as session:
            return await session.scalar(select(literal(1)).select_from(table).where(table.c.state == state).limit(1)) is not None

    async def _record(
        self,
        person: str,
        kind: ActivityKind,
        text: str,
        thread: str | None,
        room: str | None,
        press: Press | None = None,
        target: str | None = None,
    ) -> str:
        address = Address("web", "local", room or email(person), thread or f"with-{person}")
        sender = ExternalId("web", "local", email(person))
        activity = Activity(new_id(), kind, address, sender, self.clock(), text, press, target=target)
        await self.app.inbox.record(activity)
        return activity.id


class Said:
    """One message as it is shown now."""

    def __init__(self, seq: int, room: str, thread: str, reply: Reply) -> None:
        self.seq, self.room, self.thread, self.reply = seq, room, thread, reply

    def __repr__(self) -> str:
        state = self.reply.request.state if self.reply.request else "-"
        return f"<{self.reply.kind.value} {state} {self.reply.text!r}>"


def email(person: str) -> str:
    return person if "@" in person else f"{person}@acme.example"
