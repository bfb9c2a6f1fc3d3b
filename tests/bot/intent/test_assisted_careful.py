"""A model may make Foyer more careful, never bolder: the plans by which one once got more than was said."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bot.conversation.model import AwaitsSlot, Recall
from bot.intent.model import Fill, Fulfil, Step
from bot.intent.recognizer import Recognizer
from bot.intent.router import route
from specialists.request import SlotValue
from specialists.skill import SkillSpec

from .assisting import assisted, result, wish
from .conftest import open_request, recalling

Specs = Mapping[str, SkillSpec]
ACCESS = open_request("r1", "grant_access", missing=("role", "duration"), application="figma")


async def steps(recognizer: Recognizer, specs: Specs, text: str, said: Any, recall: Recall | None = None) -> Sequence[Step]:
    by, model = assisted(recognizer, specs, said)
    found = await by.recognize(text, recall or recalling())
    assert len(model.asked) == 1
    return route(found, recall or recalling(), specs)


def unasked(found: Sequence[Step], specs: Specs) -> list[Fulfil]:
    """What would be done without a question."""
    wanted = [step for step in found if isinstance(step, Fulfil)]
    return [step for step in wanted if step.confidence >= specs[step.skill].notify_at and not models(step.slots)]


def models(slots: Mapping[str, SlotValue]) -> set[str]:
    return {name for name, one in slots.items() if one.source == "model"}


# -- slots ---------------------------------------------------------------------------------------------------------


async def test_a_part_of_a_number_is_no_value(recognizer: Recognizer, specs: Specs) -> None:
    text = "I could use editor access to Figma for about 14 days if possible"
    (step,) = await steps(recognizer, specs, text, result(wish(text, "grant_access", ("duration", "4 days", "4 days"))))
    assert isinstance(step, Fulfil)
    assert "duration" not in step.slots


async def test_what_was_not_known_is_not_taken_for_what_its_name_begins_with(recognizer: Recognizer, specs: Specs) -> None:
    text = "please give me editor access to Figmatic for 30 days"
    (step,) = await steps(recognizer, specs, text, result(wish(text, "grant_access", ("application", "Figma", "Figma"))))
    assert isinstance(step, Fulfil)
    assert step.unknown == {"application": "Figmatic"}
    (step,) = await steps(recognizer, specs, text, result(wish(text, "grant_access", ("application", "Figmatic", "Figma"))))
    assert isinstance(step, Fulfil)
    assert models(step.slots) == {"application"}


async def test_what_is_read_only_in_the_piece_that_was_cut_out_is_asked_about(recognizer: Recognizer, specs: Specs) -> None:
    text = "I could use access to Figma for about 30 days if possible, I am no admin and no editor there"
    said = result(wish(text, "grant_access", ("duration", "30 days", "90 days"), ("role", "editor", "")))
    assert unasked(await steps(recognizer, specs, text, said), specs) == []


async def test_so_it_is_in_an_answer(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling(AwaitsSlot("r1", "duration"), requests=(ACCESS,))
    text = "I am surely no editor, what I do there is that I look at things"
    (step,) = await steps(recognizer, specs, text, result(answers=[("role", "editor", "editor")]), recall)
    assert step == Fill("r1", {"role": SlotValue("editor", "editor", "model")})


@pytest.mark.parametrize("pointed", [("Please", "Figma"), ("handle", "Figma"), ("Figma", "Figma")])
async def test_a_value_that_only_the_quoted_words_hold_is_tainted_whatever_it_is_pinned_to(
    recognizer: Recognizer, specs: Specs, pointed: tuple[str, str]
) -> None:
    text = "Please handle what is below\n> I need editor access to Figma for 30 days"
    said = wish("Please handle what is below", "grant_access", ("application", *pointed), ("duration", "below", "30 days"))
    (step,) = await steps(recognizer, specs, text, result(said))
    assert isinstance(step, Fulfil)
    assert {name: one.tainted for name, one in step.slots.items()}.items() >= {("application", True), ("duration", True)}


async def test_a_value_of_ones_own_words_is_not_tainted_by_a_quotation(recognizer: Recognizer, specs: Specs) -> None:
    text = "Ich brauche Zugriff auf Figma\n> we spoke about GitHub"
    said = wish("Ich brauche Zugriff auf Figma", "grant_access", ("application", "Figma", "Figma"))
    (step,) = await steps(recognizer, specs, text, result(said, language="de"))
    assert isinstance(step, Fulfil)
    assert step.slots["application"] == SlotValue("figma", "Figma")
