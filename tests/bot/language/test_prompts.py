"""A prompt that changes gets a new version: the audit and the record of use name prompts by it, and evaluations compare by it."""

import hashlib
from pathlib import Path

import pytest

from connectors.ports.language import Prompt

ROOT = Path(__file__).parents[3]
PACKAGES = ("bot", "knowledge", "specialists", "connectors")
PROMPTS = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.prompt.md"))
HELD = Path(__file__).with_name("prompts.txt")
"""A line each: id and hash. Whoever changes a prompt raises its version and adds a line; no line is ever changed."""


def held() -> dict[str, str]:
    return dict(line.split() for line in HELD.read_text(encoding="utf-8").splitlines())


def hashed(prompt: Prompt) -> str:
    return hashlib.sha256(prompt.text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("path", PROMPTS, ids=lambda path: path.name)
def test_a_prompt_is_the_one_of_its_version(path: Path) -> None:
    prompt = Prompt.load(path)
    line = f"{prompt.id} {hashed(prompt)}"
    if prompt.id in held():
        assert held()[prompt.id] == hashed(prompt), f"{path.name} changed: raise its version, and add the line that is asked for then"
    else:
        pytest.fail(f"{path.name} is new: add the line {line!r} to {HELD.name}")


def test_names_are_used_once_and_every_line_is_of_a_version_that_there_was() -> None:
    prompts = {Prompt.load(path).name: Prompt.load(path).version for path in PROMPTS}
    assert len(prompts) == len(PROMPTS)
    for line in held():
        name, _, version = line.rpartition("-")
        assert int(version) <= prompts[name]


def test_another_word_is_another_hash(tmp_path: Path) -> None:
    paths = [tmp_path / "a.prompt.md", tmp_path / "b.prompt.md"]
    for path, word in zip(paths, ("please", "Please"), strict=True):
        path.write_text(f"---\nversion: 1\n---\nDo it, {word}.\n")
    assert len({hashed(Prompt.load(path)) for path in paths}) == 2
