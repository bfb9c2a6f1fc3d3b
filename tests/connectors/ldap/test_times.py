"""Times as directories write them."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.ldap.times import as_generalized, filetime, generalized, interval


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20261121134623Z", datetime(2026, 11, 21, 13, 46, 23, tzinfo=UTC)),
        ("20261121134623.905917Z", datetime(2026, 11, 21, 13, 46, 23, 905917, tzinfo=UTC)),
        ("20261121134623.0Z", datetime(2026, 11, 21, 13, 46, 23, tzinfo=UTC)),
        ("20261121144623+0100", datetime(2026, 11, 21, 13, 46, 23, tzinfo=UTC)),
        ("20261121064623-07", datetime(2026, 11, 21, 13, 46, 23, tzinfo=UTC)),
        ("202611211346Z", datetime(2026, 11, 21, 13, 46, tzinfo=UTC)),
        ("2026112113,5Z", datetime(2026, 11, 21, 13, 30, tzinfo=UTC)),
        ("20161231235960Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_reads_generalized_time(text: str, moment: datetime) -> None:
    assert generalized(text) == moment


@pytest.mark.parametrize("text", ["000001010000Z", "20261321134623Z", "20261121134623", "yesterday", "", "99991231235959-1400"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert generalized(text) is None


def test_writes_generalized_time() -> None:
    moment = datetime(2026, 11, 21, 13, 46, 23, 905917, tzinfo=UTC)
    assert as_generalized(moment) == "20261121134623Z"


def test_reads_file_times() -> None:
    # The example of Microsoft's own documentation of FILETIME: the Unix epoch.
    assert filetime("116444736000000000") == datetime(1970, 1, 1, tzinfo=UTC)
    assert filetime("133500000000000005") == datetime(2024, 1, 17, 21, 20, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, "", "0", "9223372036854775807", "-1", "never", "9223372036854775806"])
def test_no_file_time_is_none(text: str | None) -> None:
    assert filetime(text) is None


def test_reads_intervals() -> None:
    assert interval("-18000000000") == timedelta(minutes=30)


@pytest.mark.parametrize("text", [None, "0", "-9223372036854775808", "-9223372036854775807"])
def test_an_interval_without_an_end_is_none(text: str | None) -> None:
    assert interval(text) is None
