"""Recognition learns: not understood, handed off, taught, accepted by somebody else, trained, understood. And what it never learns."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from bot import tables as t
from bot.bootstrap import OPERATOR
from bot.buttons import Verb
from bot.cli import app as command_line
from bot.conversation.model import AwaitsChoice
from bot.teaching import kept
from bot.teaching.control import commands
from bot.teaching.lessons import REJECTED_KEPT, Lesson, LessonState, LessonStore, NotTaught, forget_old_lessons
from bot.teaching.versions import Versions, VersionState
from connectors.memory.channel import GROUP, MemoryChannel
from connectors.ports.people import Person
from specialists.tables import audit_event
from tests.scenarios.company import Company
from tests.scenarios.platform import Platform
from tests.scenarios.test_handoff_buttons import asked, button

DESK = f"{GROUP}it-desk"
PEOPLE_TEAM = ("tomas", "grace")
PUZZLE = "please thaw my frozen user"


async def handed_off(company: Company, person: str = "dana") -> None:
    """What nobody understands, twice, and a person is asked."""
    await company.say(person, "my user went into the freezer")
    await company.say(person, PUZZLE)
    assert any("FOY-" in one.reply.text for one in await company.news(person))


async def teach(company: Company, staff: str, label: str) -> str:
    """Presses Teach on the desk's card; what is said to whoever did."""
    await company.news(staff)
    thread, action = await offered(company, staff)
    await company.press_id(staff, action, label, thread=thread)
    return " ".join(one.reply.text for one in await company.news(staff))


async def offered(company: Company, staff: str) -> tuple[str, str]:
    """The newest Teach button that is shown to somebody: the thread it stands in, and its id."""
    for said in reversed(await company.shown(staff)):
        for action in said.reply.actions:
            pressed = company.app.buttons.read(action.id)
            if pressed is not None and pressed.verb is Verb.TEACH:
                return said.thread, action.id
    raise AssertionError("nobody may teach anything here")


async def lessons(company: Company) -> list[Lesson]:
    return [one.lesson for one in await company.app.lessons.listed(OPERATOR)]


async def accept_all(company: Company, by: Person) -> None:
    for one in await lessons(company):
        if one.state is LessonState.PROPOSED:
            await company.app.lessons.decide(one.id, by, accepted=True)


async def understood(company: Company, text: str) -> str:
    assert company.app.recognizer.learned is not None
    return (await company.app.recognizer.learned.rank(text)).label


async def test_what_was_not_understood_is_taught_accepted_trained_and_understood(company: Company) -> None:
    await handed_off(company)
    assert "Unlock your account" in await teach(company, "sam", "unlock account")
    (lesson,) = await lessons(company)
    assert (lesson.text, lesson.label, lesson.state) == (PUZZLE, "unlock_account", LessonState.PROPOSED)
    assert not lesson.kept

    ines = await company.person("ines")
    await accept_all(company, ines)
    assert await understood(company, PUZZLE) == "other"
    done = await company.app.versions.retrain(ines)
    assert (done.version.state, done.comparison.why) == (VersionState.ACTIVE, None)
    assert await understood(company, PUZZLE) == "unlock_account"

    await company.say("noor", PUZZLE)
    assert any(one.reply.request is not None and one.reply.request.skill == "unlock_account" for one in await company.news("noor"))


async def test_the_version_that_serves_does_so_after_a_restart_until_an_older_one_is_activated(company: Company) -> None:
    await handed_off(company)
    await teach(company, "sam", "unlock account")
    ines = await company.person("ines")
    await accept_all(company, ines)
    first = (await company.app.versions.retrain(ines)).version
    await company.restart()
    assert company.app.versions.serving == first.number
    assert await understood(company, PUZZLE) == "unlock_account"
    await company.app.versions.activate(0, ines)
    assert await understood(company, PUZZLE) == "other"
    await company.app.versions.activate(first.number, ines)
    assert await understood(company, PUZZLE) == "unlock_account"
    assert [one.state for one in await company.app.versions.listed(ines)] == [VersionState.ACTIVE]


async def test_nobody_accepts_what_they_proposed_and_only_reviewers_decide(company: Company) -> None:
    await handed_off(company)
    await teach(company, "sam", "unlock account")
    (lesson,) = await lessons(company)
    review = company.app.lessons
    with pytest.raises(NotTaught) as refused:
        await review.decide(lesson.id, await company.person("sam"), accepted=True)
    assert refused.value.key == "lesson.reviewers_only"
    own = await review.add("thaw the fridge", "other", await company.person("kim"))
    with pytest.raises(NotTaught) as refused:
        await review.decide(own.id, await company.person("kim"), accepted=True)
    assert refused.value.key == "lesson.own"
    await review.decide(own.id, await company.person("ines"), accepted=False)
    with pytest.raises(NotTaught) as refused:
        await review.decide(own.id, await company.person("ines"), accepted=True)
    assert refused.value.key == "lesson.decided"


