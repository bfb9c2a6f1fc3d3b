"""Owners of limits are told of 80 and 100 %: once, whose and how much, and nothing of what was said."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from bot import tables as t
from bot.changes import Changes
from bot.control import COMMANDS
from bot.database import Sessions, connect
from bot.language.notices import LimitNotices
from bot.language.settings import ModelSettings
from bot.language.usage import UsageStore
from bot.quiet import QuietHours
from connectors.errors import Refused, Retry
from connectors.memory.language import ScriptedModel
from connectors.ports.chat import Address
from connectors.ports.language import Behalf
from connectors.ports.messages import Messages
from connectors.ports.people import Person
from specialists.roster import Roster
from tests.bot.language.asking import NOW, guarded, parrot
from tests.bot.language.asking import ask as asking
from tests.bot.language.test_usage import use
from tests.scenarios.company import Company
from tests.scenarios.conftest import template as template

MESSAGES = Messages.load([Path(__file__).parents[3] / "bot" / "messages.yaml"])
TIGHT = {"limits": {"person_day": {"tokens": 1000}, "specialist_month": {"money": 1}, "conversation": {}, "turn": {}}}


class OneOwner:
    """Everybody is Olga, who owns all services."""

    person = Person("olga", "olga", "Olga", "olga@acme.example", "UTC", "en")

    async def members(self, group: str) -> list[Person]:
        return [self.person]

    async def one_at(self, email: str) -> Person | None:
        return None

    async def name(self, person_id: str) -> str:
        return person_id.title()

    async def address(self, person: Person, channels: object) -> Address:
        return Address("web", "local", person.email)

    async def wait(self, *_: object) -> None:
        """Of HeldPosts: nothing is held."""


class Posting:
    """Saves as the Saver does, and keeps what was posted."""

    def __init__(self, sessions: Sessions, posts: list[str]) -> None:
        self._sessions = sessions
        self._posts = posts

    async def save(self, changes: Changes) -> None:
        async with self._sessions.begin() as session:
            for inside in changes.inside:
                await inside(session)
        self._posts += [post.reply.text for post in changes.posts]


class Managers(OneOwner):
    """Each specialist's manager is somebody else; one of them cannot be looked up, and one has no chat."""

    async def one_at(self, email: str) -> Person | None:
        name = email.split("@")[0]
        if name == "gone":
            raise Retry("unreachable")
        return replace(self.person, id=name, email=email)

    async def address(self, person: Person, channels: object) -> Address:
        if person.id == "silent":
            raise LookupError(person.id)
        if person.id == "failing":
            raise Retry("unreachable")
        return await super().address(person, channels)


def notices(sessions: Sessions, posts: list[str], given: dict[str, Any] = TIGHT, owner: Any = None) -> LimitNotices:
    owner = owner or OneOwner()
    saver: Any = Posting(sessions, posts)
    settings = ModelSettings.model_validate(given)
    return LimitNotices(sessions, settings, owner, Roster({}), ("owners",), {}, owner, saver, MESSAGES, lambda: NOW)


async def test_two_processes_tell_once_at_each_percentage(migrated_url: str, sessions: Sessions) -> None:
    engine, others = connect(migrated_url)
    posts: list[str] = []
    both = [notices(sessions, posts), notices(others, posts)]
    store = UsageStore(sessions, ModelSettings.model_validate(TIGHT).limits)
    told = []
    for _ in range(10):
        await store.record(use(100, 1000))
        await asyncio.gather(*(one.tell() for one in both for _ in range(2)))
        told.append(len(posts))
    await engine.dispose()
    assert told == [0] * 7 + [1, 1, 2]
    assert "Dana, on 2026-11-21: 800 tokens of 1,000 tokens are spent (80 %)" in posts[0]
    assert "At 100 % the offline engine serves" in posts[0]
    assert "1,000 tokens of 1,000 tokens are spent (100 %)" in posts[1]


async def test_what_is_reached_together_is_told_together_and_named_up_to_ten(kept: Sessions) -> None:
    posts: list[str] = []
    store = UsageStore(kept, ModelSettings.model_validate(TIGHT).limits)
    for n in range(14):
        await store.record(use(1200, 0, Behalf(person=f"p{n:02}", specialist="people")))
    await notices(kept, posts).tell()
    (post,) = posts
    assert post.count("\n- ") == 11
    assert "and 4 more" in post


