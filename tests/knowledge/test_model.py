"""Who may read what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import AudienceInvalid
from knowledge.model import EVERYONE, admits, parse_audience
from tests.knowledge.conftest import VOCABULARY, person


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ([], {}),
        (["all"], {}),
        (["country=DE"], {"country": {"de"}}),
        (["country=de,FR"], {"country": {"de", "fr"}}),
        (["country=DE", "country=FR"], {"country": {"de", "fr"}}),
        ([" Country = DE ", "department=sales"], {"country": {"de"}, "department": {"sales"}}),
    ],
)
def test_selectors_are_read(selectors: list[str], expected: dict[str, set[str]]) -> None:
    assert parse_audience(selectors, VOCABULARY) == expected


@pytest.mark.parametrize(
    ("selector", "code"),
    [
        ("country", "audience_syntax"),
        ("country=", "audience_syntax"),
        ("=DE", "audience_syntax"),
        ("country=DE,,FR", "audience_syntax"),
        ("planet=earth", "audience_key_unknown"),
        ("country=Atlantis", "audience_value_unknown"),
    ],
)
def test_what_the_vocabulary_does_not_have_is_refused(selector: str, code: str) -> None:
    with pytest.raises(AudienceInvalid) as refused:
        parse_audience([selector], VOCABULARY)
    assert refused.value.code == code
    assert refused.value.message_key == f"knowledge.{code}"


def test_a_refused_value_is_told_as_it_was_written() -> None:
    with pytest.raises(AudienceInvalid) as refused:
        parse_audience(["country=XX"], VOCABULARY)
    assert refused.value.details["value"] == "XX"


def test_and_across_keys_or_within_one() -> None:
    audience = parse_audience(["country=DE,FR", "department=Sales"], VOCABULARY)
    assert admits(audience, person("DE", "Sales"))
    assert admits(audience, person("FR", "Sales"))
    assert not admits(audience, person("DE", "IT"))
    assert not admits(audience, person("US", "Sales"))


def test_groups_and_roles_select_too() -> None:
    assert admits(parse_audience(["role=staff"], VOCABULARY), person(roles=("employee", "staff")))
    assert not admits(parse_audience(["role=staff"], VOCABULARY), person())
    assert admits(parse_audience(["group=it-support"], VOCABULARY), person(groups=frozenset({"IT-Support"})))


def test_nobody_chosen_is_every_employee_and_never_a_guest() -> None:
    assert admits(EVERYONE, person())
    assert not admits(EVERYONE, person(guest=True))
    assert not admits(EVERYONE, person(active=False))
    assert not admits({"country": frozenset({"us"})}, person("US", guest=True))


_audiences = st.dictionaries(
    st.sampled_from(["country", "department"]), st.frozensets(st.sampled_from(["us", "de", "fr", "sales", "it"]), min_size=1)
)


@given(_audiences, st.sampled_from(["US", "DE", "FR"]), st.sampled_from(["Sales", "IT"]))
def test_each_further_key_only_narrows(audience: dict[str, frozenset[str]], country: str, department: str) -> None:
    asker = person(country, department)
    for key in audience:
        wider = {other: values for other, values in audience.items() if other != key}
        assert admits(wider, asker) or not admits(audience, asker)