async def test_typed_in_the_desks_room_like_any_command(company: Company) -> None:
    await handed_off(company)
    thread, _ = await offered(company, "sam")
    for text, told in (("!teach unlock acc", "Somebody else looks at it"), ("!teach the moon", "Say what I should have understood")):
        await company.say("sam", text, thread=thread, room="group:it-support")
        assert told in " ".join(one.reply.text for one in await company.news("sam"))
    assert [one.label for one in await lessons(company)] == ["unlock_account"]


async def test_of_a_private_matter_nothing_is_learned(company: Company) -> None:
    await company.say("dana", "my user went into the freezer")
    await company.say("dana", "I am being harassed by my manager")
    people = ("sam", "noor", *PEOPLE_TEAM)
    for staff in people:
        with pytest.raises(AssertionError, match="nobody may teach"):
            await offered(company, staff)
    async with company.app.sessions() as session:
        handoff_id = (await session.execute(select(t.handoff.c.id))).scalar_one()
    for staff in people:
        await company.press_id(staff, company.app.buttons.id(Verb.TEACH, handoff_id), "unlock account")
    assert await lessons(company) == []


async def test_what_somebody_picks_is_proposed_without_whom_it_names(company: Company) -> None:
    choice = AwaitsChoice(("unlock_account", "reset_password"), "sign-in trouble, mail me at dana.r@acme.example or 030 1234567, it's Dana")
    await asked(company, choice)
    await company.press_id("dana", button(company, Verb.CHOOSE_SECOND, choice))
    (lesson,) = await lessons(company)
    assert (lesson.label, lesson.source) == ("reset_password", "employee")
    assert lesson.text == "sign-in trouble, mail me at [address] or [number], it's [name]"


async def test_a_lesson_names_nobody_keeps_the_things_and_is_told_of_once(company: Company) -> None:
    said = "sign-in trouble with Okta for Omar Haddad and Priya, badge 48213"
    for _ in range(2):
        choice = AwaitsChoice(("unlock_account", "reset_password"), said)
        await asked(company, choice)
        await company.press_id("dana", button(company, Verb.CHOOSE_SECOND, choice))
    (lesson,) = await lessons(company)
    assert lesson.text == "sign-in trouble with Okta for [name] and [name], badge [number]"
    async with company.app.sessions() as session:
        audited = await session.scalar(select(func.count()).where(audit_event.c.event == "lesson_proposed"))
    assert audited == 1


TYPED = "reset the password of Omar Khalil omar@acme.example 12345 for dana whitfield"


async def test_whoever_proposes_a_lesson_names_and_numbers_are_left_out(company: Company) -> None:
    kim = await company.person("kim")
    by_page = (await company.app.lessons.add(TYPED, "reset_password", kim)).text
    by_command = (await commands(OPERATOR)["lessons.add"](company.app, {"text": TYPED, "label": "reset_password"}))["text"]
    await company.say("dana", "my user went into the freezer")
    await company.say("dana", "please thaw what omar khalil froze, 12345")
    await company.news("dana")
    assert "what [name] froze, [number]" in await teach(company, "sam", "unlock account")
    assert by_page == by_command == "reset the password of [name] [address] [number] for [name]"


async def test_words_of_the_skills_are_no_names(company: Company) -> None:
    said = "will my account be open in may for the whole team"
    assert (await company.app.lessons.add(said, "unlock_account", await company.person("kim"))).text == said


async def test_the_desk_is_told_what_the_same_words_mean_so_far(company: Company) -> None:
    own = await company.app.lessons.add(PUZZLE, "reset_password", await company.person("kim"))
    await company.app.lessons.decide(own.id, await company.person("ines"), accepted=True)
    await handed_off(company)
    assert "accepted as: Reset your password" in await teach(company, "sam", "unlock account")


