"""The time that secrets and numbers take to be found grows with the length of a message and not with its square.

It happens before anything else bounds a message, and while it does nobody else is served. Not among the fast tests: it compares times,
of one process with itself.
"""

import random
import re
import time
from collections.abc import Callable

import pytest

from bot.language.redaction import Redactor
from connectors.ports.secrets import without_secrets

SHORT, TIMES = 2_500, 8
TOO_MUCH = 3 * TIMES
"""A square makes it TIMES * TIMES."""
UNITS = (
    *(
        "a",
        "a1",
        "a.",
        "a-",
        "a_",
        "12",
        "1 ",
        "0 ",
        "0f",
        "((",
        '"',
        '" ',
        " ",
        "\n",
        "://a:",
        "a@",
        "a@a.",
        "a%20b",
        "M-",
        "eyJ-",
        "eyJaaaaaaaaaa",
    ),
    *(
        "pw",
        "pw=",
        "pw=a ",
        "password ",
        "PASSWORD",
        "passwords are ",
        "login ",
        "login=",
        "login-",
        "creds ",
        "PIN-",
        "CODE-",
        "code-",
        "A1AA-",
    ),
    *(
        "<password ",
        "<password>",
        "mysql ",
        "mysql -p",
        "密码",
        "密码是",
        "пароль ",
        "hasło",
        "Bearer ",
        "-----BEGIN ",
        "-----END ",
        "seed phrase is ",
    ),
    *(
        "[email ",
        "[email 1",
        "is my ",
        "x is ",
        "my ",
        "tel ",
        "tel:",
        "+1 ",
        "(1",
        "ssn ",
        "pass: ",
        "SG.",
        "zugangsdaten a b ",
        "a1!b2c, ",
    ),
)


def taken(work: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started


def hide(text: str) -> object:
    return Redactor(("contacts", "numbers")).hide(("", text))


def square(text: str) -> object:
    """The negative control: goes to the end from every place."""
    return re.sub(r"\S*!", "", text)


def grows(work: Callable[[str], object], unit: str, end: str) -> float:
    """How many times longer it takes for a text that is TIMES as long; what takes hardly any time counts as a millisecond."""
    short = (unit * SHORT)[:SHORT] + end
    long = (unit * SHORT * TIMES)[: SHORT * TIMES] + end
    return min(taken(work, long) for _ in range(2)) / max(0.001, min(taken(work, short) for _ in range(3)))


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("work", [without_secrets, hide])
def test_what_is_repeated_takes_time_by_its_length(work: Callable[[str], object], unit: str) -> None:
    assert max(grows(work, unit, end) for end in ("", "\0", "x!")) < TOO_MUCH


@pytest.mark.parametrize("seed", range(20))
def test_so_does_what_is_put_together_at_random(seed: int) -> None:
    unit = "".join(random.Random(seed).choices(UNITS, k=6))
    assert max(grows(hide, unit, end) for end in ("", "\0")) < TOO_MUCH


def test_a_square_would_be_seen() -> None:
    assert grows(square, "a", "") > TOO_MUCH
