"""`foyer usage`, as it is printed."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from bot import usage_cli
from bot.cli import app

FOUND: dict[str, Any] = {
    "by": "person",
    "since": "2026-11-01",
    "currency": "USD",
    "groups": [
        {"person": "p1", "name": "Dana Reyes", "calls": 2, "input": 1200, "output": 80, "cache_read": 3600, "cache_written": 0}
        | {"from_cache": 0.75, "money": "0.01", "failures": {"late": 1}},
        {"person": None, "name": "", "calls": 1, "input": 10, "output": 1, "cache_read": 0, "cache_written": 0}
        | {"from_cache": 0.0, "money": "0.00", "failures": {}},
    ],
    "total": {"calls": 3, "input": 1210, "output": 81, "cache_read": 3600, "cache_written": 0}
    | {"from_cache": 0.7484, "money": "0.01", "failures": {"late": 1}},
    "limits": [
        {"limit": "person_day", "of": "p1", "period": "2026-11-21", "name": "Dana Reyes", "tokens": 4880, "money": "0.01"}
        | {"share": 0.813, "spent": "4,880 tokens", "most": "6,000 tokens"}
    ],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    def told(command: str, **given: Any) -> Any:
        calls.append({"command": command, **given})
        return FOUND

    monkeypatch.setattr(usage_cli, "told", told)
    return calls


def test_people_stand_by_name_and_limits_below(asked: list[dict[str, Any]]) -> None:
    shown = CliRunner().invoke(app, ["usage", "--by", "person", "--since", "2026-11-01"])
    assert shown.exit_code == 0
    assert asked == [{"command": "usage", "by": "person", "since": "2026-11-01"}]
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[1] == ["Dana", "Reyes", "2", "1,200", "80", "3,600", "0", "75%", "late", "1", "0.01"]
    assert lines[2][0] == "(nobody)"
    assert lines[3][:2] == ["all", "3"]
    assert "81.3%  person day        Dana Reyes 2026-11-21: 4,880 tokens of 6,000 tokens" in shown.stdout


def test_json_is_one_object(asked: list[dict[str, Any]]) -> None:
    assert json.loads(CliRunner().invoke(app, ["usage", "--json"]).stdout) == FOUND
    assert asked == [{"command": "usage", "by": "day", "since": None}]


def test_nonsense_is_refused(asked: list[dict[str, Any]]) -> None:
    assert CliRunner().invoke(app, ["usage", "--by", "team"]).exit_code == 2
    assert CliRunner().invoke(app, ["usage", "--since", "yesterday"]).exit_code == 2
    assert asked == []
