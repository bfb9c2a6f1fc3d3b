"""The README tells every setting and every command."""

from pathlib import Path

from typer.main import get_command

from bot.cli import app
from bot.config import Settings

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_told() -> None:
    fields = Settings.model_fields.items()
    names = {name.upper() if field.validation_alias else f"FOYER_{name.upper()}" for name, field in fields if name != "organisation"}
    assert {name for name in names if name not in README} == set()


def test_every_command_is_told() -> None:
    assert {name for name in get_command(app).commands if name not in README} == set()  # type: ignore[attr-defined]
