"""The package is what a Teams administrator can upload, and asks for what the code uses. Microsoft's own schema is asked in tests/e2e."""

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app
from connectors.ports.chat import Shortcut
from connectors.teams import manifest as m
from manifests.teams import draw

APP = "2f1d7e6a-6f0c-4b1d-9a53-0c1f6b7d8e90"
URL = "https://foyer.acme.example"


def packed(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}


def pixels(png: bytes) -> tuple[int, list[bytes]]:
    """The size and the RGBA of each pixel of a picture without filters."""
    size = struct.unpack(">I", png[16:20])[0]
    at, data = 8, b""
    while at < len(png):
        length, name = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += length + 12
    rows = zlib.decompress(data)
    line = size * 4 + 1
    return size, [rows[y * line + 1 + x * 4 : y * line + 5 + x * 4] for y in range(size) for x in range(size)]


def test_the_package_holds_the_app_and_its_icons() -> None:
    files = packed(m.package(APP, URL))
    assert sorted(files) == ["color.png", "manifest.json", "outline.png"]
    made = json.loads(files["manifest.json"])
    assert made == m.manifest(APP, URL)
    assert m.package(APP, URL) == m.package(APP, URL)


def test_every_id_and_address_is_the_installations() -> None:
    made = m.manifest(APP.upper(), URL + "/")
    said = json.dumps(made)
    assert m.NIL not in said
    assert "example.com" not in said
    assert (made["id"], made["bots"][0]["botId"], made["composeExtensions"][0]["botId"], made["webApplicationInfo"]["id"]) == (APP,) * 4
    assert made["validDomains"] == ["foyer.acme.example"]
    assert made["developer"]["websiteUrl"] == URL


def test_a_changed_app_has_its_version() -> None:
    assert m.manifest(APP, URL, version="2.10.0")["version"] == "2.10.0"
    for version in ("newest", "1.0", "01.2.3"):
        with pytest.raises(ValueError, match=r"1\.0\.1"):
            m.manifest(APP, URL, version=version)


@pytest.mark.parametrize(
    ("app_id", "url", "said"),
    [
        ("my-bot", URL, "Application"),
        ("", URL, "Application"),
        (m.NIL, URL, "Application"),
        (APP, "http://foyer.acme.example", "https"),
        (APP, "foyer.acme.example", "https"),
        (APP, "https://", "https"),
        (APP, "https://a b.example", "https"),
        (APP, "https://a.example:x", "https"),
        (APP, "https://a.example/?q=1", "https"),
        (APP, "https://a.example/api/messages", "--url https://a.example"),
        (APP, "https://user:secret@foyer.acme.example", "https"),
        (APP, "https://localhost:8080", "public names"),
        (APP, "https://10.0.0.5", "public names"),
        (APP, "https://*.acme.example", "public names"),
        (APP, "https://foyer.acme.example:8443", "port 443"),
    ],
)
def test_what_cannot_be_is_said(app_id: str, url: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".*") as raised:
        m.package(app_id, url)
    assert said in str(raised.value)


def test_the_shortcuts_on_a_message_are_those_that_the_bot_knows() -> None:
    commands = m.manifest(APP, URL)["composeExtensions"][0]["commands"]
    assert {command["id"] for command in commands} == {shortcut.value for shortcut in Shortcut}
    assert all(command["fetchTask"] and command["type"] == "action" and command["context"] == ["message"] for command in commands)


def test_it_asks_to_hear_what_is_said_without_a_mention() -> None:
    made = m.manifest(APP, URL)
    asked = made["authorization"]["permissions"]["resourceSpecific"]
    assert asked == [{"name": name, "type": "Application"} for name in ("ChannelMessage.Read.Group", "ChatMessage.Read.Chat")]
    assert "webApplicationInfo" in made  # without it, Teams grants none
    assert made["bots"][0]["scopes"] == ["personal", "team", "groupChat"]
    assert made["bots"][0]["supportsFiles"]


@pytest.mark.parametrize(("name", "size", "paint"), [("color.png", 192, draw.in_color), ("outline.png", 32, draw.in_outline)])
def test_the_icons_are_drawn_by_the_script(name: str, size: int, paint: Any) -> None:
    kept, drawn = (m.FOLDER / name).read_bytes(), draw.png(size, paint)
    assert pixels(kept) == pixels(drawn)
    assert pixels(kept)[0] == size


def test_the_outline_is_white_on_nothing_and_the_other_has_no_hole() -> None:
    _, outline = pixels((m.FOLDER / "outline.png").read_bytes())
    assert all(dot[3] == 0 or dot[:3] == b"\xff\xff\xff" for dot in outline if dot[3] in (0, 255))
    assert any(dot[3] == 0 for dot in outline)
    assert any(dot[3] == 255 for dot in outline)
    _, color = pixels((m.FOLDER / "color.png").read_bytes())
    assert all(dot[3] == 255 for dot in color)


def test_the_command_writes_it(tmp_path: Path) -> None:
    out = tmp_path / "app.zip"
    ran = CliRunner().invoke(app, ["teams", "package", "--app-id", APP, "--url", URL, "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert packed(out.read_bytes()) == packed(m.package(APP, URL))
    assert str(out) in ran.output


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["teams", "package", "--app-id", "x", "--url", URL, "--out", str(tmp_path / "app.zip")])
    assert ran.exit_code == 1
    assert "Application (client) ID" in ran.output
    ran = CliRunner().invoke(app, ["teams", "package", "--app-id", APP, "--url", URL, "--out", str(tmp_path / "none" / "app.zip")])
    assert ran.exit_code == 1
    assert "Cannot write" in ran.output
