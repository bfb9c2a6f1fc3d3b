"""The starter knowledge base answers what people ask, with the real encoder, and says so when it cannot."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from knowledge.answering import Answer
from knowledge.embedding.onnx_minilm import OnnxMiniLM
from knowledge.index import MemoryIndex
from knowledge.lexical import create_lexical
from knowledge.loading.registry import load_now
from knowledge.model import ArticleState, parse_audience
from knowledge.starter import DIRECTORY, load_starter
from knowledge.store import metadata
from tests.knowledge.conftest import KIM, Shelf, person

COUNTRIES = {"country": ("US", "DE", "GB", "FR", "IN", "BR")}
FILES = sorted(DIRECTORY.glob("*.md"))


class Company(Shelf):
    """Everything asked in one event loop: the fixture is shared by the module."""

    def answer(self, question: str, country: str = "US", context: str | None = None) -> Answer:
        return self.loop.run_until_complete(self.ask(question, person(country), context=context))

    loop: asyncio.AbstractEventLoop


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    loop = asyncio.new_event_loop()
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('starter') / 'foyer.db'}")
    made = Company(async_sessionmaker(engine, expire_on_commit=False), MemoryIndex(), OnnxMiniLM())
    made.loop = loop
    made.library._vocabulary = COUNTRIES

    async def fill() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
            await connection.run_sync(create_lexical)
        assert await load_starter(made.library, KIM) == len(FILES)
        assert await load_starter(made.library, KIM) == 0, "a second time changes nothing"

    loop.run_until_complete(fill())
    yield made
    loop.run_until_complete(engine.dispose())
    loop.close()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_article_is_well_formed(file: Path) -> None:
    loaded = load_now(file.read_bytes(), file.name)
    front = loaded.front_matter
    assert loaded.warnings == ()
    assert front.title
    assert front.updated
    assert front.review
    assert front.updated < front.review
    parse_audience(front.audience, COUNTRIES)
    assert len(loaded.markdown.split()) >= 50


CARRY_OVER = "how many days of PTO do I carry over?"


@pytest.mark.parametrize(
    ("country", "source", "expected"),
    [
        ("US", "pto-us.md", ("5 days", "March 31")),
        ("DE", "pto-de.md", ("10 days", "March 31")),
        ("GB", "pto-gb.md", ("5 days", "March 31")),
        ("FR", "pto-fr.md", ("5 days", "May 31")),
        ("IN", "pto-in.md", ("10 days", "March 31")),
        ("BR", "pto-br.md", ("cannot be carried over",)),
    ],
)
def test_everybody_gets_their_own_countrys_rule(company: Company, country: str, source: str, expected: tuple[str, ...]) -> None:
    answer = company.answer(CARRY_OVER, country)
    assert {quote.citation.source for quote in answer.quotes} == {source}
    assert all(part in answer.quotes[0].text for part in expected)
    assert answer.quotes[0].citation.updated is not None


@pytest.mark.parametrize(
    ("question", "source", "expected"),
    [
        ("how do I connect to the vpn?", "vpn-setup.md", "vpn.acme.example"),
        ("my vpn drops all the time, error 812", "vpn-trouble.md", ""),
        ("which wifi do visitors use?", "wifi.md", "Acme-Guest"),
        ("when do we get paid?", "payroll.md", "25th"),
        ("how much is the referral bonus?", "referral-bonus.md", "2,000"),
        ("how long is parental leave?", "parental-leave.md", "16 weeks"),
        ("how many public holidays are there in Munich?", "public-holidays.md", "13"),
        ("do I need a doctor's note when I am sick?", "sick-leave.md", "fourth"),
        ("how long does my password have to be?", "passwords.md", "14 characters"),
        ("my laptop was stolen", "lost-device.md", "one hour"),
        ("how often are laptops replaced?", "hardware.md", "four years"),
        ("what is the 401k match?", "benefits-us.md", "4 percent"),
        ("how do I report a phishing mail?", "phishing.md", ""),
        ("what is the hotel limit in London?", "travel.md", "250"),
        ("can I work from abroad?", "remote-work.md", "20 working days"),
        ("how do I add a printer?", "printers.md", "Acme-Print"),
        ("how big can email attachments be?", "email-and-calendar.md", "25 MB"),
    ],
)
def test_what_is_covered_is_answered_with_its_source(company: Company, question: str, source: str, expected: str) -> None:
    answer = company.answer(question)
    assert answer.kind == "answered"
    assert answer.quotes[0].citation.source == source
    assert expected in " ".join(quote.text for quote in answer.quotes)
    assert [quote.citation.n for quote in answer.quotes] == list(range(1, len(answer.quotes) + 1))


@pytest.mark.parametrize(
    "question",
    [
        "can I bring my dog to the office?",
        "do we have a gym?",
        "how do my stock options vest?",
        "what is for lunch in the cafeteria today?",
        "what is Dana's salary?",
        "can I take a sabbatical?",
        "how many days of PTO do people in Japan get?",
        "who won the world cup?",
        "how do I write a python decorator?",
        "do we have a kindergarten?",
        "what is the weather tomorrow?",
        "hello",
    ],
)
def test_what_nothing_covers_is_not_answered(company: Company, question: str) -> None:
    answer = company.answer(question)
    assert (answer.kind, answer.quotes) == ("unknown", ())


def test_another_countrys_article_stays_closed(company: Company) -> None:
    assert company.answer("what is the 401k match?", "DE").kind == "unknown"
    assert company.answer("does the company pay for the Deutschlandticket?", "DE").kind == "answered"
    assert company.answer("does the company pay for the Deutschlandticket?", "US").kind == "unknown"


def test_a_follow_up_uses_the_question_before(company: Company) -> None:
    until = company.answer("until when?", "DE", context=CARRY_OVER)
    assert until.quotes[0].citation.source == "pto-de.md"
    assert "March 31" in until.quotes[0].text
    assert company.answer("and in Germany?", "US", context=CARRY_OVER).kind == "unknown"
    assert company.answer("and in Germany?", "DE", context=CARRY_OVER).quotes[0].citation.source == "pto-de.md"


def test_a_vector_from_elsewhere_is_used(company: Company) -> None:
    (vector,) = company.loop.run_until_complete(company.encoder.encode([CARRY_OVER]))
    answer = company.loop.run_until_complete(company.ask("zzz zzz", vector=vector))
    assert answer.passages[0].source == "pto-us.md"


def test_a_retired_starter_article_does_not_come_back(company: Company) -> None:
    async def retire_and_load() -> int:
        (article,) = [one for one in await company.library.list() if one.source == "referral-bonus.md"]
        await company.library.retire(article.id, KIM)
        loaded = await load_starter(company.library, KIM)
        assert (await company.library.get(article.id)).state is ArticleState.RETIRED
        return loaded

    assert company.loop.run_until_complete(retire_and_load()) == 0
    assert company.answer("how much is the referral bonus?").kind == "unknown"
