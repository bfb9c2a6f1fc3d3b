"""The Teams app, by the schema that Microsoft publishes for it (npm's `@microsoft/app-manifest` carries it)."""

import io
import json
import zipfile
from typing import Any

import pytest
from jsonschema import validators

from connectors.teams.manifest import package
from tests.e2e.browser import OUT

SCHEMAS = OUT / "teams_package" / "node_modules" / "@microsoft" / "app-manifest" / "build" / "json-schemas" / "teams"


@pytest.fixture
def app() -> dict[str, Any]:
    packed = package("2f1d7e6a-6f0c-4b1d-9a53-0c1f6b7d8e90", "https://foyer.acme.example")
    with zipfile.ZipFile(io.BytesIO(packed)) as zipped:
        read: dict[str, Any] = json.loads(zipped.read("manifest.json"))
    return read


def wrong(app: dict[str, Any]) -> list[str]:
    schema = json.loads((SCHEMAS / f"v{app['manifestVersion']}" / "MicrosoftTeams.schema.json").read_text(encoding="utf-8-sig"))
    return [error.message for error in validators.validator_for(schema)(schema).iter_errors(app)]


def test_the_app_is_what_microsofts_schema_says(app: dict[str, Any]) -> None:
    assert app["manifestVersion"] == "1.30"
    assert wrong(app) == []


def test_the_schema_finds_what_is_wrong(app: dict[str, Any]) -> None:
    """The control of the test above."""
    app["bots"][0]["scopes"] = ["everywhere"]
    app["description"]["short"] = "x" * 81
    del app["accentColor"]
    assert len(wrong(app)) == 3
