"""A3, in the whole app with a language model: what it must not read is in none of its prompts; nothing of it, nor anybody's words, is in
the log or in what the audit has in plain.
"""

import json
import os
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot import logs
from bot.bootstrap import OPERATOR
from connectors.memory.language import ScriptedModel
from connectors.ports.language import Ask
from specialists import tables
from tests.scenarios.mind import Mind
from tests.security.stage import Staged

CHANCE = random.Random(20261120)


def _canary(kind: str) -> str:
    return f"{kind}{CHANCE.randrange(16**10):010x}Qz"


TYPED = [*(_canary("Tr0ub4dor&") for _ in range(6)), "730194"]
SAID = (
    "my password is {}",
    "I can't sign in, the password {} is not accepted",
    "the app says password: {}, what is wrong?",
    "reset my password please, it was {} until yesterday and my pw is {}",
    "Mein Passwort lautet {}",
    "api key: {}",
    "the code from my phone was {}",
)
"""What people type all the same; each with a canary."""
OTHERS = {
    "device": "quarrelsome armadillo",
    "ticket": "lukewarm trombone",
    "title": "velvet lighthouse",
    "restricted": "eleven marzipan florins",
    "sensitive": "behind the crooked samovar",
    "note": "a thimble of gravel",
    "elsewhere": "the plaid xylophone",
    "environment": "environs-of-the-tuba",
}
"""Plain words: what looks like a secret would be hidden for that."""


class Company:
    """A day with a language model. `asked`: all that it was asked, as it got it."""

    def __init__(self, home: Path, log: Path) -> None:
        self.log = log
        self.model = ScriptedModel(Mind().script)
        self.staged = Staged(home, self.model)

    @property
    def prompts(self) -> str:
        return "\n".join(_whole(ask) for ask in self.model.asked)

    async def plain_audit(self) -> str:
        """Of every event all but what is encrypted."""
        async with self.staged.app.sessions() as session:
            rows = (await session.execute(select(tables.audit_event))).mappings().all()
        return json.dumps([{key: value for key, value in row.items() if key != "private"} for row in rows], default=str)


def _whole(ask: Ask) -> str:
    return "\n".join((ask.prompt.text, ask.stable, ask.content, json.dumps(ask.shape, default=str)))


@pytest.fixture
async def company(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    monkeypatch.setenv("FOYER_SOME_SECRET", OTHERS["environment"])
    assert OTHERS["environment"] in os.environ.values()
    log = tmp_path / "foyer.log"
    logs.set_up("debug", log)
    shutil.copytree(template, tmp_path / "home")
    opened = Company(tmp_path / "home", log)
    await opened.staged.app.start()
    await _seed(opened.staged)
    yield opened
    await opened.staged.close()


async def _seed(company: Staged) -> None:
    """Records of others, and articles that she may not read."""
    with sqlite3.connect(company.home / "sandbox.sqlite", timeout=30) as live:
        live.execute("UPDATE devices SET model = model || ? WHERE person_key != 'e1001'", (f" {OTHERS['device']}",))
        live.execute("UPDATE tickets SET title = title || ? WHERE person_key != 'e1001'", (f" {OTHERS['ticket']}",))
        live.execute("UPDATE people SET title = title || ? WHERE key != 'e1001'", (f" {OTHERS['title']}",))
    live.close()
    library = company.app.library
    text = f"# Salary bands\n\nThe salary band of a director is {OTHERS['restricted']}. Who asks for salary bands finds them here."
    added = await library.add(text.encode(), "bands.md", ["department=Legal"], by=OPERATOR)
    await library.publish(added.id, OPERATOR)


async def _a_day(company: Staged) -> None:
    for said, canary in zip(SAID, TYPED, strict=True):
        await company.say("dana", said.format(*2 * [canary]))
        await company.say("dana", "never mind")
    await company.say("omar", f"what is {OTHERS['elsewhere']} good for, and who pays for the canteen?")
    for question in ("what are the salary bands of directors?", "what laptop does Omar Khalil have?", "which tickets does Omar have open?"):
        await company.say("dana", question)
        await company.say("dana", "no")
    await company.say("dana", "what about the VPN? how do I set it up?")
    await company.say("dana", "reset my password")
    await company.confirm("dana")
    await company.say("dana", "I want to talk to a person", thread="other")
    await company.press("sam", "claim")
    await company.press("sam", "note", f"she sounds upset, see {OTHERS['note']}")
    await company.press("sam", "return", "All yours again.")
    await company.say("dana", "how do I get reimbursed for a taxi, and what is it with the printers?", thread="other")
    await company.say("dana", f"my team lead keeps touching me, {OTHERS['sensitive']}", thread="private")
    await company.say("dana", "is anybody there, and what happens with my laptop then?", thread="private")
    await company.app.summaries.step()


async def _links(company: Staged) -> list[str]:
    """What let somebody in, from the mailboxes."""
    assert company.app.company is not None
    mails = [mail for key in ("e1001", "e1002", "e1003") for mail in await company.app.company.inbox(key)]
    return [mail.link.rsplit("/", 1)[1] for mail in mails if mail.link]


async def test_none_is_in_a_prompt_the_log_or_the_plain_audit(company: Company) -> None:
    await _a_day(company.staged)
    links = await _links(company.staged)
    assert links
    recognised = [ask for ask in company.model.asked if ask.prompt.name == "recognition"]
    assert len(recognised) > 5
    assert {ask.prompt.name for ask in company.model.asked} == {"recognition", "answer", "summary"}
    # Her own conversation is not among what is kept from the model; Omar's words are in his own prompts alone.
    omar = await company.staged.person("omar")
    of_dana = "\n".join(_whole(ask) for ask in company.model.asked if ask.behalf.person != omar.id)
    assert _found([*TYPED, *links, *(one for name, one in OTHERS.items() if name != "elsewhere")], company.prompts) == []
    assert _found([OTHERS["elsewhere"]], of_dana) == []
    log, audit = company.log.read_text(encoding="utf-8"), await company.plain_audit()
    everything = [*TYPED, *links, *OTHERS.values(), "team lead", "reimbursed", "upset"]
    assert _found(everything, log) == []
    assert _found(everything, audit) == []
    assert "model_asked" in log


async def test_the_control_that_looks_where_they_may_be_finds_them(company: Company) -> None:
    """The same search over what the inbox, the company and the transcript have, and over a prompt that was told everything."""
    await company.staged.say("omar", f"what is {OTHERS['elsewhere']} good for?")
    assert _found([OTHERS["elsewhere"]], company.prompts) == [OTHERS["elsewhere"]]
    shown: Mapping[str, Any] = await company.staged.state("omar")
    assert _found([OTHERS["device"], OTHERS["title"]], json.dumps(shown, default=str)) == [OTHERS["device"], OTHERS["title"]]
    await company.model.complete(_told_everything(company.model.asked[0]))
    assert _found([*TYPED, OTHERS["restricted"]], company.prompts) == [*TYPED, OTHERS["restricted"]]


def _told_everything(ask: Ask) -> Ask:
    return replace(ask, content=f"{ask.content}\n{TYPED}\n{OTHERS}")


def _found(canaries: list[str], text: str) -> list[str]:
    return [canary for canary in canaries if canary in text]
