"""The sandbox company's people as Microsoft's playground reads them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from connectors.sandbox.people import TENANT
from connectors.sandbox.playground import FILE, configuration


def test_one_is_at_the_screen_and_the_others_are_there() -> None:
    made = configuration("Priya@acme.example")
    assert made["tenantId"] == TENANT
    assert made["currentUser"]["name"] == "Priya Nair"
    assert len({user["aadObjectId"] for user in (made["currentUser"], *made["users"])}) == 6


def test_nobody_else_can_be_shown() -> None:
    with pytest.raises(ValueError, match=r"There are dana@acme\.example"):
        configuration("nobody@acme.example")


def test_the_command_writes_the_file_that_the_playground_reads(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["teams", "playground", "--folder", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert json.loads((tmp_path / FILE).read_text()) == configuration("dana@acme.example")
    ran = CliRunner().invoke(app, ["teams", "playground", "--as", "x", "--folder", str(tmp_path)])
    assert ran.exit_code == 1
    assert "There are dana@acme.example" in ran.output
