"""The whole loop on PostgreSQL as on SQLite: an answer, a grant with its approval and a restart in between, a handoff."""

from pathlib import Path

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
