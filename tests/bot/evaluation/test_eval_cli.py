"""The commands: one JSON object on standard output, exit codes, and an installation that is left alone."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.evaluation.screen import show
from tests.fakes.anthropic.faults import Fault
from tests.fakes.anthropic.server import FakeMessages

RUN = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOYER_HOME", str(tmp_path / "installation"))
    return tmp_path / "installation"


def lines(path: Path, *rows: object) -> str:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


def test_intents(tmp_path: Path, home: Path) -> None:
    rows = [{"text": text, "label": label} for text, label in (("unlock me", "a"), ("I am locked out", "a"), ("order a laptop", "b"))]
    file = lines(tmp_path / "rows.jsonl", *rows)
    ran = RUN.invoke(app, ["eval", "intents", "--train", file, "--test", file, "--json"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["accuracy"] == 1
    assert "trying utterances" in ran.stderr
    assert not home.exists()


def test_knowledge_takes_several_paths(tmp_path: Path, home: Path) -> None:
    vpn = lines(tmp_path / "one.jsonl", {"id": "vpn", "title": "VPN", "text": "The VPN client is called Tunnel."})
    cats = lines(tmp_path / "two.jsonl", {"id": "cats", "title": "Cats", "text": "Cats may come to the office on Fridays."})
    (tmp_path / "x.zip").write_bytes(b"PK")
    questions = lines(tmp_path / "q.jsonl", {"question": "what is the VPN client called?", "gold_docs": ["vpn", "gone"]})
    ran = RUN.invoke(app, ["eval", "knowledge", "--articles", vpn, cats, str(tmp_path / "x.zip"), "--questions", questions, "--json"])
    assert ran.exit_code == 0
    told = json.loads(ran.stdout)
    assert (told["hit@1"], told["passages"]) == (1, 2)
    [skipped] = [line for line in ran.stderr.splitlines() if line.startswith("skipped: ")]
    assert skipped.count("x.zip") == 1
    assert "1 document that questions name is not among the articles, so it is not found: gone" in ran.stderr
    assert not home.exists()


def test_dialogues_that_differ_are_an_error_code(tmp_path: Path, home: Path) -> None:
    file = tmp_path / "d.yaml"
    file.write_text('- {name: greeting, turns: [{dana: hello}, {foyer: {says: "go away"}}]}')
    ran = RUN.invoke(app, ["eval", "dialogues", str(file), "--json"])
    assert ran.exit_code == 1
    told = json.loads(ran.stdout)
    assert (told["played"], told["different"], told["dialogues"][0]["turn"]) == (1, 1, 2)
    assert not home.exists()


def test_bad_input_is_a_sentence_and_code_2(tmp_path: Path) -> None:
    file = lines(tmp_path / "rows.jsonl", {"text": "x"})
    ran = RUN.invoke(app, ["eval", "intents", "--train", file, "--test", file])
    assert ran.exit_code == 2
    assert f'{file}:1: "label" is missing' in ran.stderr
    assert ran.stdout == ""


def test_what_else_is_in_a_folder_is_told_and_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    lines(folder / "vpn.jsonl", {"id": "vpn", "title": "VPN", "text": "The VPN client is called Tunnel."})
    questions = lines(folder / "questions.jsonl", {"question": "what is the VPN client called?", "gold_docs": ["vpn"]})
    ran = RUN.invoke(app, ["eval", "knowledge", "--articles", str(folder), "--questions", questions, "--json"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["hit@1"] == 1
    assert f'skipped: {questions}:1: "id" is missing' in ran.stderr
    ran = RUN.invoke(app, ["eval", "knowledge", "--articles", questions, "--questions", questions, "--json"])
    assert ran.exit_code == 2


def test_a_wrong_line_among_the_articles_of_a_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "vpn.md").write_text("# VPN\n\nThe VPN client is called Tunnel.")
    cats = {"id": "cats", "title": "Cats", "text": "Cats may come to the office on Fridays."}
    faq = lines(folder / "faq.jsonl", cats, {"id": "dogs", "title": "Dogs", "text": ""})
    questions = lines(tmp_path / "q.jsonl", {"question": "may cats come?", "gold_docs": ["cats"]})
    ran = RUN.invoke(app, ["eval", "knowledge", "--articles", str(folder), "--questions", questions, "--json"])
    assert ran.exit_code == 2
    assert f'{faq}:2: "text" is missing' in ran.stderr
    assert "skipped" not in ran.stderr
    assert ran.stdout == ""


def test_a_setting_that_cannot_be_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOYER_PORT", "abc")
    file = lines(tmp_path / "rows.jsonl", {"text": "unlock me", "label": "a"}, {"text": "order a laptop", "label": "b"})
    ran = RUN.invoke(app, ["eval", "intents", "--train", file, "--test", file])
    assert ran.exit_code == 2
    assert "FOYER_PORT: Input should be a valid integer" in ran.stderr
    assert "https://" not in ran.stderr


def test_figures_as_a_table(tmp_path: Path) -> None:
    rows = [{"text": "unlock me", "label": "a"}, {"text": "order a laptop", "label": "b"}]
    file = lines(tmp_path / "rows.jsonl", *rows)
    ran = RUN.invoke(app, ["eval", "intents", "--train", file, "--test", file])
    assert "accuracy" in ran.stdout
    assert "in-scope utterances whose best label is right" in ran.stdout


# -- with a language model ------------------------------------------------------------------------------------------


def asked(body: Any) -> Any:
    """What a model says to whatever it is asked here: of the articles it knows that the client is called Tunnel."""
    content = json.dumps(body["messages"])
    tunnel = "The VPN client is called Tunnel."
    if tunnel in content:
        sentence = {"passage": 1, "quote": tunnel, "text": tunnel, "step": False}
        return {"covered": True, "language": "en", "sentences": [sentence]}
    return Fault.failed(529, "overloaded_error")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMessages]:
    """A Messages API in a thread of its own: the commands have the event loop of this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    fake = FakeMessages(asked)
    asyncio.run_coroutine_threadsafe(fake.__aenter__(), loop).result()
    monkeypatch.setenv("ANTHROPIC_API_KEY", fake.key)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake.url)
    yield fake
    asyncio.run_coroutine_threadsafe(fake.__aexit__(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_both_engines_side_by_side(tmp_path: Path, home: Path, api: FakeMessages) -> None:
    vpn = lines(tmp_path / "one.jsonl", {"id": "vpn", "title": "VPN", "text": "The VPN client is called Tunnel."})
    questions = lines(tmp_path / "q.jsonl", {"question": "what is the VPN client called?", "gold_docs": ["vpn"]})
    ran = RUN.invoke(app, ["eval", "knowledge", "--articles", vpn, "--questions", questions, "--engine", "both", "--json"])
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert list(told) == ["offline", "assisted"]
    assert "tokens" not in told["offline"]
    assert (told["assisted"]["answered"], told["assisted"]["fell_back"], told["assisted"]["dropped"]) == (1, 0, 0)
    assert told["assisted"]["tokens"] > 0
    assert told["assisted"]["money"] > 0
    assert len(api.requests) == 1
    assert api.refused == []
    assert not home.exists()


def test_figures_of_two_engines_are_beside_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    show({"offline": {"answered": 0.5}, "assisted": {"answered": None, "tokens": 7}}, {"answered": "of all", "tokens": "spent"})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["Figure", "offline", "assisted", "Meaning"],
        ["answered", "0.5", "-", "of", "all"],
        ["tokens", "-", "7", "spent"],
    ]


def test_dialogues_with_both_engines(tmp_path: Path, api: FakeMessages) -> None:
    file = tmp_path / "d.yaml"
    file.write_text('- {name: greeting, turns: [{dana: hello}, {foyer: {says: "Dana"}}]}')
    ran = RUN.invoke(app, ["eval", "dialogues", str(file), "--engine", "both", "--json"])
    assert ran.exit_code == 0, ran.stdout
    told = json.loads(ran.stdout)
    assert [told[engine]["different"] for engine in ("offline", "assisted")] == [0, 0]
    assert "tokens" in told["assisted"]
    assert "tokens" not in told["offline"]


@pytest.mark.parametrize(
    "command", [["intents", "--train", "x", "--test", "x"], ["knowledge", "--articles", "x", "--questions", "x"], ["dialogues", "x"]]
)
def test_without_a_key_there_is_no_assisted_engine(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    ran = RUN.invoke(app, ["eval", *command, "--engine", "both"])
    assert ran.exit_code == 2
    assert "ANTHROPIC_API_KEY" in ran.stderr
    assert ran.stdout == ""
