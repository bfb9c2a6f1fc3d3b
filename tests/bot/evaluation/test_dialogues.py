"""Dialogues are read with their faults told, and a difference is found where there is one."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from bot.evaluation.company import Said
from bot.evaluation.dialogues import Difference, Played, holds, play_all, read_dialogues
from bot.evaluation.rows import BadInput

UNLOCKED = """
- name: unlocked
  turns:
    - sandbox of dana: {account: {status: locked}}
    - dana: my account is locked
    - foyer: {kind: receipt, says: "unlocked", state: done}
    - foyer: {kind: progress, says: "Done"}
    - foyer: nothing
    - foyer to omar: nothing
    - sandbox of dana@acme.example: {account: {status: active}, orders: [], entitlements: [{application_key: zoom}]}
- name: as it was
  turns:
    - sandbox of dana: {account: {status: locked}}
    - dana: hello
"""
WRONG = """
- name: other words
  turns:
    - dana: my account is locked
    - foyer: {says: "we shut you out"}
    - foyer: {says: "never looked at"}
- name: more than nothing
  turns:
    - dana: my account is locked
    - foyer: nothing
- name: another state
  turns:
    - dana: my account is locked
    - sandbox of dana: {account: {status: locked}}
- name: nobody
  turns:
    - zorro: hello
- name: no button
  turns:
    - dana: "!approve"
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    return asyncio.run(play_all(read_dialogues(written(tmp_path_factory.mktemp("dialogues") / "d.yaml", UNLOCKED + WRONG))))


def test_a_dialogue_comes_out_as_written_each_on_a_company_of_its_own(played: list[Played]) -> None:
    assert played[:2] == [Played("unlocked"), Played("as it was")]


def test_where_it_comes_out_otherwise_is_told(played: list[Played]) -> None:
    """The negative control: every kind of expectation, unmet."""
    differences = [cast(Difference, one.difference) for one in played[2:]]
    assert [one.turn for one in differences] == [2, 2, 2, 1, 1]
    assert "we shut you out" in differences[0].expected
    assert "unlocked" in differences[0].found
    assert "nothing more to dana" in differences[1].expected
    assert "active" in differences[2].found
    assert "zorro@acme.example" in differences[3].found
    assert "approve" in differences[4].found
    assert played[2].as_json() == {
        "name": "other words",
        "ok": False,
        "turn": 2,
        "expected": differences[0].expected,
        "found": differences[0].found,
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a list of dialogues"),
        ("{a: b}", "not a list of dialogues"),
        ("- name: [", "d.yaml:1: this is no YAML"),
        ("- {name: x}", "dialogue 1: a dialogue has a name"),
        ("- {name: x, turns: []}", "dialogue 1: a dialogue has a name"),
        ("- {name: x, turns: [{foyer: nothing}]}", "dialogue 1 .x.: nobody says anything"),
        ("- {name: x, turns: [{dana: hi, sam: hi}]}", "turn 1: a turn has one key"),
        ("- {name: x, turns: [{dana: no}]}", "turn 1: what dana says is not a text to YAML"),
        ("- {name: x, turns: [{dana: '!dance'}]}", "turn 1: there is no button !dance"),
        ("- {name: x, turns: [{dana: hi}, {foyer: {tells: x}}]}", "turn 2: what Foyer shows"),
        ("- {name: x, turns: [{dana: hi}, {foyer: {kind: poem}}]}", "turn 2: there is no kind of reply 'poem'"),
        ("- {name: x, turns: [{dana: hi}, {foyer: {says: '('}}]}", "turn 2: .* is no regular expression"),
        ("- {name: x, turns: [{dana: hi}, {later: {years: 1}}]}", "turn 2: time that passes"),
        ("- {name: x, turns: [{dana: hi}, {later: soon}]}", "turn 2: time that passes"),
        ("- {name: x, turns: [{dana: hi}, {later: {days: .inf}}]}", "turn 2: no more than ten years"),
        ("- {name: x, turns: [{dana: hi}, {later: {days: .nan}}]}", "turn 2: "),
        ("- {name: x, turns: [{dana: hi}, {later: {weeks: 999999999}}]}", "turn 2: no more than ten years"),
        ("- name: 2024-13-45", "d.yaml: this is no YAML"),
        ("- {name: x, turns: [{dana: hi}, {sandbox of dana: locked}]}", "turn 2: a state is written"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_dialogues(written(tmp_path / "d.yaml", text))


@pytest.mark.parametrize(
    ("there", "wanted", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([{"k": "x", "r": 1}, {"k": "y"}], [{"k": "y"}], True),
        ([{"k": "x"}], [{"k": "y"}], False),
        ([{"k": "x"}], [], False),
        ([], [], True),
        (None, None, True),
        ("x", {"a": 1}, False),
    ],
)
def test_a_state_holds_when_what_is_named_is_there(there: Any, wanted: Any, expected: bool) -> None:
    assert holds(there, wanted) is expected


def test_a_citation_is_of_an_article_of_that_title() -> None:
    from bot.evaluation.dialogues import fits
    from connectors.ports.chat import Citation, Reply, ReplyKind

    reply = Reply("r", ReplyKind.ANSWER, "Five days. [1]", citations=(Citation(1, "PTO policy", "pto.md"),))
    said = Said(1, "room", "thread", reply)
    assert fits(said, {"cites": "PTO"})
    assert not fits(said, {"cites": "Payroll"})
    assert not fits(said, {"kind": "receipt"})
    assert not fits(said, {"state": "done"})


def test_the_shipped_example_can_be_read() -> None:
    root = Path(__file__).parent.parent.parent.parent
    assert read_dialogues(root / "docs" / "examples" / "dialogues.yaml")
