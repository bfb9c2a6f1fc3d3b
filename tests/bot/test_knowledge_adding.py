"""`foyer knowledge add`: what is found in folders, what becomes of each file, and Ctrl-C."""

import asyncio
import base64
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot import control, knowledge_adding, knowledge_cli, uploads
from bot.bootstrap import App
from bot.home import Refusal
from bot.knowledge_adding import Adding, add_files, found
from knowledge.model import Article, ArticleState


class Library:
    """Answers as the command does: what it saw before is unchanged, and `.exe` is refused."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self.interrupts: asyncio.Event | None = None
        """When it is given, Ctrl-C comes during the call, which goes on once that was noticed."""

    async def call(self, command: str, **given: Any) -> Any:
        if self.interrupts is not None:
            os.kill(os.getpid(), signal.SIGINT)
            await self.interrupts.wait()
        known = any(one["name"] == given["name"] and one["data"] == given["data"] for one in self.calls)
        self.calls.append(given)
        if given["name"].endswith(".exe"):
            raise Refusal(f"I can't read {given['name']}.")
        state = "published" if given["publish"] else "draft"
        article = {"id": "a-1", "title": base64.b64decode(given["data"]).decode(), "state": state, "version": 1}
        return {**article, "changed": not known, "warnings": [] if known else self.warnings}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/index.md", "b/index.md", "b/tool.exe", ".git/config.md", "a/.draft.md"):
        file = tmp_path / "docs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path / "docs"


def test_files_in_folders_keep_their_path_and_hidden_ones_are_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ["docs/a/index.md", "docs/b/index.md", "docs/b/tool.exe"]
    assert [name for name, _ in found(folder)] == expected
    monkeypatch.chdir(folder)
    assert [name for name, _ in found(Path())] == expected
    assert [name for name, _ in found(folder / "a" / "index.md")] == ["index.md"]


async def test_one_refusal_stops_nobody_and_all_are_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = Library()
    for counts in ({"draft": 2, "refused": 1}, {"unchanged": 2, "refused": 1}):
        adding = Adding(library, ["country=DE"], publish=False, alone=False)
        await adding.all(found(folder))
        assert adding.count == counts
    assert {tuple(call["audience"]) for call in library.calls} == {("country=DE",)}
    out, err = capsys.readouterr()
    assert "2 added as drafts, 1 refused." in out
    assert "2 unchanged, 1 refused." in out
    assert [line for line in err.splitlines() if line] == ["I can't read docs/b/tool.exe."] * 2, "which names the file once"


async def test_what_was_left_out_is_told_under_its_article(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = Library()
    library.warnings = ["Some text was left out."]
    for _ in range(2):
        await Adding(library, [], publish=True, alone=False).all(found(folder / "a"))
    assert capsys.readouterr().out.splitlines() == [
        "published: a/index.md (version 1)  a-1",
        "  Some text was left out.",
        "1 published.",
        "unchanged: a/index.md (version 1)  a-1",
        "1 unchanged.",
    ]


async def test_the_list_has_file_names_and_audiences_as_they_are_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    article = Article(
        "a-1", "fleet/index.md", 2, ArticleState.DRAFT, "Cars", "", {"country": frozenset({"de"})}, "en", "p", datetime.now(UTC)
    )

    async def articles() -> list[Article]:
        return [article]

    app = cast(App, SimpleNamespace(library=SimpleNamespace(list=articles, vocabulary={"country": ("US", "DE")})))
    listed = await control.knowledge_list(app, {})
    monkeypatch.setattr(knowledge_cli, "told", lambda command: listed)
    knowledge_cli.knowledge_list()
    assert capsys.readouterr().out == "a-1  draft     v2  Cars  fleet/index.md  (country=DE)\n"


async def test_ctrl_c_stops_before_the_next_file_and_says_what_is_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    library = Library()
    adding = Adding(library, [], publish=True, alone=False)
    library.interrupts = adding.stopped
    await adding.all(found(folder))
    assert len(library.calls) == 1
    assert adding.stopped.is_set()
    assert "1 published, 2 left out." in capsys.readouterr().out
    signal.signal(signal.SIGINT, before)


def test_twins_and_missing_files_are_refused_before_anything_is_sent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for paths, sentence in (
        ([folder / "a" / "index.md", folder / "b" / "index.md"], "Several files are called index.md"),
        ([folder / "nowhere.md"], "There is no"),
    ):
        with pytest.raises(SystemExit):
            add_files(paths, [], publish=False)
        assert sentence in capsys.readouterr().err


async def test_a_file_that_is_too_large_is_not_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "large.pdf").open("wb") as file:
        file.truncate(knowledge_adding.LARGEST + 1)
    library = Library()
    adding = Adding(library, [], publish=False, alone=True)
    await adding.all(found(tmp_path / "large.pdf"))
    assert (library.calls, adding.count["refused"]) == ([], 1)
    assert "larger than 25 MB" in capsys.readouterr().err


def test_every_way_in_takes_files_of_one_size() -> None:
    from bot.server import OPERATORS_LARGEST

    assert knowledge_adding.LARGEST == uploads.LARGEST
    assert OPERATORS_LARGEST > uploads.LARGEST * 4 / 3
