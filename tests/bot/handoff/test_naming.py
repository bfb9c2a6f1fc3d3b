"""Whoever takes part is named by their part, and words stay words."""

import pytest

from bot.handoff.naming import without_names

NAMES = {"p": "Will May", "s": "Sam Mark", "d": "Dana Keller"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Will you mark it in May?", "Will you mark it in May?"),
        ("Mark it as done, Will!", "Mark it as done, the employee!"),
        ("Hi Will, can you see it?", "Hi the employee, can you see it?"),
        ("Thanks Will", "Thanks the employee"),
        ("Will May cannot sign in", "the employee cannot sign in"),
        ("Dana, this is Sam Mark.", "staff, this is staff."),
        ("Samples of Danas", "Samples of Danas"),
        ("Dana and Sam know it since May.", "staff and staff know it since May."),
        ("It works now.\nWill", "It works now.\nthe employee"),
    ],
)
def test_names_go_and_words_stay(text: str, told: str) -> None:
    assert without_names(text, NAMES, "p") == told
