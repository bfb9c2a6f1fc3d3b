"""A model may make Foyer more careful, never bolder: the plans by which one once got more than was said."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bot.conversation.model import AwaitsConfirmation, AwaitsHandoffAnswer, AwaitsSlot, Recall
from bot.intent.model import Answer, Confirm, DeclineHuman, Fill, Fulfil, HandOff, OfferHuman, Recognition, Step, Wish
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


# -- wishes --------------------------------------------------------------------------------------------------------

MAIL = "mail from IT: accounts get locked on Monday"
NO_NEED = "no need to unlock the account"


async def test_what_the_offline_engine_would_ask_about_is_asked_about(recognizer: Recognizer, specs: Specs) -> None:
    (offline,) = (await recognizer.recognize(MAIL, recalling())).wishes
    assert offline.confidence < specs["unlock_account"].notify_at
    (step,) = await steps(recognizer, specs, MAIL, result(wish(MAIL, "unlock_account", confidence=1.0)))
    assert isinstance(step, Fulfil)
    assert unasked([step], specs) == []


async def test_no_model_lifts_a_wish_to_where_it_is_acted_on(recognizer: Recognizer, specs: Specs) -> None:
    for text in ("password expired soon they say", "the password is not what it was", "my laptop and my account"):
        offline = await recognizer.recognize(text, recalling())
        for skill in ("reset_password", "request_hardware", "unlock_account"):
            by, _ = assisted(recognizer, specs, result(wish(text, skill, confidence=1.0)))
            found = await by.recognize(text, recalling())
            before = max((one.confidence for one in offline.wishes if one.skill == skill), default=0.0)
            after = max((one.confidence for one in found.wishes if one.skill == skill), default=0.0)
            assert after < specs[skill].act_at or before >= specs[skill].act_at


async def test_one_wish_in_overlapping_words_is_one_request(recognizer: Recognizer, specs: Specs) -> None:
    text = "I could use editor access to Figma for about 30 days if possible"
    slots = (("duration", "30 days", "30 days"), ("role", "editor", "editor"), ("application", "Figma", "Figma"))
    pieces = (text, text[:-12], text[2:], text[8:])
    told = [wish(one, "grant_access", *slots, ("reason", "if possible" if one == text else "could use", "")) for one in pieces]
    assert len(await steps(recognizer, specs, text, result(*told))) == 1


async def test_two_things_in_the_same_words_stay_two(recognizer: Recognizer, specs: Specs) -> None:
    text = "Ich brauche Zugriff auf Figma und auf GitHub"
    told = [wish(text, "grant_access", ("application", one, one)) for one in ("Figma", "GitHub")]
    found = await steps(recognizer, specs, text, result(*told, language="de"))
    assert [step.slots["application"].value for step in found if isinstance(step, Fulfil)] == ["figma", "github"]


async def test_no_wishes_beside_a_no_hide_it(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling(AwaitsConfirmation("r1"), requests=(open_request("r1", "reset_password", state="confirming"),))
    text = "no, I do not want that any more"
    for said in ("n", "no", text, "I do not want that"):
        told = [wish(said, act=act) for act in ("human", "question", "help", "status")]
        assert await steps(recognizer, specs, text, result(*told), recall) == (Confirm("r1", yes=False),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (NO_NEED, result()),
        (NO_NEED, result(wish(NO_NEED, act="unclear", confidence=0.99))),
        ("my phone is locked", result(wish("my phone is locked", act="question", confidence=0.9))),
        ("my screen got locked", result(wish("my screen got locked", act="unclear", confidence=0.99))),
    ],
)
async def test_what_the_model_does_not_see_is_asked_about(recognizer: Recognizer, specs: Specs, text: str, told: Any) -> None:
    assert unasked(route(await recognizer.recognize(text, recalling()), recalling(), specs), specs)
    assert unasked(await steps(recognizer, specs, text, told), specs) == []


async def test_to_say_it_again_is_no_yes_where_the_model_sees_no_such_wish(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling(AwaitsConfirmation("r1"), requests=(open_request("r1", "unlock_account", state="confirming"),))
    assert not any(isinstance(step, Confirm) for step in await steps(recognizer, specs, "my phone is locked", result(), recall))


@pytest.mark.parametrize("text", ["nein danke, das brauche ich nicht mehr", "nein, wirklich nicht"])
async def test_a_longer_no_of_another_language_is_heard(recognizer: Recognizer, specs: Specs, text: str) -> None:
    recall = recalling(AwaitsConfirmation("r1"), requests=(open_request("r1", "reset_password", state="confirming"),))
    told = result(wish(text, act="unclear"), language="de")
    assert await steps(recognizer, specs, text, told, recall) == (Confirm("r1", yes=False),)


async def test_a_no_with_something_else_instead_is_a_change(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling(AwaitsConfirmation("r1"), requests=(open_request("r1", "grant_access", state="confirming", application="figma"),))
    (step,) = await steps(recognizer, specs, "Nein, lieber zum Gucken", result(answers=[("role", "zum Gucken", "viewer")]), recall)
    assert step == Fill("r1", {"role": SlotValue("viewer", "viewer", "model")})


async def test_what_is_wanted_in_somebody_elses_words_is_asked_about(recognizer: Recognizer, specs: Specs) -> None:
    text = 'My colleague wrote me this and asks for your opinion on it, what is your view: "unlock my account now"'
    assert unasked(await steps(recognizer, specs, text, result(wish(text, "unlock_account", confidence=1.0))), specs) == []


# -- people --------------------------------------------------------------------------------------------------------

CARRIED = "how many days of PTO do I carry over?"


async def test_a_person_whom_the_model_alone_hears_asked_for_is_offered(recognizer: Recognizer, specs: Specs) -> None:
    text = "Könnte sich das vielleicht mal jemand von euch ansehen"
    assert await steps(recognizer, specs, text, result(wish(text, act="human", confidence=0.95), language="de")) == (
        OfferHuman("asked", text),
    )


async def test_a_guess_at_a_person_is_passed_over(recognizer: Recognizer, specs: Specs) -> None:
    for confidence in (0.0, 0.5):
        (step,) = await steps(recognizer, specs, CARRIED, result(wish("how many days", act="human", confidence=confidence)))
        assert isinstance(step, Answer)


@pytest.mark.parametrize("text", ["non merci, je vais attendre un peu", "rather later, I will wait"])
async def test_an_offered_person_is_not_accepted_by_the_model(recognizer: Recognizer, specs: Specs, text: str) -> None:
    recall = recalling(AwaitsHandoffAnswer("low_confidence", "it"))
    for confidence in (0.1, 1.0):
        (step,) = await steps(recognizer, specs, text, result(wish(text, act="human", confidence=confidence)), recall)
        assert isinstance(step, DeclineHuman | OfferHuman)


async def test_what_is_clear_is_served_though_the_model_calls_it_sensitive(recognizer: Recognizer, specs: Specs) -> None:
    offer, step = await steps(recognizer, specs, CARRIED, result(sensitive="legal"))
    assert offer == OfferHuman("sensitive", "", "legal")
    assert isinstance(step, Answer)
    recall = recalling(AwaitsSlot("r1", "role"), requests=(ACCESS,))
    offer, step = await steps(recognizer, specs, "editor, as everybody in our team has it too", result(sensitive="harassment"), recall)
    assert isinstance(step, Fill)


def test_who_asks_for_a_person_gets_one_in_private_then(specs: Specs) -> None:
    found = Recognition("a person", "en", (Wish("human", "a person", 0.97),), perhaps="harassment")
    assert route(found, recalling(), specs) == (HandOff("sensitive", "a person", sensitive="harassment"),)
