"""What Slack shows, drawn by a library that nobody here wrote, for the eyes and for the words that must be there."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from connectors.ports.chat import Reply
from connectors.slack.buttons import ButtonValue
from connectors.slack.render import render
from connectors.slack.views import form_view, home_view, text_view
from tests.connectors.slack.support import WORDING
from tests.e2e.browser import OUT, Window
from tests.e2e.slack_pictures import examples

HERE = Path(__file__).parent / "slack_pictures"
NODE = OUT / "slack" / "node_modules"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled page; it asks the network for nothing."""
    folder = tmp_path_factory.mktemp("slack")
    define = '--define:process.env.NODE_ENV="production"'
    subprocess.run(
        [str(NODE / ".bin/esbuild"), str(HERE / "page.jsx"), "--bundle", "--jsx=automatic", f"--outfile={folder / 'page.js'}", define],
        env={**os.environ, "NODE_PATH": str(NODE)},
        check=True,
        capture_output=True,
    )
    html = (
        '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css"><div id="page"></div><script src="page.js"></script>'
    )
    (folder / "page.html").write_text(html, encoding="utf-8")
    return folder / "page.html"


def message(*replies: Reply, name: str = "Foyer") -> list[dict[str, Any]]:
    return [{"name": name, "blocks": part.rendered.blocks} for one in replies for part in render(one, WORDING) if part.rendered is not None]


SHOWN = {
    "20-slack-answer": (
        message(examples.ANSWER),
        ("120 € a night", "Travel policy, Hotels, updated 3 months ago (kb.acme.example)", "(evil.example)", "Ask a person"),
    ),
    "21-slack-card": (
        message(examples.WAITING, examples.DONE),
        ("FOY-12 · Access to an application", "Approval: Priya Nair, since 14:05", "(now)", "(not yet)", "(done)", "Cancel"),
    ),
    "22-slack-approval": (
        message(examples.ASKED, examples.DECIDED, examples.RECEIPT),
        (examples.GRANT, "Approve", "Deny", "Approved by Priya Nair", "Undo"),
    ),
    "23-slack-handoff": (
        [*message(examples.HANDOFF), *message(examples.STAFF, name="Sam Ortiz")],
        ("Earlier lines left out: 6", "Does the power light blink?", "Claim", "Return to Foyer", "Hold the power key"),
    ),
    "24-slack-home": (
        [{"view": home_view(examples.HOME, WORDING)}],
        ("Hello Dana", "Book a holiday", "Waiting for your decision", "FOY-29", "My requests", "Show"),
    ),
    "25-slack-form": (
        [
            {"view": form_view(examples.FORM, WORDING)},
            {"view": text_view(ButtonValue("x", "Deny", "required", "Reason"), WORDING)},
            {"view": form_view(examples.REFUSAL, WORDING)},
        ],
        ("Book a holiday", "12 days", "First day", "Your manager reads it.", "Send", "Reason", "2 days"),
    ),
    "26-slack-table": (message(examples.TABLE), ("Office 0", "Office 104", "+49 30 550104")),
    "27-slack-refusal": (message(examples.REFUSAL, examples.ERROR), ("2 days", "Nothing was changed", "Ask a person", "try again")),
}


@pytest.mark.parametrize("name", SHOWN)
def test_slack_shows_it(name: str, page: Path, tmp_path: Path) -> None:
    shown, words = SHOWN[name]
    window = Window(page.as_uri(), tmp_path / "profile", width=800, height=900)
    try:
        window.driver.get(page.as_uri())
        window.driver.execute_script("window.show(arguments[0])", json.dumps(shown))
        window.see("#page", words[0])
        said = window.text()
        assert [one for one in words if one not in said] == []
        assert "<!" not in said
        assert window.driver.execute_script("return document.querySelectorAll('#page img[src^=http]').length") == 0
        height = window.driver.execute_script("return document.getElementById('page').offsetHeight")
        screen = {"width": 800, "height": height, "deviceScaleFactor": 1, "mobile": False}
        window.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        window.picture(name)
    finally:
        window.close()
