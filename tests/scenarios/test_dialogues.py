"""Plays the dialogues: every skill's own, and those of this folder, against the whole bot."""

from pathlib import Path

import pytest

from bot.evaluation.dialogues import Dialogue, play, read_dialogues
from tests.scenarios.company import Company

ROOT = Path(__file__).parent.parent
FILES = [*sorted((ROOT / "specialists" / "skills").glob("*/dialogues.yaml")), *sorted(Path(__file__).parent.glob("*.yaml"))]
DIALOGUES = [
    pytest.param(dialogue, id=f"{file.parent.name if file.name == 'dialogues.yaml' else file.stem}: {dialogue.name}")
    for file in FILES
    for dialogue in read_dialogues(file)
]


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_dialogue(company: Company, dialogue: Dialogue) -> None:
    assert await play(company, dialogue) is None
