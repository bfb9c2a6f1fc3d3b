"""What became of the requests that come from Teams: a wrong app id or clock refuses all of them, and shows nowhere else.

Only requests that Microsoft has signed count: whoever else finds the address cannot do that.
"""

from collections.abc import Callable

import structlog

log = structlog.get_logger()
APP_ID = "FOYER_TEAMS_APP_ID is not the id of the app registration that the Azure Bot has"
CLOCK = "the clock of this machine and Microsoft's differ by more than five minutes: set it by NTP"
SERVICE = "it names another service URL than its token"
TENANT = "the tenant {tenant} is not in FOYER_TEAMS_TENANTS, nor FOYER_TEAMS_TENANT_ID"
QUIET = 60.0
"""Seconds from one warning to the next."""


class Deliveries:
    """Counts; `monotonic` is in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._refused = 0
        self._why = ""
        self._outside = ""
        self._any = False
        self._warned: dict[str, float] = {}

    @property
    def broken(self) -> str | None:
        """Why deliveries are refused; None when none was since the last that was accepted."""
        if self._refused:
            return f"Teams' last {self._refused} deliveries were refused: {self._why}"
        if self._outside and not self._any:
            return f"all that Teams has delivered was refused: {self._outside}"
        return None

    def accepted(self) -> None:
        self._refused, self._any = 0, True

    def refused(self, why: str, *, proved: bool) -> None:
        """With 401. `proved`: it was signed by Microsoft. What was signed for another app anybody can send on who has one; it says
        something of ours only as long as nothing else has come.
        """
        if proved and not (why == APP_ID and self._any):
            self._refused += 1
            self._why = why
        self._warn("teams_deliveries_refused" if proved else "teams_unsigned_refused", because=why, since_accepted=self._refused)

    def outsider(self, tenant: str) -> None:
        """Somebody of another organisation. As long as nobody else has come, it may be that ours is named wrongly."""
        self._outside = TENANT.format(tenant=tenant or "(none)")
        self._warn("teams_other_tenant_refused", tenant=tenant)

    def _warn(self, event: str, **what: object) -> None:
        now, before = self._monotonic(), self._warned.get(event)
        if before is None or now - before >= QUIET:
            self._warned[event] = now
            log.warning(event, **what)
