"""The starter knowledge base answers what people ask, with the real encoder, and says so when it cannot."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from knowledge.answers import Answer
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
    made.library.vocabulary = COUNTRIES

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
        ("do we have a 401k match?", "benefits-us.md", "4 percent"),
        ("what is the carry over limit?", "pto-us.md", "5 days"),
        ("can I carry over my holiday?", "pto-us.md", "5 days"),
        ("can I work from Spain for a month?", "remote-work.md", "20 working days"),
        ("can I work from home on Fridays?", "remote-work.md", "up to three a week"),
        ("how do I get a letter for my visa application?", "employment-letter.md", "three working days"),
        ("my grandmother died, how many days off do I get?", "bereavement-leave.md", "Death of another close relative"),
        ("can I expense a standing desk?", "home-office-stipend.md", "standing desk"),
        ("is there a gym subsidy?", "wellbeing.md", "30 dollars"),
        ("can I use ChatGPT with customer data?", "data-classification.md", "may not"),
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


@pytest.mark.parametrize(
    ("country", "question", "beginning"),
    [
        ("US", "what's the PTO policy?", "Full-time employees in the United States have 20 days"),
        ("US", "how many vacation days do I get per year?", "Full-time employees in the United States have 20 days"),
        ("US", "referral bonus amount?", "If somebody you recommend is hired, you get 2,000 dollars"),
        ("US", "how much training budget do we have", "Everybody has 1,500 dollars"),
        ("US", "what about sick leave?", "If you are ill, rest."),
        ("US", "my laptop is broken", "Ask Foyer first"),
        ("US", "my internet is slow on vpn", "Choose the nearest gateway"),
        ("US", "I changed my name", "If your name, marital status or bank account has changed, a document is needed"),
        ("US", "the printer doesn't print", "Check that you are connected to Acme-Staff, remove the queue"),
        ("US", "vpn keeps disconnecting", "Switch the protocol from UDP to TCP"),
        ("DE", "does the company pay for public transport?", "Acme pays the Deutschlandticket in full."),
        ("DE", "how many public holidays do we have?", "| Office | Calendar followed | Number of days |"),
    ],
)
def test_a_quote_begins_with_the_rule(company: Company, country: str, question: str, beginning: str) -> None:
    assert company.answer(question, country).quotes[0].text.startswith(beginning)


def test_a_table_is_not_cut_silently(company: Company) -> None:
    (table, *_) = company.answer("how many public holidays do we have?", "DE").quotes
    assert "São Paulo" in table.text
    (row, *_) = company.answer("how many public holidays are there in Munich?").quotes
    assert "Berlin" not in row.text


def test_another_countrys_article_stays_closed(company: Company) -> None:
    assert company.answer("what is the 401k match?", "DE").kind == "unknown"
    assert company.answer("does the company pay for the Deutschlandticket?", "DE").kind == "answered"
    assert company.answer("does the company pay for the Deutschlandticket?", "US").kind == "unknown"


def test_a_follow_up_uses_the_question_before(company: Company) -> None:
    until = company.answer("until when?", "DE", context=CARRY_OVER)
    assert until.quotes[0].citation.source == "pto-de.md"
    assert "March 31" in until.quotes[0].text
    for country, steps in (("US", "1. Ask Foyer"), ("DE", "Ask Foyer or use Workday")):
        for request in ("and how do I request it?", "how do I request it?"):
            assert company.answer(request, country, context=CARRY_OVER).quotes[0].text.startswith(steps), "its own verb counts"
    assert company.answer("and in Germany?", "US", context=CARRY_OVER).kind == "unknown"
    assert company.answer("and in Germany?", "DE", context=CARRY_OVER).quotes[0].citation.source == "pto-de.md"


def test_a_vector_from_elsewhere_is_used(company: Company) -> None:
    (vector,) = company.loop.run_until_complete(company.encoder.encode([CARRY_OVER]))
    answer = company.loop.run_until_complete(company.ask("zzz zzz", vector=vector))
    assert answer.passages[0].source == "pto-us.md"


TWICE = """---
title: Handbook of the New York office
audience: country=US
---
## Carry-over of PTO
You can carry over at most 5 days of unused PTO (vacation, holiday) into the next year. Use the carried days by March 31; then they
expire and are not paid out.
"""


def test_a_second_article_that_says_the_same_does_not_silence_the_first(company: Company) -> None:
    question = "can I take unused days along?"
    before = company.answer(question)
    twin = company.loop.run_until_complete(company.put(TWICE, "handbook.md"))
    after = company.answer(question)
    company.loop.run_until_complete(company.library.retire(twin.id, KIM))
    assert {passage.source for passage in after.passages[:2]} == {"pto-us.md", "handbook.md"}
    assert (before.kind, after.kind) == ("answered", "answered")
    assert "unused" in after.quotes[0].text


def test_a_retired_starter_article_does_not_come_back(company: Company) -> None:
    async def retire_and_load() -> int:
        (article,) = [one for one in await company.library.list() if one.source == "referral-bonus.md"]
        await company.library.retire(article.id, KIM)
        loaded = await load_starter(company.library, KIM)
        assert (await company.library.get(article.id)).state is ArticleState.RETIRED
        return loaded

    assert company.loop.run_until_complete(retire_and_load()) == 0
    assert company.answer("how much is the referral bonus?").kind == "unknown"
