"""A form has a field for every slot; what is sent is read as words are, and nothing is guessed."""

from dataclasses import replace

import pytest

from bot.bootstrap import HERE
from bot.forms import Filled, fields_of, labelled, read, skill_id
from bot.intent.slots import SlotContext
from bot.words import Words
from connectors.ports.chat import FormField
from connectors.ports.messages import Messages, Reader
from connectors.ports.systems import Application
from specialists.loader import load_skills
from specialists.request import SlotValue
from tests.bot.intent.conftest import CATALOGUE, CONTEXT

SKILLS = load_skills()
ACCESS, HARDWARE, PTO = (SKILLS[name].spec for name in ("grant_access", "request_hardware", "request_pto"))
MESSAGES = Messages.load([HERE / "messages.yaml"])
for skill in SKILLS.values():
    MESSAGES |= skill.messages
WORDS = Words(MESSAGES, Reader("en-US", "UTC"))
FIGMA = SlotValue("figma", "Figma")


def access(known: dict[str, SlotValue], context: SlotContext = CONTEXT) -> dict[str, FormField]:
    return {one.name: one for one in fields_of(ACCESS, known, context, WORDS)}


def sent(values: dict[str, str], known: dict[str, SlotValue] | None = None) -> Filled:
    return read(ACCESS, values, known or {}, CONTEXT)


def test_every_slot_is_a_field_of_its_kind() -> None:
    fields = access({})
    assert {name: (one.kind, one.required) for name, one in fields.items()} == {
        "application": ("choice", True),
        "role": ("text", True),
        "duration": ("text", True),
        "reason": ("long_text", False),
    }
    assert ("figma", "Figma") in fields["application"].choices
    assert fields["duration"].label == "For how long"
    assert "30 days" in fields["duration"].hint
    assert [one.kind for one in fields_of(PTO, {}, CONTEXT, WORDS)] == ["date", "date"]
    assert [(one.kind, one.required) for one in fields_of(HARDWARE, {}, CONTEXT, WORDS)] == [
        ("choice", True),
        ("number", False),
        ("long_text", False),
    ]


def test_a_known_application_has_its_own_roles_and_never_one_that_administers_it() -> None:
    assert [value for value, _ in access({"application": FIGMA})["role"].choices] == ["viewer", "editor"]


def test_what_is_known_stands_there() -> None:
    known = {"application": FIGMA, "role": SlotValue("editor", "editor"), "duration": SlotValue("P30D", "30 days")}
    assert {name: one.value for name, one in access(known).items()} == {
        "application": "figma",
        "role": "editor",
        "duration": "30 days",
        "reason": "",
    }
    start, end = fields_of(PTO, {"start": SlotValue("2026-12-21", "Mon 21 Dec 2026")}, CONTEXT, WORDS)
    assert (start.value, end.value) == ("2026-12-21", "")


def test_too_many_to_choose_from_are_typed() -> None:
    many = tuple(Application(f"app-{n}", f"App {n}", ("viewer",)) for n in range(101))
    full = replace(CONTEXT, catalogue=replace(CATALOGUE, applications=many))
    assert access({}, full)["application"].kind == "text"
    few = replace(CONTEXT, catalogue=replace(CATALOGUE, applications=many[:100]))
    assert len(access({}, few)["application"].choices) == 100


def test_what_is_sent_is_read_as_words_are() -> None:
    filled = sent({"application": "figma", "role": "Editor", "duration": "two weeks", "reason": "the launch"})
    assert {name: (one.value, one.label) for name, one in filled.slots.items()} == {
        "application": ("figma", "Figma"),
        "role": ("editor", "editor"),
        "duration": ("P14D", "14 days"),
        "reason": ("the launch", "the launch"),
    }
    assert not filled.unread


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("application", "../../etc/passwd"),
        ("application", "00000000-0000-0000-0000-000000000000"),
        ("role", "superuser"),
        ("duration", "for ever"),
        ("duration", "400 days"),
        ("reason", "???"),
    ],
)
def test_what_says_nothing_known_is_asked_again_and_never_guessed(name: str, value: str) -> None:
    filled = sent({name: value}, {"application": FIGMA})
    assert not filled.slots
    assert set(filled.unread) == {name}


def test_a_role_of_another_application_is_not_taken() -> None:
    filled = sent({"application": "jira", "role": "explorer"}, {"application": FIGMA, "role": SlotValue("editor", "editor")})
    assert set(filled.slots) == {"application"}
    assert set(filled.unread) == {"role"}


def test_values_that_no_slot_has_are_passed_over() -> None:
    assert sent({"requester_id": "priya", "approved": "yes"}) == Filled()


def test_what_was_taken_out_is_gone_and_what_was_not_sent_stays() -> None:
    filled = sent({"reason": "  "}, {"application": FIGMA, "reason": SlotValue("the launch", "the launch")})
    assert filled == Filled(emptied=frozenset({"reason"}))


@pytest.mark.parametrize(("value", "read_as"), [("3", 3), ("-1", None), ("2.5", None), ("many", None), ("1000000", None)])
def test_a_number_is_digits(value: str, read_as: int | None) -> None:
    found = read(HARDWARE, {"quantity": value}, {}, CONTEXT).slots.get("quantity")
    assert (found.value if found else None) == read_as


def test_days_are_iso_and_in_order() -> None:
    filled = read(PTO, {"start": "2026-12-21", "end": "2026-12-23"}, {}, CONTEXT)
    assert [(one.value, one.label) for one in filled.slots.values()] == [
        ("2026-12-21", "Mon 21 Dec 2026"),
        ("2026-12-23", "Wed 23 Dec 2026"),
    ]
    backwards = read(PTO, {"start": "2026-12-21", "end": "2026-12-18"}, {}, CONTEXT)
    assert set(backwards.slots) == {"start"}
    assert backwards.unread == {"end": "ask.again.backwards"}
    assert read(PTO, {"start": "21/12/26"}, {}, CONTEXT).unread == {"start": "ask.again.date"}


def test_the_memory_keeps_a_form_as_words() -> None:
    said = labelled(ACCESS, {"application": "figma", "role": "editor", "duration": "", "other": "x"}, CONTEXT, WORDS)
    assert said == "Application: Figma; Role: editor"


def test_a_skill_has_its_own_id() -> None:
    assert len({skill_id(name) for name in SKILLS}) == len(SKILLS)
    assert skill_id("grant_access") == skill_id("grant_access")
