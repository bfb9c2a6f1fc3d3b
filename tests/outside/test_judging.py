"""The judge of the fault tests says yes to what is one story, and no to each that is not."""

from dataclasses import replace
from typing import Any

import pytest

from tests.outside.judging import Found, wrong

DONE = Found("grant", True, 1, 1, "done", 1, 0, "", ("action_done", "request_done"), True)
FAILED = replace(
    DONE, so=False, effects=0, listed=0, end="failed", told=0, asked_people=1, with_staff="Grant (failed: timeout)", audited=()
)
DOUBTED = replace(FAILED, so=True, with_staff="Grant (failed: timeout, and was perhaps done all the same: please check)")


@pytest.mark.parametrize("found", [DONE, FAILED, DOUBTED, replace(DONE, wish="revoke", end="waiting", told=0, audited=())])
def test_one_story(found: Found) -> None:
    assert wrong(found) == []


@pytest.mark.parametrize(
    ("found", "changed"),
    [
        (DONE, {"so": False}),
        (DONE, {"told": 0}),
        (DONE, {"told": 2}),
        (DONE, {"audited": ("action_done",)}),
        (DONE, {"effects": 2}),
        (DONE, {"listed": 2}),
        (DONE, {"end": "waiting", "told": 0, "audited": ()}),
        (DONE, {"intact": False}),
        (FAILED, {"told": 1}),
        (FAILED, {"so": True}),
        (FAILED, {"asked_people": 0}),
        (FAILED, {"with_staff": ""}),
        (FAILED, {"audited": ("request_done",)}),
        (DOUBTED, {"audited": ("action_compensated",)}),
    ],
)
def test_no_story(found: Found, changed: dict[str, Any]) -> None:
    assert wrong(replace(found, **changed))
