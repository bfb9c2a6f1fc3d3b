"""What every skill folder has, and what every skill owes: the same tests for all of them, those to come included."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.ports.chat import ReplyKind
from specialists.loader import BUILT_IN, LoadedSkill, load_skills
from specialists.request import RequestState

SKILLS = dict(load_skills())
TESTS = Path(__file__).parent
FILES = {"__init__.py", "skill.yaml", "skill.py", "messages.yaml", "runbook.md"}
each_skill = pytest.mark.parametrize("name", sorted(SKILLS))


def texts(loaded: LoadedSkill) -> Iterator[tuple[str, str]]:
    """Every text with its key, each form of a plural too."""
    catalogue = yaml.safe_load((BUILT_IN / loaded.spec.name / "messages.yaml").read_text(encoding="utf-8"))
    assert "en" in catalogue
    for messages in catalogue.values():
        for key, text in messages.items():
            forms = [form for name, form in text.items() if name != "plural"] if isinstance(text, dict) else [text]
            yield from ((key, form) for form in forms)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def source(name: str) -> str:
    return (BUILT_IN / name / "skill.py").read_text(encoding="utf-8")


def test_the_six_skills_are_there() -> None:
    assert set(SKILLS) >= {"unlock_account", "reset_password", "grant_access", "request_hardware", "check_pto_balance", "request_pto"}


@each_skill
def test_the_folder_holds_these_files_and_no_others(name: str) -> None:
    assert {path.name for path in (BUILT_IN / name).iterdir() if path.name != "__pycache__"} == FILES
    mirror = TESTS / name
    assert (mirror / "dialogues.yaml").exists()
    assert (mirror / f"test_{name}.py").exists()


@each_skill
def test_utterances_are_many_and_different(name: str) -> None:
    assert 25 <= len(SKILLS[name].spec.utterances) <= 40


def test_no_two_skills_share_an_utterance() -> None:
    def plain(utterance: str) -> str:
        return re.sub(r"\W+", " ", utterance.casefold()).strip()

    said = [(plain(utterance), name) for name, loaded in SKILLS.items() for utterance in loaded.spec.utterances]
    assert len({utterance for utterance, _ in said}) == len(said)


@each_skill
def test_texts_speak_of_what_is_known_when_they_are_said(name: str) -> None:
    loaded = SKILLS[name]
    required = [slot.name for slot in loaded.spec.slots if slot.required]
    for key, text in texts(loaded):
        kind, _, rest = key.partition(".")
        match kind:
            case "ask":
                allowed = set(required[: required.index(rest)])
            case "approval":
                allowed = {*required, "person"}
            case "confirm" | "undone" | "step":
                allowed = set(required)
            case "title" | "help" | "label":
                allowed = set()
            case _:
                continue
        assert fields(text) <= allowed, key


@each_skill
def test_every_message_that_the_code_names_exists_and_no_other(name: str) -> None:
    loaded = SKILLS[name]
    named = set(re.findall(r"\b(?:declined|verified)(?:\.[a-z_]+)+", source(name)))
    there = {key for key, _ in texts(loaded) if key.startswith(("declined.", "verified."))}
    built = {f"{what}.{rest}" for what, rest in (key.split(".", 1) for key in there) if f'"{rest}"' in source(name)}
    assert named <= there
    assert there <= named | built | {f"verified.{action}" for action in loaded.actions}


@each_skill
def test_the_code_imports_only_what_a_skill_may(name: str) -> None:
    for node in ast.walk(ast.parse(source(name))):
        modules = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        for module in modules:
            if module.split(".")[0] in ("bot", "knowledge", "connectors", "specialists"):
                assert module == "specialists.skill" or module.startswith("connectors.ports.") or module == "connectors.errors", module


@each_skill
def test_plan_is_pure(name: str) -> None:
    """It is no coroutine, and it cannot reach a port or a clock."""
    [plan] = [
        node
        for node in ast.walk(ast.parse(source(name)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "plan"
    ]
    assert isinstance(plan, ast.FunctionDef)
    assert {argument.arg for argument in plan.args.args} == {"self", "context", "facts"}
    assert not re.search(r"utcnow|datetime\.now|date\.today|time\.time|random|uuid|new_id", source(name))


@each_skill
def test_dialogues_can_be_played(name: str) -> None:
    dialogues: list[dict[str, Any]] = yaml.safe_load((TESTS / name / "dialogues.yaml").read_text(encoding="utf-8"))
    assert len(dialogues) >= 2
    assert len({dialogue["name"] for dialogue in dialogues}) == len(dialogues)
    for dialogue in dialogues:
        assert set(dialogue) == {"name", "turns"}
        for turn in dialogue["turns"]:
            [(who, what)] = turn.items()
            if not who.startswith("foyer"):
                assert who == "later" or isinstance(what, str)
                continue
            assert set(what) <= {"kind", "says", "state"}
            assert what["kind"] in list(ReplyKind)
            assert what.get("state", "done") in list(RequestState)
            re.compile(what["says"])