def test_a_retraining_with_nothing_new_is_no_failure(template: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(template, home)
    ran = CliRunner().invoke(command_line, ["recognition", "retrain"], env={"FOYER_HOME": str(home)})
    assert (ran.exit_code, "nothing new to learn" in ran.stdout) == (0, True)


async def test_what_was_accepted_can_be_taken_back_and_old_words_are_forgotten(company: Company) -> None:
    kim, ines = await company.person("kim"), await company.person("ines")
    review = company.app.lessons
    own = await review.add("please thaw my user", "unlock_account", kim)
    await review.decide(own.id, ines, accepted=True)
    await review.decide(own.id, ines, accepted=False)
    waiting = await review.add("my user is an icicle", "unlock_account", kim)
    assert [(one.id, one.state) for one in await lessons(company)] == [
        (waiting.id, LessonState.PROPOSED),
        (own.id, LessonState.REJECTED),
    ]
    async with company.app.sessions.begin() as session:
        await forget_old_lessons(session, company.clock() + REJECTED_KEPT + timedelta(days=1))
    assert [one.id for one in await lessons(company)] == [waiting.id]


async def poison(company: Company) -> None:
    """Wrong lessons, accepted by somebody careless: enough of them to outvote what ships."""
    kim, ines = await company.person("kim"), await company.person("ines")
    for text in POISON:
        own = await company.app.lessons.add(text, "request_hardware", kim)
        await company.app.lessons.decide(own.id, ines, accepted=True)


POISON = [
    f"{start} {what}"
    for start in ("please", "can you", "hello, I must", "I would like to", "help me to", "today I want to")
    for what in (
        "unlock my account",
        "lift the lock on my profile",
        "get my locked login open",
        "set a new password",
        "reset my forgotten password",
        "take a day of vacation",
    )
]


async def test_poisoned_lessons_are_refused_with_the_figures(company: Company) -> None:
    await poison(company)
    done = await company.app.versions.retrain(await company.person("ines"))
    assert done.version.state is VersionState.REFUSED
    assert done.comparison.why == "recognition.refused.shipped"
    assert done.comparison.candidate.shipped < done.comparison.serving.shipped
    assert done.comparison.lost
    assert company.app.versions.serving == 0
    with pytest.raises(NotTaught):
        await company.app.versions.activate(done.version.number, await company.person("ines"))


async def test_without_the_gate_the_poison_would_serve_and_be_worse(company: Company) -> None:
    """The negative control: it is the comparison that protects, nothing else does."""
    await poison(company)
    app = company.app
    specs = {name: skill.spec for name, skill in app.skills.items()}
    asked = kept.shipped(specs)
    assert app.recognizer.learned is not None
    before = await kept.score(app.recognizer.learned, asked)
    open_gate = Versions(
        app.sessions,
        app.recognizer,
        LessonStore(app.sessions),
        specs,
        app.audit,
        app.clock,
        compare=lambda candidate, serving: kept.Comparison(candidate, serving, None, ()),
    )
    done = await open_gate.retrain(await company.person("ines"))
    assert done.version.state is VersionState.ACTIVE
    assert (await kept.score(app.recognizer.learned, asked)).accuracy < before.accuracy


async def test_what_became_of_requests_moves_the_confidence_of_the_next_like_it(company: Company) -> None:
    async def outcomes() -> list[tuple[str, str]]:
        await company.app.closed.read()
        async with company.app.sessions() as session:
            rows = await session.execute(select(t.closed_request.c.skill, t.closed_request.c.outcome).order_by(t.closed_request.c.at))
            return [(row.skill, row.outcome) for row in rows]

    await company.say("dana", "please give me access to Figma")
    assert await outcomes() == [("grant_access", "open")]
    await company.say("dana", "never mind")
    assert await outcomes() == [("grant_access", "unwanted")]
    await company.say("noor", "how many days of vacation do I have left?")
    assert ("check_pto_balance", "fulfilled") in await outcomes()


async def test_a_form_teaches_where_there_are_forms(template: Path, tmp_path: Path) -> None:
    channel = MemoryChannel()
    organisation = {"desks": {"it-support": f"memory:local:{DESK}"}}
    opened = await Company.open(tmp_path / "home", template, channels=(channel,), organisation=organisation)
    platform = Platform(opened, channel)
    try:
        await handed_off(opened)
        button = platform.offered(DESK, Verb.TEACH)
        assert button.opens_form
        await platform.press("sam", button, surface="view1", room=DESK)
        form = platform.surface("view1").form
        assert form is not None
        said, label = form.fields
        assert [text for _, text in said.choices] == ["my user went into the freezer", PUZZLE]
        assert ("other", "Something else") in label.choices
        await platform.press("sam", form.submit, values={"said": said.choices[0][0], "label": "unlock_account"}, thread=None)
        (lesson,) = await lessons(opened)
        assert (lesson.text, lesson.label, lesson.source) == ("my user went into the freezer", "unlock_account", "staff")
    finally:
        await opened.close()
