"""Secrets that people type are not kept; ordinary sentences about them are."""

import pytest

from connectors.ports.secrets import REMOVED, without_secrets


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("my password is hunter2, please reset it", "hunter2"),
        ("Password: Tr0ub4dor&3", "Tr0ub4dor&3"),
        ('the pw was "correct-horse"', "correct-horse"),
        ("the verification code is 492817", "492817"),
        ("pin=0815", "0815"),
        ("here: xoxb-1234567890-abcdefghij", "xoxb-1234567890-abcdefghij"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
    ],
)
def test_a_secret_is_removed(text: str, secret: str) -> None:
    cleaned = without_secrets(text)
    assert REMOVED in cleaned
    assert secret not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password",
        "my password is not working",
        "my password is expired, reset it",
        "what is the password policy?",
        "what is the wifi password for guests?",
        "the door code is wrong",
        "my pin is locked",
        "",
    ],
)
def test_talking_about_one_is_not_one(text: str) -> None:
    assert without_secrets(text) == text
