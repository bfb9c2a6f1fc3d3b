"""Plays the dialogues: every skill's own, and those of this folder, against the whole bot."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scenarios.company import Company, Said

ROOT = Path(__file__).parent.parent
FILES = [*sorted((ROOT / "specialists" / "skills").glob("*/dialogues.yaml")), *sorted(Path(__file__).parent.glob("*.yaml"))]
DIALOGUES = [
    pytest.param(dialogue["turns"], id=f"{file.parent.name if file.name == 'dialogues.yaml' else file.stem}: {dialogue['name']}")
    for file in FILES
    for dialogue in yaml.safe_load(file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("turns", DIALOGUES)
async def test_dialogue(company: Company, turns: list[dict[str, Any]]) -> None:
    heard: dict[str, list[Said]] = {}
    speaker = ""
    for turn in turns:
        ((who, what),) = turn.items()
        if who == "later":
            await company.later(**what)
        elif who == "restart":
            await company.restart()
        elif who.startswith("foyer"):
            person = who.removeprefix("foyer").removeprefix(" to ").strip() or speaker_of(turns, turn)
            heard.setdefault(person, []).extend(await company.news(person))
            expect(heard[person], what, f"{person} after {speaker!r}")
        else:
            speaker = f"{who}: {what}"
            # What was said before this turn and not asked about is not an answer to it.
            heard[who] = []
            await company.news(who)
            await act(company, who, what)


def speaker_of(turns: list[dict[str, Any]], turn: dict[str, Any]) -> str:
    """Whose conversation it is: the first person who speaks in the dialogue."""
    del turn
    return next(who for spoken in turns for who in spoken if not who.startswith("foyer") and who not in ("later", "restart"))


async def act(company: Company, person: str, what: str) -> None:
    if not what.startswith("!"):
        await company.say(person, what)
        return
    name, _, text = what[1:].partition(" ")
    if name == "step-up":
        await company.confirm(person)
    elif name == "refuse-step-up":
        await company.confirm(person, yes=False)
    else:
        await company.press(person, name, text)


def expect(heard: list[Said], wanted: dict[str, Any], where: str) -> None:
    """One of the replies fits; it and what came before it may not be used again."""
    for said in heard:
        if fits(said, wanted):
            heard.remove(said)
            return
    raise AssertionError(f"to {where}: nothing like {wanted} in {heard}")


def fits(said: Said, wanted: dict[str, Any]) -> bool:
    reply = said.reply
    text = "\n".join([reply.text, *(f"{field.label}: {field.value}" for field in reply.fields), *(reply.transcript)])
    state = reply.request.state if reply.request else None
    return (
        wanted.get("kind", reply.kind.value) == reply.kind.value
        and wanted.get("state", state) == state
        and re.search(wanted.get("says", ""), text, re.IGNORECASE | re.DOTALL) is not None
        and wanted.get("cites", "") in "; ".join(citation.title for citation in reply.citations)
        and ("cites" not in wanted or bool(reply.citations))
    )
