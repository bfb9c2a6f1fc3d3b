"""What only the person's own surroundings can tell: money, people, "my laptop"."""

from dataclasses import replace

import pytest

from bot.intent.slots import Extraction, choices_of, extract
from bot.intent.surroundings import Surroundings, mentioned
from specialists.loader import load_skills
from specialists.skill import SkillSpec, SlotSpec
from tests.bot.intent.conftest import DANA, SmallDirectory, surroundings

SPEC: SkillSpec = replace(
    load_skills()["request_hardware"].spec,
    name="transfer_device",
    slots=(SlotSpec("device", "device"), SlotSpec("to", "person"), SlotSpec("price", "amount", required=False)),
)


def around(directory: SmallDirectory | None = None) -> Surroundings:
    return surroundings({"transfer_device": SPEC}, directory)


async def understood(text: str, *, asked: str | None = None, directory: SmallDirectory | None = None) -> Extraction:
    return extract(SPEC, text, await around(directory).around(DANA, text), asked=asked)


async def test_one_sentence_fills_all_three() -> None:
    found = (await understood("give my laptop to Omar Haddad for 300 EUR")).found
    assert {name: one.value for name, one in found.items()} == {"device": "AC-5001", "to": "p2", "price": "300 EUR"}
    assert found["device"].label == "MacBook Pro 14-inch (AC-5001)"


@pytest.mark.parametrize("said", ["my notebook is slow", "the macbook pro 14 inch", "AC-5001", "my lapttop"])
async def test_a_device_by_kind_model_or_tag(said: str) -> None:
    assert (await understood(said)).found["device"].value == "AC-5001"


async def test_of_two_phones_one_has_to_be_chosen() -> None:
    out = await understood("my phone")
    assert out.candidates["device"] == ("iPhone 15 (AC-5003)", "Pixel 8 (AC-5004)")
    assert (await understood(out.candidates["device"][1], asked="device")).found["device"].value == "AC-5004"


async def test_what_they_do_not_have_is_no_device_of_theirs() -> None:
    out = await understood("my printer")
    assert not out.found
    assert len(choices_of(SPEC.slots[0], {}, await around().around(DANA))) == 4


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("to omar@acme.example", "p2"),
        ("for my manager", "p5"),
        ("to Omar Hadad", "p2"),
        ("me", "p1"),
        ("omar", "p2"),
        ("to @omar please", "p2"),
    ],
)
async def test_a_person_by_name_address_or_part(said: str, key: str) -> None:
    assert (await understood(said)).found["to"].value == key


async def test_of_two_of_a_name_one_has_to_be_chosen() -> None:
    out = await understood("hand it to Lena")
    assert "to" not in out.found
    assert set(out.candidates["to"]) == {"Lena Vogel", "Lena Graf"}


async def test_nobody_is_guessed_while_the_directory_is_down() -> None:
    assert "to" not in (await understood("hand it to Omar", directory=SmallDirectory(down=True))).found


async def test_nothing_is_looked_up_in_vain() -> None:
    plain = surroundings({name: skill.spec for name, skill in load_skills().items()}, SmallDirectory(down=True))
    context = await plain.around(DANA, "give my laptop to Omar")
    assert (context.devices, context.people) == ((), {})


def test_names_are_seen_in_text() -> None:
    assert mentioned("please add Lena Vogel and omar@acme.example to it, thanks") == ["Lena Vogel", "omar@acme.example"]
    assert mentioned("omar") == ["omar"]
