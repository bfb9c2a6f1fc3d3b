"""Knowledge is evaluated as defined, on documents of this file; a search that finds nothing gets nothing."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.bootstrap import App
from bot.config import Settings
from bot.evaluation.documents import Document, Shelf, documents
from bot.evaluation.engines import Engine
from bot.evaluation.figures import Ranking
from bot.evaluation.knowledge import Asked, KnowledgeFigures, Question, Result, ask, contains, evaluate, read_questions, summed_up
from bot.evaluation.rows import BadInput
from bot.evaluation.spending import spent
from bot.evaluation.temporary import own_settings, temporary_foyer
from connectors.errors import Retry
from connectors.memory.language import ScriptedModel
from connectors.ports.language import Ask
from knowledge.index import MemoryIndex

PRINTERS = "# Printers\n\nThe printer on floor 3 is called Otto. Paper is in the cupboard next to it.\n"
VPN = "# VPN\n\nThe VPN client is called Tunnel. Connect with your badge number.\n"
CATS = {"id": "animals/cats", "title": "Cats at work", "text": "Cats may come to the office on Fridays."}


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with temporary_foyer(index=MemoryIndex()) as opened:
        yield opened


async def evaluated(app: App, given: Sequence[Document], questions: Sequence[Question]) -> Result:
    (result,) = (await evaluate(app, given, questions)).values()
    return result


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "kb"
    (folder / "it").mkdir(parents=True)
    (folder / "printers.md").write_text(PRINTERS)
    (folder / "it" / "vpn.md").write_text(VPN)
    (folder / "animals.jsonl").write_text(json.dumps(CATS) + "\n")
    (folder / "archive.zip").write_bytes(b"PK\x03\x04nothing")
    (folder / ".hidden.md").write_text("secret")
    return folder


QUESTIONS = (
    Question("what is the printer on floor 3 called?", frozenset({"printers.md"}), ("otto",)),
    Question("what is the VPN client called?", frozenset({"vpn.md"}), ("Tunnel", "never written")),
    Question("when may cats come to the office?", frozenset({"animals/cats"})),
    Question("who was the first person on the moon?"),
)


async def test_what_the_documents_say_is_found_and_cited(app: App, shelf: Path) -> None:
    result = await evaluated(app, documents([shelf]), QUESTIONS)
    found = result.figures
    assert (found.hit_1, found.mrr, found.ndcg_10, found.answered, found.cited) == (1, 1, 1, 1, 1)
    assert (found.abstained_correctly, found.must_contain, found.passages) == (1, 0.5, 3)
    assert found.ingest_passages_per_s is not None
    assert list(result.refused) == ["archive.zip"]
    assert ".zip" in result.refused["archive.zip"]
    assert result.missing == ()


async def test_each_engine_is_asked_and_what_the_model_spent_is_told(shelf: Path) -> None:
    otto, tunnel = "The printer on floor 3 is called Otto.", "The VPN client is called Tunnel."
    lie = "The VPN client is called Dreadnought."

    def says(ask: Ask) -> Any:
        told = json.loads(ask.content)
        here = {quote: one["number"] for one in told["passages"] for quote in (otto, tunnel) if quote in one["text"]}
        said = [(otto, otto)] if "printer" in told["question"] else [(lie, tunnel), (tunnel, tunnel)] if "VPN" in told["question"] else []
        sentences = [{"passage": here[quote], "quote": quote, "text": text, "step": False} for text, quote in said]
        return {"covered": bool(sentences), "language": "en", "sentences": sentences}

    async with temporary_foyer(index=MemoryIndex(), model=ScriptedModel(says)) as app:
        found = await evaluate(app, documents([shelf]), QUESTIONS, engines=Engine.BOTH.each)
        spending = await spent(app)
    offline, assisted = (found[engine] for engine in Engine.BOTH.each)
    assert (offline.figures.answered, offline.figures.fell_back, offline.figures.dropped) == (1, None, None)
    # Of the cats the model knows nothing, where the offline engine is certain; of the moon nobody asks it.
    assert (assisted.figures.hit_1, assisted.figures.answered, assisted.figures.abstained_correctly) == (1, 1, 1)
    assert (assisted.figures.cited, assisted.figures.replaced, assisted.figures.fell_back) == (1, 1, 0.25)
    assert assisted.asked[0].text == f"{otto} [1]"
    assert (spending.calls, spending.failed, spending.as_json()["tokens"]) == (3, 0, spending.tokens)
    assert spending.tokens > 0
    assert spending.cost > 0


async def test_a_model_that_fails_costs_no_answer(shelf: Path) -> None:
    async with temporary_foyer(index=MemoryIndex(), model=ScriptedModel(lambda ask: Retry("unreachable"))) as app:
        (found,) = (await evaluate(app, documents([shelf]), QUESTIONS, engines=(Engine.ASSISTED,))).values()
        spending = await spent(app)
    assert (found.figures.answered, found.figures.fell_back) == (1, 0.75)
    assert spending.share_failed == 1


async def test_a_document_that_nobody_gave_is_named(app: App, shelf: Path) -> None:
    result = await evaluated(app, documents([shelf / "printers.md"]), [Question("where?", frozenset({"printers.md", "gone.md"}))])
    assert result.missing == ("gone.md",)


async def test_a_search_that_finds_nothing_gets_nothing(app: App) -> None:
    """The negative control: questions to an empty library."""
    asked, took = await ask(app, Shelf({}, {}), QUESTIONS)
    found = summed_up(asked, 0, 1.0, took)
    assert (found.hit_1, found.hit_5, found.mrr, found.ndcg_10, found.answered, found.cited) == (0, 0, 0, 0, 0, None)
    assert found.abstained_correctly == 1


async def test_files_of_one_name_are_one_document(app: App, tmp_path: Path) -> None:
    for folder, text in (("us", VPN), ("de", PRINTERS)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.md").write_text(text)
    given = documents([tmp_path])
    assert [one.id for one in given] == ["page.md", "page.md"]
    result = await evaluated(app, given, [Question("what is the VPN client called?", frozenset({"page.md"}))])
    assert (result.figures.hit_1, result.figures.passages, result.asked[0].found) == (1, 2, ("page.md",))


async def test_what_a_file_says_of_its_readers_is_no_matter(app: App, tmp_path: Path) -> None:
    (tmp_path / "vpn.md").write_text("---\naudience: country=DE\n---\n" + VPN)
    (tmp_path / "other.md").write_text("---\naudience: planet=mars\n---\n" + PRINTERS)
    found = (await evaluated(app, documents([tmp_path]), [Question("what is the VPN client called?", frozenset({"vpn.md"}))])).figures
    assert (found.hit_1, found.cited, found.passages) == (1, 1, 2)


def asked(gold: str, found: str, *, answered: bool = True, cited: str = "", text: str = "", must: Sequence[str] = ()) -> Asked:
    """Documents are letters."""
    return Asked(Question("?", frozenset(gold), tuple(must)), tuple(found), answered, frozenset(cited), text)


def test_the_figures_of_what_was_asked() -> None:
    found = summed_up(
        [
            asked("a", "ab", cited="a", text="It is **ten  days**.", must=["Ten days"]),
            asked("b", "axyzb", cited="a", text="It is ten.", must=["ten", "days"]),
            asked("c", "abxyzw", answered=False),
            asked("", "ab", answered=False),
            asked("", "ab", cited="a"),
            asked("", "", answered=False),
        ],
        passages=30,
        ingest_s=2.0,
        took_ms=[1.0, 2.0, 3.0, 4.0, 5.0, 60.0],
    )
    assert (found.hit_1, found.hit_5, found.mrr) == (pytest.approx(1 / 3), pytest.approx(2 / 3), pytest.approx((1 + 1 / 5) / 3))
    assert found.ndcg_10 == pytest.approx((1 + Ranking(tuple("axyzb"), {"b"}).ndcg(10)) / 3)
    assert (found.answered, found.abstained_correctly) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    # Of the two answers one cites what answers the question; of the two with words it must have, one has them all.
    assert (found.cited, found.must_contain) == (0.5, 0.5)
    assert (found.ingest_passages_per_s, found.p50_ms, found.p95_ms) == (15, 3.0, 60.0)


def test_the_keys_are_as_promised() -> None:
    assert list(KnowledgeFigures(*[0.0] * 8, 0, 0.0, 0.0, 0.0).as_json()) == [
        *("hit@1", "hit@5", "mrr", "ndcg@10", "answered", "abstained_correctly", "cited", "must_contain"),
        *("passages", "ingest_passages_per_s", "p50_ms", "p95_ms"),
    ]


def test_words_are_compared_as_people_read_them() -> None:
    assert contains("| Grade | **N1** |\n|---|---|\n| Probation | 3\n months |", ["grade", "N1", "3 months"])
    assert not contains("three months", ["3 months"])


def test_questions_without_gold_are_unanswerable(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    lines: list[Any] = [
        {"question": "one?", "gold_docs": ["a.md"], "must_contain": ["x"], "answer": "more"},
        {"question": "two?", "gold_docs": []},
        {"question": "three?", "gold_docs": None, "must_contain": None},
        {"question": "four?"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    assert read_questions(file) == [Question("one?", frozenset({"a.md"}), ("x",)), *(Question(f"{n}?") for n in ("two", "three", "four"))]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"question": ""}, '"question" is missing'),
        ({"question": "x?", "gold_docs": "a.md"}, '"gold_docs" is not a list of texts'),
        ({"question": "x?", "gold_docs": [1]}, '"gold_docs" is not a list of texts'),
        ({"question": "x?", "must_contain": [["x"]]}, '"must_contain" is not a list of texts'),
    ],
)
def test_bad_questions_are_told_by_their_line(tmp_path: Path, line: Any, says: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps({"question": "good?"}) + "\n" + json.dumps(line))
    with pytest.raises(BadInput, match=f"questions.jsonl:2: {says}"):
        read_questions(file)


def test_bad_articles_are_told(tmp_path: Path) -> None:
    (tmp_path / "articles.jsonl").write_text('{"id": "x", "title": "T"}\n')
    with pytest.raises(BadInput, match=r'articles\.jsonl:1: "text" is missing'):
        documents([tmp_path / "articles.jsonl"])
    with pytest.raises(BadInput, match="no such file or folder"):
        documents([tmp_path / "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no file in this folder"):
        documents([tmp_path / "empty"])


def test_it_works_in_a_place_of_its_own_with_the_installations_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOYER_HOME", str(tmp_path / "installation"))
    monkeypatch.setenv("FOYER_DATABASE_URL", "postgresql://somewhere/else")
    monkeypatch.setenv("FOYER_SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("FOYER_SLACK_SIGNING_SECRET", "s")
    monkeypatch.setenv("FOYER_MODELS", str(tmp_path / "models"))
    assert Settings().slack
    own = own_settings(tmp_path / "own")
    assert (own.home, own.database_url, own.slack, own.models) == (tmp_path / "own", None, False, tmp_path / "models")


async def test_nothing_is_left_behind() -> None:
    async with temporary_foyer(index=MemoryIndex()) as other:
        home = other.home.path
        assert home.exists()
    assert not home.exists()
