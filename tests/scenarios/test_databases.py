"""The whole loop on PostgreSQL as on SQLite: an answer, a grant with its approval and a restart in between, a handoff."""

from pathlib import Path

from sqlalchemy import select

from bot import tables as t
from tests.scenarios.company import Company


async def test_the_whole_loop(database_url: str, tmp_path: Path) -> None:
    on_postgresql = database_url.startswith("postgresql")
    company = await Company.open(tmp_path / "home", database_url=database_url.replace("+psycopg", "") if on_postgresql else None)
    try:
        assert company.app.engine_db.dialect.name == ("postgresql" if on_postgresql else "sqlite")
        await company.say("omar", "how many days of PTO do I carry over?")
        assert any("10 days" in one.reply.text and one.reply.citations for one in await company.news("omar"))
        await company.say("dana", "I need editor access to Figma for 30 days")
        await company.restart()
        await company.press("priya", "approve")
        assert any(one.reply.kind.value == "receipt" and "Figma" in one.reply.text for one in await company.news("dana"))
        await company.press("dana", "undo")
        assert any("taken back" in one.reply.text for one in await company.news("dana"))
        await company.say("dana", "I want to talk to a person")
        await company.press("sam", "claim")
        await company.press("sam", "reply", "Hello Dana")
        assert any(one.reply.text == "Hello Dana" for one in await company.news("dana"))
        await company.app.audit.seal(company.app.sessions)
        assert (await company.app.audit.verify(company.app.sessions)).ok
    finally:
        await company.close()


async def test_what_became_of_requests_is_remembered(database_url: str, tmp_path: Path) -> None:
    on_postgresql = database_url.startswith("postgresql")
    company = await Company.open(tmp_path / "home", database_url=database_url.replace("+psycopg", "") if on_postgresql else None)
    try:
        await company.say("dana", "please give me access to Figma")
        await company.say("dana", "never mind")
        await company.say("noor", "how many days of vacation do I have left?")
        await company.app.closed.read()
        await company.app.closed.sweep(company.clock())
        async with company.app.sessions() as session:
            rows = await session.execute(select(t.closed_request.c.skill, t.closed_request.c.outcome))
            assert {(row.skill, row.outcome) for row in rows} == {("grant_access", "unwanted"), ("check_pto_balance", "fulfilled")}
    finally:
        await company.close()
