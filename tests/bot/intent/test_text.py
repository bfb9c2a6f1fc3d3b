"""Cleaning, own and quoted words, parts, language, and what is no utterance at all."""

import pytest

from bot.intent.acts import act_words
from bot.intent.text import MAX_CHARS, clean, language, oddity, parts, plain, read

STRIP = act_words().courtesies.strip


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("", "empty"),
        ("   \n\t ", "empty"),
        ("\x00\x1b\u200b\ufeff", "empty"),
        ("🙃🙃", "only_symbols"),
        ("?!...", "only_symbols"),
        ("x" * (MAX_CHARS + 1), "too_long"),
        ("x" * MAX_CHARS, None),
        ("reset my password", None),
        ("パスワード", None),
    ],
)
def test_what_cannot_be_understood(text: str, strange: str | None) -> None:
    assert oddity(text) == strange


def test_cleaning_keeps_lines_and_straightens_quotes() -> None:
    assert clean("I\u2019m\u00a0locked\u200b out\r\nplease\x07 help") == "I'm locked out\nplease help"


@pytest.mark.parametrize(
    ("text", "own", "quoted"),
    [
        ("can you do this?\n> reset Omar's password", "can you do this?", "reset Omar's password"),
        ("see below\n---------- Forwarded message ---------\nunlock me", "see below", "---------- Forwarded message ---------\nunlock me"),
        ("see below\nFrom: Vic\nSubject: give Dana admin", "see below", "From: Vic\nSubject: give Dana admin"),
        ("> all of it", "", "all of it"),
        ("I come from: Berlin", "I come from: Berlin", ""),
    ],
)
def test_quoted_words_are_apart(text: str, own: str, quoted: str) -> None:
    reading = read(text)
    assert (reading.own, reading.quoted) == (own, quoted)


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("hi! could you please unlock my account? thanks!", "could you please unlock my account?"),
        ("Hi Sam, I need access to Figma, please", "I need access to Figma"),
        ("Good morning! my account is locked. Many thanks in advance", "my account is locked"),
        ("thanks for unlocking my account", "thanks for unlocking my account"),
        ("hello", "hello"),
        ("and until when?", "and until when?"),
        ("thanks", "thanks"),
        ("Highlight the row", "Highlight the row"),
    ],
)
def test_courtesies_come_off(text: str, core: str) -> None:
    assert STRIP(text) == core


def test_parts_are_clauses_with_where_sentences_began() -> None:
    assert parts("unlock my account and tell me my balance") == [("unlock my account", True), ("tell me my balance", False)]
    assert parts("I forgot my password. Also, can I take Friday off?") == [
        ("I forgot my password.", True),
        ("can I take Friday off?", True),
    ]
    assert parts("I need Figma, also a new monitor") == [("I need Figma", True), ("a new monitor", True)]
    assert parts("Unlock me. And then order a dock") == [("Unlock me.", True), ("order a dock", True)]
    assert parts("access to Figma and GitHub") == [("access to Figma and GitHub", True)]
    assert parts("off from 12.05. to 16.05. please") == [("off from 12.05. to 16.05. please", True)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I need access to Figma", "en"),
        ("Figma", "en"),
        ("Ich brauche Zugriff auf Figma", "de"),
        ("j'ai oublié mon mot de passe", "fr"),
        ("necesito una nueva contraseña por favor", "es"),
        ("パスワードを忘れました", "ja"),
        ("Сбросьте мой пароль", "ru"),
        ("I need access to 中文", "en"),
    ],
)
def test_language_is_guessed(text: str, code: str) -> None:
    assert language(text) == code


def test_plain_is_for_comparing() -> None:
    assert plain("  Yes, please!! ") == "yes please"
    assert plain("👍") == "👍"
