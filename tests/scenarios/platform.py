"""A second chat beside the web chat, which has what a platform such as Slack has: forms, a home page, shortcuts, marks.

On a flat channel what is said and pressed comes without a thread, as Teams tells of its chats; presses name the message they are on.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from bot.buttons import Verb
from connectors.memory.channel import GROUP, MemoryChannel
from connectors.ports.chat import HOME_PAGE, Action, Activity, ActivityKind, Address, Heard, Press, Reply, ReplyKind, Shortcut
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id
from tests.scenarios.company import Company, email

SHARED = f"{GROUP}general"


class Platform:
    """People are named as in `Company`; `room` None is the person's own. Whatever says or presses something returns its id."""

    def __init__(self, company: Company, channel: MemoryChannel) -> None:
        self.company, self.channel = company, channel

    async def say(self, person: str, text: str, *, room: str | None = None, thread: str = "t1", addressed: bool = True) -> str:
        return await self._record(person, ActivityKind.MESSAGE, room, thread, text=text, addressed=addressed)

    async def edit(self, person: str, message: str, text: str, *, room: str | None = None, thread: str = "t1") -> None:
        await self._record(person, ActivityKind.EDITED, room, thread, text=text, target=message)

    async def delete(self, person: str, message: str, *, room: str | None = None, thread: str = "t1") -> None:
        await self._record(person, ActivityKind.DELETED, room, thread, target=message)

    async def stop(self, person: str) -> None:
        await self._record(person, ActivityKind.STOPPED, None, "t1")

    async def rate(self, person: str, reply: Reply, liked: bool, text: str = "", *, room: str | None = None) -> None:
        """Says of a reply whether it was of use, with what the platform itself has for that."""
        await self._record(person, ActivityKind.RATED, room, "t1", text=text, target=self.message(reply), liked=liked)

    async def press(
        self,
        person: str,
        action: Action,
        text: str = "",
        *,
        values: Mapping[str, str] | None = None,
        surface: str | None = None,
        room: str | None = None,
        thread: str | None = "t1",
    ) -> None:
        """`thread` None: on the home page, or a form that was sent."""
        press, target = Press(action.id, text, values or {}), None
        if thread is not None and self.channel.is_flat(self._room(person, room)):
            target = self._standing(self._room(person, room), action)
        await self._record(person, ActivityKind.ACTION, room, thread, press=press, surface=surface, target=target)

    async def open(self, person: str, target: str = HOME_PAGE) -> None:
        await self._record(person, ActivityKind.OPENED, None, None, target=target)

    async def shortcut(self, person: str, which: Shortcut, about: Heard | None, surface: str) -> None:
        await self._record(person, ActivityKind.SHORTCUT, None, None, target=which, about=about, surface=surface)

    async def mark(self, person: str, heard: Heard) -> None:
        self.channel.heard = [*(one for one in self.channel.heard if one.message_id != heard.message_id), heard]
        await self._record(person, ActivityKind.MARKED, SHARED, heard.thread, target=heard.message_id)

    def wrote(self, person: str, text: str, message_id: str = "m1") -> Heard:
        """A message in the shared room that was not said to the bot; its thread is its own."""
        return Heard(message_id, self.sender(person), person.title(), text, self.company.clock(), thread=message_id)

    def sender(self, person: str) -> ExternalId:
        return ExternalId(self.channel.name, "local", email(person))

    def shown(self, room: str, *, to: str | None = None) -> list[Reply]:
        """In somebody's own room, or in the shared one: what everybody sees there, and `to` one person alone."""
        return self.channel.shown(room if room.startswith(GROUP) else email(room), as_=email(to) if to is not None else None)

    def message(self, reply: Reply) -> str:
        """The id of the message that shows it."""
        return next(m.message_id for m in self.channel.messages.values() if m.reply is not None and m.reply.id == reply.id)

    def home(self, person: str) -> Reply:
        """The page as it is now."""
        return [reply for reply in self.shown(person) if reply.kind is ReplyKind.HOME][-1]

    def surface(self, name: str) -> Reply:
        """What a surface shows."""
        return next(m.reply for m in reversed(self.channel.messages.values()) if m.reply is not None and m.reply.surface == name)

    def button(self, reply: Reply, verb: Verb) -> Action:
        return next(action for action in _actions(reply) if self.verb(action) is verb)

    def offered(self, room: str, verb: Verb) -> Action:
        """The newest button of this kind in a room."""
        found = [a for reply in reversed(self.shown(room)) for a in _actions(reply) if self.verb(a) is verb]
        return found[0]

    def verb(self, action: Action) -> Verb | None:
        read = self.company.app.buttons.read(action.id)
        return read.verb if read is not None else None

    async def _record(
        self,
        person: str,
        kind: ActivityKind,
        room: str | None,
        thread: str | None,
        *,
        text: str = "",
        press: Press | None = None,
        target: str | None = None,
        about: Heard | None = None,
        surface: str | None = None,
        liked: bool | None = None,
        addressed: bool = True,
    ) -> str:
        there = self._room(person, room)
        self.company.clock.now += timedelta(seconds=1)  # so that it is known what was last
        address = Address(self.channel.name, "local", there, None if self.channel.is_flat(there) else thread)
        activity = Activity(
            new_id(),
            kind,
            address,
            self.sender(person),
            self.company.clock(),
            text,
            press,
            target=target,
            about=about,
            surface=surface,
            liked=liked,
            addressed=addressed,
        )
        await self.company.app.inbox.record(activity)
        await self.company.settle()
        return activity.id

    def _room(self, person: str, room: str | None) -> str:
        return room or email(person)

    def _standing(self, room: str, action: Action) -> str | None:
        """The newest message of this room with that button."""
        there = [m for m in self.channel.messages.values() if m.reply is not None and m.address.room == room]
        return next((m.message_id for m in reversed(there) if m.reply is not None and action in _actions(m.reply)), None)


def _actions(reply: Reply) -> Iterator[Action]:
    yield from reply.actions
    for section in reply.sections:
        yield from section.actions
        for item in section.items:
            yield from item.actions
    if reply.form is not None:
        yield reply.form.submit
    if reply.feedback is not None:
        yield from (reply.feedback.up, reply.feedback.down)
