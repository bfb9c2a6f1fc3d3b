"""What was given on a connector, an application or a role that foyer.yaml names no more is told, and nothing else."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from structlog.testing import capture_logs

from bot.database import connect
from bot.outside import Connected
from bot.stranded import stranded, warn
from connectors.calling import tables
from connectors.calling.ledger import Ledger, Seen
from tests.specialists.fulfilment.rig import MONDAY, Clock

SERVED = cast(Connected, SimpleNamespace(declared={"figma": {"figma": frozenset({"editor"})}, "sandbox-like": {}}))


async def test_only_what_nobody_serves_any_more_is_told(tmp_path: Path) -> None:
    engine, sessions = connect(f"sqlite+aiosqlite:///{tmp_path / 'foyer.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(tables.metadata.create_all)
    there = set()

    async def give(connector: str, person: str, application: str, role: str) -> None:
        key = f"{connector}/{person}/{application}/{role}"

        async def look() -> Seen:
            return Seen(key in there, key)

        async def act() -> None:
            there.add(key)

        ledger = Ledger(connector, sessions, Clock())
        await ledger.grant(person, application, role, until=MONDAY.replace(year=2027), key=key, look=look, act=act)

    await give("figma", "e1", "figma", "editor")
    with capture_logs() as logs:
        await warn(sessions, SERVED)
    assert (list(await stranded(sessions, SERVED)), logs) == ([], [])
    for connector, person, application, role in [
        ("figma-old", "e1", "figma", "editor"),
        ("figma-old", "e2", "figma", "editor"),
        ("figma", "e1", "figma", "admin"),
        ("figma", "e1", "miro", "editor"),
    ]:
        await give(connector, person, application, role)
    assert [str(one) for one in await stranded(sessions, SERVED)] == [
        "1 grant still runs on figma (figma, admin): foyer.yaml names no role admin of figma any more",
        "1 grant still runs on figma (miro, editor): foyer.yaml names no application miro of it any more",
        "2 grants still run on figma-old (figma, editor): foyer.yaml names no connector figma-old any more",
    ]
    with capture_logs() as logs:
        await warn(sessions, SERVED)
    assert [(one["event"], one["connector"], one["grants"]) for one in logs] == [
        ("grants_stranded", "figma", 1),
        ("grants_stranded", "figma", 1),
        ("grants_stranded", "figma-old", 2),
    ]
    await engine.dispose()
