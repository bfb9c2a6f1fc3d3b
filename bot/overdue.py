"""Takes back access that outlived its end: what a system did after Foyer had given it up, and what could not be taken back in time.

Usually nothing is left to do here: a grant ends by its own timer. Systems that keep no ends need somebody who looks again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from bot.database import Sessions
from connectors.calling.ledger import Ending, Given
from connectors.errors import ConnectorError
from connectors.ports.people import People
from connectors.ports.records import Clock
from specialists.audit import Audit
from specialists.switch import Switch

log = structlog.get_logger()
ACTOR = "overdue"
"""As the audit names it: no specialist and no person does it, but time."""


@dataclass(frozen=True, slots=True)
class Overdue:
    endings: Mapping[str, Ending]
    """By connector."""
    switch: Switch
    people: People
    audit: Audit
    sessions: Sessions
    clock: Clock

    async def settle(self) -> None:
        """One look at each connector. Nothing is taken back while somebody has paused a specialist: the switch holds for this, too."""
        if any(state.paused for state in (await self.switch.state()).values()):
            return
        for connector, ending in self.endings.items():
            try:
                taken = await ending.settle()
            except ConnectorError as error:
                log.warning("overdue_not_looked_at", connector=connector, code=error.code)
                continue
            for given in taken:
                await self._told(connector, given)

    async def _told(self, connector: str, given: Given) -> None:
        log.warning("overdue_taken_back", connector=connector, application=given.application_key, role=given.role)
        person = await self.people.by_key(given.person_key)
        async with self.sessions.begin() as session:
            await self.audit.append(
                session,
                kind="action",
                event="overdue_taken_back",
                actor_id=ACTOR,
                data={"connector": connector, "application": given.application_key, "role": given.role},
                subject_id=person.id if person is not None else None,
                at=self.clock(),
            )
