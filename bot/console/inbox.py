"""A person's own sandbox mailbox, so that one machine is enough to follow a link that was sent outside the chat."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from aiohttp import web

from bot.console.ports import Guard
from connectors.ports.people import Person

PersonOf = Callable[[str], Awaitable[Person | None]]
"""The person behind a web chat's external id."""


class Mail(Protocol):
    @property
    def subject(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def link(self) -> str | None: ...

    @property
    def at(self) -> datetime: ...


Inbox = Callable[[str], Awaitable[Sequence[Mail]]]
"""What came to the enrolled channel of a directory key, oldest first."""


async def signed_in(guard: Guard, person_of: PersonOf, request: web.Request) -> Person:
    """The person who asks; only ever the signed-in one."""
    person = await person_of((await guard.person(request)).external_id)
    if person is None:
        raise web.HTTPForbidden(text="The directory does not know you any more.")
    return person


def add_inbox(app: web.Application, guard: Guard, person_of: PersonOf, inbox: Inbox) -> None:
    """Adds GET /api/v1/sandbox/inbox: the mailbox of whoever asks, and nobody else's."""

    async def read(request: web.Request) -> web.Response:
        person = await signed_in(guard, person_of, request)
        mails = [
            {"subject": mail.subject, "text": mail.text, "link": mail.link, "at": mail.at.isoformat()}
            for mail in reversed(await inbox(person.directory_key))
        ]
        return web.json_response({"mails": mails})

    app.router.add_get("/api/v1/sandbox/inbox", guard.anyone(read))
