"""Slots out of wishes and out of answers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intent.lists import several
from bot.intent.matching import matcher
from bot.intent.slots import Extraction, extract
from specialists.loader import load_skills
from specialists.skill import SkillSpec, SlotSpec

from .conftest import CATALOGUE, CONTEXT

Specs = Mapping[str, SkillSpec]


def values(found: Extraction) -> dict[str, Any]:
    return {name: one.value for name, one in found.found.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("editor access to Figma for 30 days", {"application": "figma", "role": "editor", "duration": "P30D"}),
        ("viewer rights in Tableau for two weeks please", {"application": "tableau", "role": "viewer", "duration": "P14D"}),
        ("write permission on GitHub until the end of the month", {"application": "github", "role": "write", "duration": "P10D"}),
        ("access to Figma until Friday", {"application": "figma", "duration": "P7D"}),
        ("access to Figma until 2026-12-31", {"application": "figma", "duration": "P41D"}),
        ("Figma for the rest of the quarter", {"application": "figma", "duration": "P41D"}),
        ("upgrade me from viewer to editor in Figma", {"application": "figma", "role": "editor"}),
        ("enable Zendesk agent for me", {"application": "zendesk", "role": "agent"}),
        ("I need to edit boards in Miro", {"application": "miro", "role": "editor"}),
        ("read access to the AWS console", {"application": "aws-console", "role": "read-only"}),
        ("acess to salesforse", {"application": "salesforce"}),
        ("git hub", {"application": "github"}),
        ("I'm a new member of the team and need Jira", {"application": "jira"}),
        ("I need access to Figma for the dashboards", {"application": "figma"}),
        ("the page in Jira says that I need access to Figma", {"application": "figma"}),
        ("I need editor access for 30 days", {"role": "editor", "duration": "P30D"}),
        ("access to Figma for a year", {"application": "figma"}),
        ("access to our secret tool", {}),
        ("Figma because I join the rebranding", {"application": "figma", "reason": "I join the rebranding"}),
        ("Figma for the rebranding project", {"application": "figma", "reason": "the rebranding project"}),
    ],
)
def test_access(specs: Specs, text: str, expected: dict[str, Any]) -> None:
    assert values(extract(specs["grant_access"], text, CONTEXT)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I need 3 HDMI adapters", {"item": "adapter-usb-c-hdmi", "quantity": 3}),
        ("a 27 inch 4K monitor", {"item": "monitor-27-4k"}),
        ("two 34 inch curved screens", {"item": "monitor-34-curved", "quantity": 2}),
        ("a new MacBook", {"item": "macbook-pro-14"}),
        ("a macbook air", {"item": "macbook-air-13"}),
        ("a hedset", {"item": "headset-wireless"}),
        ("desk light", {"item": "desk-lamp"}),
        ("a stand for my laptop", {"item": "laptop-stand"}),
        ("two usb-c docks because mine broke", {"item": "dock-usb-c", "quantity": 2, "reason": "mine broke"}),
        ("a bicycle", {}),
    ],
)
def test_hardware(specs: Specs, text: str, expected: dict[str, Any]) -> None:
    assert values(extract(specs["request_hardware"], text, CONTEXT)) == expected


def test_a_kind_of_hardware_is_narrowed_down_not_decided(specs: Specs) -> None:
    found = extract(specs["request_hardware"], "I need a new laptop", CONTEXT)
    assert "item" not in found.found
    assert found.candidates == {"item": ("MacBook Pro 14-inch", "MacBook Air 13-inch", "ThinkPad X1 Carbon")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I want to take Friday off", {"start": "2026-11-27", "end": "2026-11-27"}),
        ("vacation from Dec 22 to Dec 24", {"start": "2026-12-22", "end": "2026-12-24"}),
        ("3 days off starting Thursday", {"start": "2026-11-26", "end": "2026-11-30"}),
        ("two weeks of vacation from July 1", {"start": "2027-07-01", "end": "2027-07-14"}),
        ("I'm off from Monday", {"start": "2026-11-23"}),
        ("off until Friday", {"end": "2026-11-27"}),
        ("some time off", {}),
    ],
)
def test_leave(specs: Specs, text: str, expected: dict[str, Any]) -> None:
    assert values(extract(specs["request_pto"], text, CONTEXT)) == expected


@pytest.mark.parametrize(
    ("skill", "asked", "known", "text", "expected"),
    [
        ("grant_access", "application", {}, "Figma please", {"application": "figma"}),
        ("grant_access", "application", {}, "the usual one", {}),
        ("grant_access", "role", {"application": "figma"}, "editor for 30 days", {"role": "editor", "duration": "P30D"}),
        ("grant_access", "role", {"application": "figma"}, "the second one", {"role": "editor"}),
        ("grant_access", "role", {"application": "figma"}, "I just want to look at things", {"role": "viewer"}),
        ("grant_access", "role", {"application": "github"}, "editor", {"role": "write"}),
        ("grant_access", "role", {"application": "figma"}, "boss", {}),
        ("grant_access", "duration", {}, "30", {"duration": "P30D"}),
        ("grant_access", "duration", {}, "next Friday", {"duration": "P7D"}),
        ("grant_access", "duration", {}, "forever", {}),
        ("grant_access", "reason", {}, "I join the design team", {"reason": "I join the design team"}),
        ("request_hardware", "quantity", {}, "three", {"quantity": 3}),
        ("request_hardware", "item", {}, "the MacBook Air", {"item": "macbook-air-13"}),
        ("request_pto", "start", {}, "Dec 22", {"start": "2026-12-22"}),
        ("request_pto", "start", {}, "Dec 22 to 24", {"start": "2026-12-22", "end": "2026-12-24"}),
        ("request_pto", "start", {}, "just tomorrow", {"start": "2026-11-21", "end": "2026-11-21"}),
        ("request_pto", "start", {}, "22", {"start": "2026-11-22"}),
        ("request_pto", "start", {}, "dunno", {}),
        ("request_pto", "end", {"start": "2026-12-22"}, "Friday", {"end": "2026-12-25"}),
        ("request_pto", "end", {"start": "2026-12-22"}, "3 days", {"end": "2026-12-24"}),
        ("request_pto", "end", {"start": "2026-12-22"}, "the same day", {"end": "2026-12-22"}),
        ("request_pto", "end", {"start": "2026-12-22"}, "24", {"end": "2026-12-24"}),
    ],
)
def test_answers(specs: Specs, skill: str, asked: str, known: dict[str, Any], text: str, expected: dict[str, Any]) -> None:
    assert values(extract(specs[skill], text, CONTEXT, known=known, asked=asked)) == expected


def test_choices_by_word_by_place_and_misspelt(specs: Specs) -> None:
    spec = SkillSpec(**{**_fields(specs["request_pto"]), "slots": (SlotSpec("speed", "choice", choices=("standard", "express")),)})
    for text in ("express please", "the second one", "2", "expres"):
        assert values(extract(spec, text, CONTEXT, asked="speed")) == {"speed": "express"}
    assert values(extract(spec, "whatever", CONTEXT, asked="speed")) == {}


def test_a_length_beyond_the_maximum_is_no_answer(specs: Specs) -> None:
    slot = next(slot for slot in specs["grant_access"].slots if slot.name == "duration")
    assert slot.maximum == timedelta(days=90)
    assert values(extract(specs["grant_access"], "91 days", CONTEXT, asked="duration")) == {}
    assert values(extract(specs["grant_access"], "90 days", CONTEXT, asked="duration")) == {"duration": "P90D"}


def test_labels_are_for_people_and_spans_are_of_the_text(specs: Specs) -> None:
    text = "please give me editor access to Figma for two weeks"
    found = extract(specs["grant_access"], text, CONTEXT).found
    assert {name: one.label for name, one in found.items()} == {"application": "Figma", "role": "editor", "duration": "14 days"}
    assert {text[one.first : one.last] for one in found.values()} == {"Figma", "editor", "two weeks"}
    assert extract(specs["request_pto"], "Dec 22", CONTEXT).found["start"].label == "Tue 22 Dec 2026"


@pytest.mark.parametrize(
    ("skill", "text", "expected"),
    [
        ("grant_access", "access to Figma and GitHub", [{"application": "figma"}, {"application": "github"}]),
        (
            "grant_access",
            "Figma as editor and GitHub as read for a month",
            [{"application": "figma", "role": "editor", "duration": "P30D"}, {"application": "github", "role": "read", "duration": "P30D"}],
        ),
        (
            "grant_access",
            "viewer access to Figma, Tableau and Miro",
            [{"application": key, "role": "viewer"} for key in ("figma", "tableau", "miro")],
        ),
        ("grant_access", "I need Figma for the dashboards", []),
        ("grant_access", "the link in Jira leads to Figma", []),
        ("request_hardware", "two docks and a keyboard", [{"item": "dock-usb-c", "quantity": 2}, {"item": "keyboard-standard"}]),
        ("request_hardware", "three monitors and a mouse", [{"quantity": 3}, {"item": "mouse-standard"}]),
        (
            "request_pto",
            "Dec 22-24 and Dec 29-31",
            [{"start": "2026-12-22", "end": "2026-12-24"}, {"start": "2026-12-29", "end": "2026-12-31"}],
        ),
        ("request_pto", "from Monday to Friday and nothing else", []),
    ],
)
def test_lists_are_several_wishes(specs: Specs, skill: str, text: str, expected: list[dict[str, Any]]) -> None:
    assert [values(one) for one in several(specs[skill], text, CONTEXT)] == expected


def test_matching_prefers_names_and_leaves_ordinary_words() -> None:
    names = matcher(CATALOGUE)
    assert names.is_thing("Figma")
    assert not names.is_thing("Omar")
    assert names.applications.find("please reset my password for the meeting") == ()


_SKILLS = {name: loaded.spec for name, loaded in load_skills().items()}


@given(st.sampled_from(sorted(_SKILLS)), st.text(max_size=150), st.booleans())
def test_never_raises_and_spans_lie_in_the_text(skill: str, text: str, asking: bool) -> None:
    spec = _SKILLS[skill]
    asked = spec.slots[0].name if spec.slots and asking else None
    for one in extract(spec, text, CONTEXT, asked=asked).found.values():
        assert 0 <= one.first <= one.last <= len(text) + 1
    several(spec, text, CONTEXT)


def _fields(spec: SkillSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}
