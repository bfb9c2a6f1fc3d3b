"""Takes back access that outlived its end: what a system did after Foyer had given it up, and what could not be taken back in time.

Usually nothing is left to do here: a grant ends by its own timer. Systems that keep no ends need somebody who looks again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from bot.database import Sessions
from connectors.calling.codes import BREAKER_OPEN, DOWN, LOCKED_OUT, cause
from connectors.calling.ledger import Ending, Given
from connectors.errors import ConnectorError, OutcomeUnknown
from connectors.ports.calls import Call, as_json, recording
from connectors.ports.people import People
from connectors.ports.records import Clock, Json
from specialists.audit import Audit
from specialists.switch import Switch

log = structlog.get_logger()
ACTOR = "overdue"
"""As the audit names it: no specialist and no person does it, but time."""
NOT_NOW: Final = DOWN | LOCKED_OUT | {"rate_limited", BREAKER_OPEN}
"""Codes of a system that does not answer now, whatever it is asked."""


@dataclass(frozen=True, slots=True)
class Overdue:
    endings: Mapping[str, Ending]
    """By connector."""
    switch: Switch
    people: People
    audit: Audit
    sessions: Sessions
    clock: Clock
    _failed: dict[tuple[str, Given], bool] = field(default_factory=dict, init=False)
    """What could not be taken back when it was tried last; True: perhaps it was all the same, and nobody has told the audit."""

    async def settle(self) -> None:
        """One look at each connector. Each grant stands for itself: none waits for another that cannot be taken back.

        Nothing is while somebody has paused a specialist: the switch holds for this, too.
        """
        for connector, ending in self.endings.items():
            await self._settle(connector, ending)

    async def _settle(self, connector: str, ending: Ending) -> None:
        overdue = await ending.overdue()
        for given in [given for name, given in self._failed if name == connector and given not in overdue]:
            if self._failed.pop((connector, given)):
                await self._told(connector, given, changed=False)
        # Whatever failed comes last: one that hangs ends the round, and the others have had their turn.
        for given in sorted(overdue, key=lambda given: (connector, given) in self._failed):
            if any(state.paused for state in (await self.switch.state()).values()) or not await self._one(connector, ending, given):
                return

    async def _one(self, connector: str, ending: Ending, given: Given) -> bool:
        """Whether this system is to be asked for more now."""
        this = (connector, given)
        perhaps = self._failed.get(this, False)
        with recording() as calls:
            try:
                effect = await ending.settle(given)
            except ConnectorError as error:
                self._failed[this] = perhaps or isinstance(error, OutcomeUnknown)
                log.warning("overdue_kept", connector=connector, application=given.application_key, role=given.role, code=error.code)
                return cause(error) not in NOT_NOW
            except Exception as error:  # a defect that one of them meets: the others are still taken back
                self._failed[this] = perhaps
                log.error("overdue_broke", connector=connector, application=given.application_key, error=type(error).__name__)
                return True
        if effect.changed or perhaps:
            self._failed[this] = True  # until the audit has it
            await self._told(connector, given, changed=effect.changed, calls=calls)
        self._failed.pop(this, None)
        return True

    async def _told(self, connector: str, given: Given, *, changed: bool, calls: Sequence[Call] = ()) -> None:
        """`changed`: it was just taken back; otherwise it is gone since a try whose outcome nobody knew."""
        log.warning("overdue_taken_back", connector=connector, application=given.application_key, role=given.role)
        try:
            person = await self.people.by_key(given.person_key)
        except ConnectorError:
            person = None
        which: dict[str, Json] = {"connector": connector, "application": given.application_key, "role": given.role}
        async with self.sessions.begin() as session:
            await self.audit.append(
                session,
                kind="action",
                event="overdue_taken_back",
                actor_id=ACTOR,
                data={**which, "changed": changed, "calls": as_json(calls)},
                subject_id=person.id if person is not None else None,
                at=self.clock(),
            )
