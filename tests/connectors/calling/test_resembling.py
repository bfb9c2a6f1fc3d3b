"""Whom a text resembles, of many at once as of one."""

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz, utils

from connectors.calling.resembling import LONGEST, RESEMBLES, Compared, resemblance, resembling

NAMES = ("Dana Whitfield", "Omar Haddad", "Åsa Öberg", "Li", "Priya Nair", "Dana Witfield-Nair", "")
PEOPLE = [(name, f"{name.split()[0].lower() if name else 'x'}@acme.example") for name in NAMES]
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(["Dana", "dana@acme.example", "Whitfeild", "oberg", "OMAR", "Nair Priya", "priya"]))


@given(TEXTS)
def test_all_at_once_are_compared_as_each_would_be(text: str) -> None:
    found = dict(resembling(text, [Compared.of(*person) for person in PEOPLE]))
    told = {at: one_by_one(text, *person) for at, person in enumerate(PEOPLE)}
    assert found == {at: score for at, score in told.items() if score >= RESEMBLES}


def one_by_one(text: str, name: str, email: str) -> float:
    wanted, named = utils.default_process(text), utils.default_process(name)
    if not wanted:
        return 0.0
    if text.strip().lower() == email:
        return 101.0
    exact = 1.0 if wanted == named else 0.0
    return max(fuzz.ratio(wanted, named) + exact, fuzz.token_set_ratio(wanted, named) - 1, fuzz.ratio(wanted, email.split("@")[0]) - 1)


def test_of_a_long_text_the_beginning_counts() -> None:
    assert resemblance("Dana Whitfield" + " " * LONGEST + "nobody of this name", "Dana Whitfield", "d@acme.example") > RESEMBLES
