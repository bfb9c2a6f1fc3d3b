"""Whole conversations in which a scripted model understands what the offline engine cannot: nothing is done on its word alone."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.control import COMMANDS
from bot.home import Refusal
from connectors.errors import Retry
from connectors.memory.language import ScriptedModel
from connectors.ports.language import Ask
from tests.bot.intent.assisting import result, wish
from tests.scenarios.company import Company

GERMAN = "Ich brauche Zugriff auf Figma als Editor für 30 Tage"
FRENCH = "Débloquez mon compte s'il vous plaît"
LOOKS = "Mein Chef schaut mir immer in den Ausschnitt"
MONTH = "na ja, so einen Monat lang"
SAID: Mapping[str, Any] = {
    GERMAN: result(
        wish(GERMAN, "grant_access", ("application", "Figma", "Figma"), ("role", "Editor", "editor"), ("duration", "30 Tage", "30 days")),
        language="de",
    ),
    FRENCH: result(wish(FRENCH, "unlock_account"), language="fr"),
    LOOKS: result(language="de", sensitive="harassment"),
    MONTH: result(language="de", answers=[("duration", "einen Monat lang", "30 days")]),
    "and viewer will do": result(answers=[("role", "viewer", "viewer")]),
}


def script(ask: Ask) -> Any:
    """It understands what is written above, and writes nothing."""
    if ask.prompt.name != "recognition":
        return Retry("unreachable")
    return SAID.get(ask.content.split("<own_words>\n")[1].split("\n</own_words>")[0], result())


@pytest.fixture
async def assisted(template: Path, tmp_path: Path) -> AsyncIterator[Company]:
    opened = await Company.open(tmp_path / "home", template, model=ScriptedModel(script))
    yield opened
    await opened.close()


async def newest(company: Company, person: str = "dana") -> tuple[str, str]:
    """What was shown last, and the state of the request that it is about."""
    reply = (await company.news(person))[-1].reply
    return reply.text, reply.request.state if reply.request is not None else ""


async def test_a_german_wish_is_confirmed_by_a_german_yes(assisted: Company) -> None:
    await assisted.say("dana", GERMAN)
    assert await newest(assisted) == ("Shall I ask for Figma as editor for 30 days?", "confirming")
    await assisted.say("dana", "Ja, bitte!")
    assert (await newest(assisted))[1] == "awaiting_approval"


async def test_a_french_wish_is_dropped_by_a_french_no(assisted: Company) -> None:
    await assisted.say("dana", FRENCH)
    assert (await newest(assisted))[1] == "confirming"
    await assisted.say("dana", "non merci")
    assert (await newest(assisted))[1] == "cancelled"


async def test_a_slot_that_the_model_alone_read_is_confirmed(assisted: Company) -> None:
    """The wish itself was clear; typed by the employee, the same answer needs no confirmation."""
    await assisted.say("dana", "I need editor access to Figma")
    assert (await newest(assisted))[1] == "gathering"
    await assisted.say("dana", MONTH)
    assert await newest(assisted) == ("Shall I ask for Figma as editor for 30 days?", "confirming")
    await assisted.say("dana", "ja genau")
    assert (await newest(assisted))[1] == "awaiting_approval"

    await assisted.say("omar", "I need editor access to Figma")
    await assisted.say("omar", "30 days")
    assert (await newest(assisted, "omar"))[1] == "awaiting_approval"


async def test_what_is_confirmed_is_confirmed_again_when_the_model_changes_it(assisted: Company) -> None:
    await assisted.say("dana", GERMAN)
    await assisted.say("dana", "and viewer will do")
    assert await newest(assisted) == ("Shall I ask for Figma as viewer for 30 days?", "confirming")


async def test_weights_are_fitted_to_rows_of_ones_own(assisted: Company) -> None:
    app = assisted.app
    rows = [[GERMAN, "grant_access"], [FRENCH, "unlock_account"], ["what is for lunch today?", "question"], [MONTH, "oos"]]
    read = await COMMANDS["recognition.read"](app, {"rows": rows})
    assert [right for *_, right in read] == [True, True]
    with pytest.raises(Refusal, match="at least"):
        await COMMANDS["recognition.calibrate"](app, {"rows": read})
    with pytest.raises(Refusal, match="is no skill"):
        await COMMANDS["recognition.read"](app, {"rows": [["reset it", "reset_passwrd"]]})
    sure = [[0.5, 0.95, False, place % 5 > 0] for place in range(60)]
    done = await COMMANDS["recognition.calibrate"](app, {"rows": sure})
    assert done["version"] == 1
    assert done["loss"] <= done["loss_before"]
    contrary = [[0.5, 0.95, False, place % 3 == 0 or place % 12 == 1] for place in range(60)]
    assert (await COMMANDS["recognition.calibrate"](app, {"rows": contrary}))["version"] == 0
    by = app.turns.recognizer
    weights = by.weights  # type: ignore[attr-defined]
    await assisted.restart()
    assert assisted.app.turns.recognizer.weights == weights  # type: ignore[attr-defined]


async def test_without_a_model_there_is_nothing_to_fit(company: Company) -> None:
    with pytest.raises(Refusal, match="No language model"):
        await COMMANDS["recognition.read"](company.app, {"rows": [["hello", "oos"]]})


@pytest.mark.parametrize("press", [False, True])
async def test_what_the_model_takes_for_sensitive_opens_a_private_case_only_after_a_yes(assisted: Company, press: bool) -> None:
    dana = await assisted.app.people.by_key("e1001")
    assert dana is not None
    await assisted.say("dana", LOOKS)
    offer = (await assisted.news("dana"))[-1].reply
    assert offer.text.startswith("If this is something that you would rather tell a person in private")
    assert await assisted.app.handoffs.of_person(dana.id) == []
    if press:
        await assisted.press_id("dana", offer.actions[0].id)
    else:
        await assisted.say("dana", "ja bitte")
    (case,) = await assisted.app.handoffs.of_person(dana.id)
    assert (case.sensitive, case.reason) == ("harassment", "sensitive")
