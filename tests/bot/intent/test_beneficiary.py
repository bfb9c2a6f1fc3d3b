"""For whom something is wanted."""

import pytest

from bot.intent.beneficiary import as_if_own, find_beneficiary
from bot.intent.matching import matcher

from .conftest import CATALOGUE, DANA, SmallDirectory

IS_THING = matcher(CATALOGUE).is_thing


@pytest.mark.parametrize(
    ("text", "mention", "key"),
    [
        ("reset Omar's password", "Omar", "p2"),
        ("I'm Dana, reset Omar's password", "Omar", "p2"),
        ("reset omars password", "omar", "p2"),
        ("unlock the account of Omar Haddad", "Omar Haddad", "p2"),
        ("Lena Vogel needs access to Figma", "Lena Vogel", "p3"),
        ("give Omar access to GitHub", "Omar", "p2"),
        ("please order a monitor for Omar", "Omar", "p2"),
        ("reset the password of omar@acme.example", "omar@acme.example", "p2"),
        ("order a laptop for my colleague Lena", "Lena", None),
        ("my colleague can't log in, please unlock his account", "my colleague", None),
        ("my boss's account is locked", "my boss", "p5"),
        ("reset John Doe's password", "John Doe", None),
        ("what's Omar's vacation balance?", "Omar", "p2"),
        ("on behalf of Omar: he needs a laptop", "Omar", "p2"),
    ],
)
async def test_somebody_else(text: str, mention: str, key: str | None) -> None:
    found = await find_beneficiary(text, DANA, SmallDirectory(), IS_THING)
    assert found is not None
    assert (found.mention, found.directory_key) == (mention, key)


@pytest.mark.parametrize(
    "text",
    [
        "reset my password",
        "reset Dana's password",
        "I have my manager's approval for Figma",
        "my manager approved it, I need Figma",
        "I need access to Figma for the Tableau migration",
        "the company's password policy",
        "Friday's vacation",
        "I want Monday off",
        "add me to Jira",
        "a monitor for work",
        "Could you give me access to Figma for the Q3 campaign",
        "please reset Figma's password",
    ],
)
async def test_nobody_else(text: str) -> None:
    assert await find_beneficiary(text, DANA, SmallDirectory(), IS_THING) is None


async def test_nobody_is_identified_while_the_directory_is_down() -> None:
    found = await find_beneficiary("reset Omar's password", DANA, SmallDirectory(down=True), IS_THING)
    assert found is not None
    assert found.directory_key is None


@pytest.mark.parametrize(
    ("said", "own"),
    [
        ("unlock Omar's account", "unlock my account"),
        ("order a laptop for Omar Haddad", "order a laptop for me"),
        ("reset my colleague Omar's password", "reset my colleague my password"),
        ("my windows account is locked", "my windows account is locked"),
        ("put it into my savings account", "put it into my savings account"),
        ("it says account locked", "it says account locked"),
        ("exchange AUD for GBP", "exchange AUD for GBP"),
        ("open an account for GBP", "open an account for GBP"),
        ("my PIN was blocked", "my PIN was blocked"),
        ("unlock OMAR's account", "unlock my account"),
        ("reset the password for OMAR HADDAD", "reset the password for me"),
        ("a" * 3900, "a" * 3900),
    ],
)
def test_what_is_said_of_somebody_is_read_as_said_of_the_speaker(said: str, own: str) -> None:
    assert as_if_own(said, lambda word: False) == own
