"""Grants that run on what foyer.yaml does not name any more: a connector, an application or a role that was renamed or removed.

Nobody can end them: whoever would is asked by that name. So it is told at every start and by `foyer doctor`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select

from bot.database import Sessions
from bot.outside import Connected
from connectors.calling.tables import outside_end as e

log = structlog.get_logger()
MEND = (
    "name it in foyer.yaml again as it was before, until they have ended; where it is gone for good, take them back in the system by hand"
)


@dataclass(frozen=True, slots=True)
class Stranded:
    """`of`: what foyer.yaml names no more, a connector, or its application or role."""

    connector: str
    application: str
    role: str
    of: str
    grants: int

    def __str__(self) -> str:
        runs = "1 grant still runs" if self.grants == 1 else f"{self.grants} grants still run"
        return f"{runs} on {self.connector} ({self.application}, {self.role}): foyer.yaml names no {self.of} any more"


async def stranded(sessions: Sessions, outside: Connected) -> Sequence[Stranded]:
    which = (e.c.connector, e.c.application_key, e.c.role)
    async with sessions() as session:
        rows = (await session.execute(select(*which, func.count().label("grants")).group_by(*which).order_by(*which))).all()
    found = []
    for row in rows:
        missing = _missing(outside, row.connector, row.application_key, row.role)
        if missing is not None:
            found.append(Stranded(row.connector, row.application_key, row.role, missing, row.grants))
    return found


async def warn(sessions: Sessions, outside: Connected) -> None:
    """For the log of a start."""
    for one in await stranded(sessions, outside):
        log.error("grants_stranded", connector=one.connector, application=one.application, role=one.role, grants=one.grants, mend=MEND)


def _missing(outside: Connected, connector: str, application: str, role: str) -> str | None:
    declared = outside.declared.get(connector)
    if declared is None:
        return f"connector {connector}"
    if application not in declared:
        return f"application {application} of it"
    return None if role in declared[application] else f"role {role} of {application}"
