"""What Teams shows: every card held against the published schema and drawn by Microsoft's own library, for the eyes and for the words."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validators

from connectors.ports.chat import Field, Progress, Prompt, Reply, ReplyKind, Step
from connectors.teams.render import card_of, form_card, render
from tests.connectors.slack.support import WORDING
from tests.e2e.browser import OUT, Window
from tests.e2e.slack_pictures import examples

HERE = Path(__file__).parent / "teams_pictures"
TEAMS = OUT / "teams"
EVIL = "<at>Dana</at> [bank](https://evil.example) ![p](https://evil.example/p.png) <img src=x> **x** _y_ {{DATE(2026-12-24T00:00:00Z)}}"
HOSTILE = replace(
    examples.WAITING,
    progress=Progress(EVIL, EVIL, EVIL, (Step(EVIL, "running"), Step("1. # > -", "undone")), EVIL),
    fields=(Field(EVIL, EVIL),),
    transcript=(f"Dana Kim: {EVIL}",),
)
GREETING = Reply(
    "greeting",
    ReplyKind.GREETING,
    "I'm **Foyer**, an AI. I answer from the company's articles and do things for you; I can be wrong.",
    prompts=(Prompt("Days of holiday", "How many days of holiday do I have left?"), Prompt("Get access", "I need access to Figma")),
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled page; it asks the network for nothing."""
    folder = tmp_path_factory.mktemp("teams")
    node = TEAMS / "node_modules"
    subprocess.run(
        [str(node / ".bin/esbuild"), str(HERE / "page.js"), "--bundle", "--ignore-annotations", f"--outfile={folder / 'page.js'}"],
        env={**os.environ, "NODE_PATH": str(node)},
        check=True,
        capture_output=True,
    )
    html = (
        '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css"><div id="page"></div><script src="page.js"></script>'
    )
    (folder / "page.html").write_text(html, encoding="utf-8")
    return folder / "page.html"


def message(*replies: Reply) -> list[dict[str, Any]]:
    return [
        {"name": "Foyer", "text": part.text, "card": part.card, "entities": part.entities, "channelData": part.channel_data}
        for one in replies
        for part in render(one, WORDING)
    ]


def dialog(title: str, reply: Reply) -> dict[str, Any]:
    return {"dialog": title, "card": form_card(reply, WORDING)}


SHOWN: dict[str, tuple[list[dict[str, Any]], tuple[str, ...], tuple[str, ...]]] = {
    "30-teams-answer": (
        message(examples.ANSWER),
        (),
        (
            "120 € a night",
            "Travel policy, Hotels, updated 3 months ago (kb.acme.example)",
            "(evil.example)",
            "Ask a person",
            "AI generated",
        ),
    ),
    "31-teams-card": (
        message(examples.WAITING, examples.DONE),
        ("Cancel",),
        ("FOY-12 · Access to an application", "Approval: Priya Nair, since 14:05", "(now)", "(not yet)", "(done)", "Cancel FOY-12?"),
    ),
    "32-teams-approval": (
        message(examples.ASKED, examples.DECIDED, examples.RECEIPT),
        ("Deny",),
        (examples.GRANT, "Approve", "Deny", "Reason", "Approved by Priya Nair", "Undo"),
    ),
    "33-teams-handoff": (
        message(examples.HANDOFF, examples.STAFF),
        ("Reply to employee",),
        ("What was said so far", "Does the power light blink?", "Claim", "Return to Foyer", "Hold the power key", "Sam Ortiz"),
    ),
    "34-teams-home": (
        message(examples.HOME),
        (),
        ("Hello Dana", "Book a holiday", "Waiting for your decision", "FOY-29", "My requests", "Show"),
    ),
    "35-teams-form": (
        [dialog("Absence", examples.FORM), *message(examples.FORM), dialog("Absence", examples.REFUSAL)],
        (),
        ("Book a holiday", "12 days", "First day", "Your manager reads it.", "Send", "2 days"),
    ),
    "36-teams-table": (message(examples.TABLE), (), ("Office 0", "+49 30 550010", " more")),
    "37-teams-refusal": (
        message(examples.REFUSAL, examples.ERROR, GREETING),
        (),
        ("2 days", "Nothing was changed", "Ask a person", "try again", "an AI", "Days of holiday"),
    ),
    "38-teams-hostile": (
        message(HOSTILE),
        (),
        ("[bank]", "<img src=x>", "**x** _y_", "DATE(2026-12-24T00:00:00Z)}}", "1. # > -"),
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_teams_shows_it(name: str, page: Path, tmp_path: Path) -> None:
    shown, pressed, words = SHOWN[name]
    window = Window(page.as_uri(), tmp_path / "profile", width=800, height=900)
    try:
        window.driver.get(page.as_uri())
        window.driver.execute_script("window.show(arguments[0])", json.dumps(shown))
        for title in pressed:
            window.driver.execute_script("window.press(arguments[0])", title)
        window.see("#page")
        said = window.text().replace("\u2060", "").replace("\u00a0", " ")
        assert [one for one in words if one not in said] == []
        assert window.driver.execute_script("return document.querySelectorAll('#page img, #page at').length") == 0
        links = window.driver.execute_script(
            "return [...document.querySelectorAll('#page a[href]')].map((a) => [a.href, a.parentElement.innerText])"
        )
        assert [said for href, said in links if href.split("/")[2] not in said] == []
        assert [fault for fault in window.faults() if fault.startswith("no name")] == []
        height = window.driver.execute_script("return document.getElementById('page').offsetHeight")
        screen = {"width": 800, "height": height, "deviceScaleFactor": 1, "mobile": False}
        window.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        window.picture(name)
        assert window.hosts() == set()
    finally:
        window.close()


@pytest.fixture(scope="module")
def schema() -> Any:
    """The published schema 1.5, as another library brings it along."""
    text = (TEAMS / "schemas/adaptive_cards/schemas/schema-1.5.json").read_text(encoding="utf-8")
    loaded = json.loads(text)
    return validators.validator_for(loaded)(loaded)


def test_every_card_is_as_the_schema_says(schema: Any) -> None:
    replies = [one for one in (*vars(examples).values(), HOSTILE, GREETING) if isinstance(one, Reply)]
    cards = [part.card for one in replies for part in render(one, WORDING) if part.card is not None]
    cards += [made(one, WORDING) for one in replies for made in (card_of, form_card)]
    assert len(cards) > 30
    for card in cards:
        # Teams' own extension is no part of it.
        whole = json.loads(json.dumps({name: value for name, value in card.items() if name != "msteams"}))
        assert [error.message[:300] for error in schema.iter_errors(whole)] == []


def test_the_schema_refuses_what_is_no_card(schema: Any) -> None:
    assert not schema.is_valid({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlokk", "text": "x"}]})
    assert not schema.is_valid({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Input.Text", "label": "no id"}]})
