"""What somebody was given ends also when the directory does not know them any more."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from connectors.sandbox import facts
from tests.outside.direct import DANA
from tests.outside.disturbed import scim_scene


@pytest.mark.parametrize("account", [True, False])
async def test_access_ends_for_somebody_who_was_deleted(template: Path, tmp_path: Path, account: bool) -> None:
    """`account`: whether they had one before; one that was made for this ends, too."""
    home = tmp_path / "home"
    async with scim_scene(home, template, account=account) as scene:
        foyer = scene.foyer
        await foyer.ask("grant")
        assert await foyer.server.has()
        request = await foyer.request()
        [file] = [path for path in home.rglob("*.sqlite") if _has_people(path)]
        with closing(sqlite3.connect(file)) as company, company:
            company.execute("DELETE FROM people WHERE key = ?", (facts.DANA,))
        grant = await foyer.company.app.requests.grant_of(request.id)
        assert grant is not None
        await foyer.company.later(seconds=(grant.until - foyer.company.clock()).total_seconds() + 1)
        assert (await scene.service.members("Figma Editors"), (await scene.service.users())[DANA]["active"]) == (set(), account)
        grant = await foyer.company.app.requests.grant_of(request.id)
        assert grant is not None
        assert (grant.ended_at is not None, grant.tries) == (True, 0)
        story = [entry.event for entry in await foyer.company.app.audit.story(foyer.company.app.sessions, request.id)]
        assert (story.count("grant_ended"), story.count("revoke_failed")) == (1, 0)


def _has_people(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'people'").fetchone() == (1,)
