"""What is asked for one day is not said "from Friday to Friday"."""

from bot.words import Words
from connectors.ports.messages import Reader
from specialists.loader import load_skills
from specialists.request import SlotValue
from tests.specialists.fulfilment.test_store import a_request

WORDS = Words(load_skills()["request_pto"].messages, Reader("en-US", "UTC"))


def said(key: str, end: str) -> str:
    slots = {"start": SlotValue("2026-11-27", "Fri 27 Nov"), "end": SlotValue(f"2026-11-{end}", f"{end} Nov")}
    return WORDS.of_skill(a_request(1, skill="request_pto", slots=slots), key, person="Dana")


def test_one_day_has_words_of_its_own() -> None:
    assert said("confirm", "27") == "Shall I ask for Fri 27 Nov off?"
    assert said("approval", "27") == "Dana asks for Fri 27 Nov off."
    assert said("title", "27") == "Book time off"


def test_two_days_are_from_to() -> None:
    assert said("confirm", "28") == "Shall I ask for time off from Fri 27 Nov to 28 Nov?"
