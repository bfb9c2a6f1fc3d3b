"""How what a service has is compared with what was asked for."""

import pytest

from connectors.scim.resources import compared, lowered


@pytest.mark.parametrize(
    ("asked", "had", "same"),
    [
        ("Dana@acme.example", "dana@ACME.example", True),
        ("rene\u0301@acme.example", "ren\u00e9@acme.example", True),
        ("stra\u00dfe@acme.example", "strasse@acme.example", False),
        ("dana@acme.example", "d\u00e1na@acme.example", False),
    ],
)
def test_names_and_addresses_are_the_same_but_for_case(asked: str, had: str, same: bool) -> None:
    assert (lowered(asked) in compared({"userName": had}, "userName")) is same
    assert (lowered(asked) in compared({"emails": [{"value": had}]}, "emails")) is same