async def test_who_cannot_be_told_keeps_nobody_elses_notice_back(kept: Sessions) -> None:
    posts: list[str] = []
    store = UsageStore(kept, ModelSettings.model_validate(TIGHT).limits)
    made = notices(kept, posts, owner=Managers())
    names = ("gone", "failing", "silent", "well")
    roster: Any = SimpleNamespace(
        specialists={name: SimpleNamespace(manager=f"{name}@acme.example", display_name=name.title()) for name in names}
    )
    for name in names:
        await store.record(use(0, 1_200_000, Behalf(specialist=name)))
    for _ in range(2):
        await replace(made, roster=roster).tell()
    (post,) = posts
    assert "Well" in post
    async with kept() as session:
        told = {row.of: row.told for row in (await session.execute(select(t.model_spent))).all()}
    assert told == {"gone": 0, "failing": 0, "silent": 100, "well": 100}


async def company_with(template: Path, home: Path, given: dict[str, Any], **more: Any) -> Company:
    settings = ModelSettings.model_validate(given)
    return await Company.open(home, template, organisation={"model": settings, **more})


async def spend(company: Company, tokens: int, cost: int, behalf: Behalf) -> None:
    store = UsageStore(company.app.sessions, company.organisation.model.limits)
    await store.record(use(tokens, cost, behalf, at=company.clock()))


async def test_a_manager_and_service_owners_hear_of_their_own(template: Path, tmp_path: Path) -> None:
    company = await company_with(template, tmp_path / "home", TIGHT)
    try:
        dana = await company.app.people.by_email("dana@acme.example")
        assert dana is not None
        await spend(company, 850, 850_000, Behalf(person=dana.id, specialist="people"))
        await company.app.limit_notices.tell()
        await company.app.limit_notices.tell()
        await company.settle()
        owners = {
            person.email for group in company.organisation.roles["service_owner"] for person in await company.app.people.members(group)
        }
        heard = {}
        for email in owners | {"grace@acme.example", "ines@acme.example", "dana@acme.example"}:
            heard[email] = [said.reply.text for said in await company.shown(email.split("@")[0])]
        grace = heard.pop("grace@acme.example")
        assert len(grace) == 1
        assert "Paula, people team (AI), in 2026-11: 0.85 USD of 1.00 USD are spent (85 %)" in grace[0]
        for email, texts in heard.items():
            assert len(texts) == (email in owners), email
            assert all(f"{dana.name}, on" in text and "850 tokens of 1,000 tokens" in text for text in texts)
        shown = await COMMANDS["usage"](company.app, {"by": "person"})
        assert [one["name"] for one in shown["groups"]] == [dana.name]
        assert [(one["limit"], one["share"]) for one in shown["limits"][:2]] == [("person_day", 0.85), ("specialist_month", 0.85)]
    finally:
        await company.close()


async def test_it_waits_for_the_end_of_quiet_hours(template: Path, tmp_path: Path) -> None:
    hours = QuietHours.model_validate({"from": "09:00", "to": "21:00"})
    company = await company_with(template, tmp_path / "home", TIGHT, quiet_hours=hours)
    try:
        await spend(company, 0, 1_000_000, Behalf(specialist="people"))
        await company.app.limit_notices.tell()
        await company.settle()
        assert await company.shown("grace") == []
        await company.later(hours=12)
        assert len(await company.shown("grace")) == 1
    finally:
        await company.close()


async def test_nothing_that_was_said_is_told(kept: Sessions) -> None:
    posts: list[str] = []
    given = {"limits": {"person_day": {"tokens": 1500}}}
    model = guarded(kept, inner=ScriptedModel(parrot), given=given)
    asked = asking("my neighbour is ill", Behalf(person="dana"), max_tokens=500)
    for _ in range(5):
        await model.complete(asked)
        await kept.at_rest()
    await UsageStore(kept, ModelSettings.model_validate(given).limits).record(use(1200, 0, Behalf(person="dana")))
    for _ in range(2):
        with pytest.raises(Refused, match="budget_spent"):
            await model.complete(replace(asked, max_tokens=1000))
    await kept.at_rest()
    await notices(kept, posts, given).tell()
    (post,) = posts
    assert "too little" in post
    assert "neighbour" not in post
