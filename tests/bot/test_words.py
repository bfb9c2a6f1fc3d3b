"""The catalogue has every message that the code speaks of, and no other."""

import re
from pathlib import Path

import pytest
import yaml

from bot.handoff.model import Command, HandoffState
from bot.words import Words
from connectors.ports.messages import Messages, Reader
from connectors.web.render import safe_html
from knowledge.errors import LoadRefused
from knowledge.loading.markdown import SETTINGS
from knowledge.loading.registry import load_now
from specialists.request import RequestState

BOT = Path(__file__).parent.parent.parent / "bot"
TEXTS = yaml.safe_load((BOT / "messages.yaml").read_text(encoding="utf-8"))["en"]
BOT_SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in BOT.rglob("*.py"))
KNOWLEDGE_SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in (BOT.parent / "knowledge").rglob("*.py"))
CHANNELS_SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in (BOT.parent / "connectors").rglob("*.py"))
SOURCE = BOT_SOURCE + KNOWLEDGE_SOURCE + CHANNELS_SOURCE
NAMED = set(re.findall(r'"([a-z_]+(?:\.[a-z_?]+)+)"', SOURCE))
PREFIXES = {prefix + "." for prefix in re.findall(r'f"([a-z_.]+)\.\{', SOURCE) if any(key.startswith(prefix + ".") for key in TEXTS)}


def test_every_message_is_spoken_somewhere() -> None:
    """By its whole key, or by a key that the code puts together."""
    silent = {key for key in TEXTS if key not in NAMED and not any(key.startswith(prefix) for prefix in PREFIXES)}
    assert {key for key in silent if f'"{key.split(".")[0]}"' not in SOURCE} == set()


def test_every_message_that_is_named_is_there() -> None:
    spoken = set(re.findall(r'(?<!_)words\(\s*"([a-z_.?]+)"', BOT_SOURCE)) | set(
        re.findall(r'(?:told=|NotPossible\()"([a-z_.]+)"', BOT_SOURCE)
    )
    spoken |= {
        f"knowledge.{code}"
        for code in re.findall(r'(?:LoadRefused|AudienceInvalid|NotAllowed|NotPossible)\(\s*"([a-z_]+)"', KNOWLEDGE_SOURCE)
    }
    assert spoken
    assert {key for key in spoken if key not in TEXTS and not key.startswith("skill.")} == set()


def test_every_warning_of_a_file_has_its_words_and_names_the_settings_there_are() -> None:
    codes = [*re.findall(r'"([a-z_]+_(?:removed|guessed|not_read|not_checked|behind_pictures))"', KNOWLEDGE_SOURCE), "setting_unknown"]
    assert {f"knowledge.warning.{code}" for code in codes} == {key for key in TEXTS if key.startswith("knowledge.warning.")}
    assert all(key in TEXTS["knowledge.warning.setting_unknown"] for key in SETTINGS)


def test_a_setting_that_cannot_be_read_is_told_with_the_form_that_is_right() -> None:
    words = Words(Messages.load([BOT / "messages.yaml"]), Reader("en", "UTC"))
    for front, form in (("review: soon", "like review: 2027-09-01."), ("audience: 5", "like audience: country=DE.")):
        with pytest.raises(LoadRefused) as caught:
            load_now(f"---\n{front}\n---\ntext".encode(), "umbrella.md")
        said = words(caught.value.message_key, **caught.value.details)
        assert said.endswith(form)
        assert "umbrella.md" in said


def test_every_state_has_its_words() -> None:
    for state in RequestState:
        assert f"ball.{state.value}" in TEXTS
    for handoff_state in HandoffState:
        assert f"desk.state.{handoff_state.value}" in TEXTS
    for command in Command:
        assert f"button.{command.value}" in TEXTS


def test_a_name_is_no_markdown_in_what_the_bot_says() -> None:
    words = Words(Messages.load([BOT / "messages.yaml"]), Reader("en", "UTC"))
    link = "[Sign in](https://evil.example)"
    for said in (words("say.file.refused", name=link, reason="it is gone."), words("say.file.kept", names=(link, "a.txt"))):
        assert link not in said
        assert "<a " not in safe_html(said)
