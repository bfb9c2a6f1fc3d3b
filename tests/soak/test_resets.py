"""Reset links in five hundred orders of whatever can happen to them. Minutes, not seconds."""

import pytest
from hypothesis import given, settings

from tests.bot.resets.test_any_order import ORDERS, hold


@pytest.mark.timeout(1800)
@settings(max_examples=500)
@given(ORDERS)
def test_any_order(steps: list[tuple[str, int, str]]) -> None:
    hold(steps)
