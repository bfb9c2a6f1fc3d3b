"""A Foyer that kills itself at one commit: `python -m tests.scenarios.killed HOME before|after N IDS`; N 0 lives to the end.

Plays one grant with its approval, as a client that repeats itself until it is heard: with the same ids, as channels do
(IDS "same"), or, for the negative control, with new ones. At the end it prints what came of it, as JSON.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from bot.buttons import Verb
from connectors.ports.chat import Activity, ActivityKind, Address, Press, ReplyKind
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id
from tests.scenarios.company import Company, email

WISH = "I need editor access to Figma for 30 days"


class Bomb:
    """Counts the commits of the application's database and kills the process before or after the one that is meant."""

    def __init__(self, company: Company, when: str, at: int) -> None:
        self.commits = 0
        self._when, self._at = when, at
        engine = company.app.engine_db.sync_engine
        event.listen(engine, "commit", self._commit)
        event.listen(engine, "checkin", self._returned)

    def _commit(self, _: Connection) -> None:
        self.commits += 1
        if self._when == "before" and self.commits == self._at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _returned(self, *_: Any) -> None:
        if self._when == "after" and self.commits == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


async def play(home: Path, when: str, at: int, ids: str) -> dict[str, Any]:
    company = await Company.open(home)
    bomb = Bomb(company, when, at)
    unique = "" if ids == "same" else new_id()
    await hear(company, "dana", f"the-wish{unique}", text=WISH)
    await company.settle()
    waiting = [message for message in await company.shown("priya") if message.reply.kind is ReplyKind.APPROVAL]
    for message in waiting:
        for action in message.reply.actions:
            pressed = company.app.buttons.read(action.id)
            if pressed is not None and pressed.verb is Verb.APPROVE:
                await hear(company, "priya", f"the-yes{unique}", press=Press(action.id), thread=message.thread)
    await company.settle()
    summary = await told(company)
    summary["commits"] = bomb.commits
    await company.close()
    return summary


async def hear(company: Company, person: str, id_: str, text: str = "", press: Press | None = None, thread: str | None = None) -> None:
    address = Address("web", "local", email(person), thread or f"with-{person}")
    sender = ExternalId("web", "local", email(person))
    kind = ActivityKind.MESSAGE if press is None else ActivityKind.ACTION
    await company.app.inbox.record(Activity(id_, kind, address, sender, company.clock(), text, press))


async def told(company: Company) -> dict[str, Any]:
    """What there is in the outside system, in the rooms and in the audit."""
    assert company.app.company is not None
    dana = await company.app.people.by_email(email("dana"))
    assert dana is not None
    requests = await company.app.requests.recent_of(dana.id)
    audited = await company.app.audit.story(company.app.sessions, requests[0].id) if requests else []
    await company.app.audit.seal(company.app.sessions)
    return {
        "effects": len(await company.app.company.effects("access.*")),
        "requests": [request.state.value for request in requests],
        "dana": Counter(message.reply.kind.value for message in await company.shown("dana")),
        "priya": Counter(message.reply.kind.value for message in await company.shown("priya")),
        "decisions": [entry.event for entry in audited].count("approval_decided"),
        "chain": (await company.app.audit.verify(company.app.sessions)).ok,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))))
