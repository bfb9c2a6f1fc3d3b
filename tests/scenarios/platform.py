"""A second chat beside the web chat, which has what a platform such as Slack has: forms, a home page, shortcuts, marks."""

from collections.abc import Iterator, Mapping

from bot.buttons import Verb
from connectors.memory.channel import GROUP, MemoryChannel
from connectors.ports.chat import HOME_PAGE, Action, Activity, ActivityKind, Address, Heard, Press, Reply, ReplyKind, Shortcut
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id
from tests.scenarios.company import Company, email

SHARED = f"{GROUP}general"


class Platform:
    """People are named as in `Company`; `room` None is the person's own."""

    def __init__(self, company: Company, channel: MemoryChannel) -> None:
        self.company, self.channel = company, channel

    async def say(self, person: str, text: str, *, room: str | None = None, thread: str = "t1") -> None:
        await self._record(person, ActivityKind.MESSAGE, room, thread, text=text)

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
        await self._record(person, ActivityKind.ACTION, room, thread, press=Press(action.id, text, values or {}), surface=surface)

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
    ) -> None:
        address = Address(self.channel.name, "local", room or email(person), thread)
        now = self.company.clock()
        activity = Activity(new_id(), kind, address, self.sender(person), now, text, press, target=target, about=about, surface=surface)
        await self.company.app.inbox.record(activity)
        await self.company.settle()


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
