"""Nothing internal ever reaches the employee, whatever staff do, in whatever order. The sequences are made from a seed."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.ports.chat import Attachment
from tests.scenarios.company import Company, NoSuchButton, email
from tests.scenarios.handoffs import Place, claimed, in_room, save, talk_of

STEPS = 60


@pytest.fixture
async def company(template: Path, tmp_path: Path) -> AsyncIterator[Company]:
    opened = await Company.open(tmp_path / "home", template, recall_seconds=10)
    yield opened
    await opened.close()


class Staff:
    """Writes at random. `secret` words are internal; `meant` are for the employee, unless they are taken back."""

    def __init__(self, company: Company, place: Place, seed: int) -> None:
        self.company, self.place, self.random = company, place, random.Random(seed)
        self.count = 0
        self.notes: list[str] = []
        self.replies: list[str] = []
        self.held: dict[str, str] = {}
        self.meant: set[str] = set()
        self.back: set[str] = set()

    def word(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count:04d}"

    async def step(self) -> None:
        await self.random.choice(
            (
                self.note,
                self.reply,
                self.reply,
                self.press,
                self.edit_note,
                self.edit_reply,
                self.strip_reply,
                self.delete,
                self.files,
                self.wait,
            )
        )()

    async def note(self) -> None:
        words = self.random.choice(("{}", "!note {}", "/note {}", "!unknown {}", "! reply {}", "reply {}", "{} !reply", "!replyto {}"))
        self.notes.append(await self.company.say("sam", words.format(self.word("secret")), **self.place.here))

    async def reply(self) -> None:
        word = self.word("meant")
        message = await self.company.say("sam", f"{self.random.choice('!/')}reply {word}", **self.place.here)
        self.replies.append(message)
        self.held[message] = word
        self.meant.add(word)

    async def press(self) -> None:
        await self.company.press("sam", "note", self.word("secret"))
        word = self.word("meant")
        await self.company.press("sam", "reply", word)
        if self.random.random() < 0.5:
            await self.company.press("sam", "recall")
            self.back.add(word)

    async def edit_note(self) -> None:
        if self.notes:
            words = self.random.choice(("{}", "!reply {}", "/reply {}", "!resolve {}"))
            await self.company.edit("sam", self.random.choice(self.notes), words.format(self.word("secret")), **self.place.here)

    async def edit_reply(self) -> None:
        if self.replies:
            message = self.random.choice(self.replies)
            await self.company.edit("sam", message, f"!reply {self.word('meant')}", **self.place.here)

    async def strip_reply(self) -> None:
        if self.replies:
            message = self.random.choice(self.replies)
            words = self.random.choice(("{}", "!note {}", "! reply {}"))
            await self.company.edit("sam", message, words.format(self.word("secret")), **self.place.here)
            if message in self.held:
                self.back.add(self.held.pop(message))

    async def delete(self) -> None:
        if self.replies and self.random.random() < 0.5:
            message = self.replies.pop(self.random.randrange(len(self.replies)))
            await self.company.delete("sam", message, **self.place.here)
            if message in self.held:
                self.back.add(self.held.pop(message))
        elif self.notes:
            await self.company.delete("sam", self.notes.pop(), **self.place.here)

    async def files(self) -> None:
        word = self.word("secret")
        talk = await talk_of(self.company, "sam", self.place, word, (Attachment(word, f"{word}.txt", "text/plain", 1),))
        case = await self.company.app.handoffs.at_desk(talk.conversation.address)
        assert case is not None
        await self.company.app.desk.hear(talk, case, self.random.choice(("", "see this", "!note see this", "!claim")))
        await save(self.company, talk)

    async def wait(self) -> None:
        await self.company.later(seconds=10)
        self.held.clear()


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_internal_reaches_the_employee(company: Company, seed: int) -> None:
    staff = Staff(company, await claimed(company), seed)
    for _ in range(STEPS):
        await staff.step()
    await company.later(minutes=1)
    shown = " ".join(str(reply.as_json()) for reply in await in_room(company, email("dana")))
    assert "secret" not in shown
    assert [word for word in staff.back if word in shown] == []
    assert any(word in shown for word in staff.meant)
    assert "secret" in " ".join(str(reply.as_json()) for reply in await in_room(company, staff.place.room))


async def test_the_check_would_notice(company: Company) -> None:
    """The negative control: a word that is replied is found where the secrets are looked for."""
    place = await claimed(company)
    await company.say("sam", "!reply secret0001", **place.here)
    await company.later(seconds=10)
    assert "secret0001" in " ".join(str(reply.as_json()) for reply in await in_room(company, email("dana")))
    with pytest.raises(NoSuchButton):
        await company.offered("sam", "recall")
