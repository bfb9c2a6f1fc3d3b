"""Quiet hours: what is told to somebody who did not just ask for it waits until their morning, unless it must not.

Pure: the hours, the zone, the present and when somebody was last seen are passed in. Whatever has no `News` never waits: answers
in a turn, what is said in a room of several, staff and the people who wait for them.
"""

from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from connectors.ports.chat import Reply, ReplyKind
from specialists.request import EventKind, RequestEvent

AWAKE = timedelta(minutes=30)
"""Whoever did anything on any channel within this is there: nothing is kept from them."""
_SATURDAY = 5
_DAYS_AHEAD = 8
"""Quiet hours that cover a weekend end within these days."""


def _time_of_day(given: object) -> object:
    """20:00 without quotes is sixty times twenty in YAML, and means the same."""
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 24 * 60:
        return time(given // 60, given % 60)
    if isinstance(given, str):
        try:
            return datetime.strptime(given.strip(), "%H:%M").time()  # noqa: DTZ007 - a time of day, in everybody's own zone
        except ValueError:
            pass
    raise ValueError(f'write a time of day, as "20:00", instead of {given!r}')


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]


class QuietHours(BaseModel):
    """`start` to `end` in each person's own zone, over midnight when `end` is earlier; with `weekends` all Saturday and Sunday too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    weekends: bool = False

    @model_validator(mode="after")
    def _some_time(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("from and to are the same time; leave quiet_hours out where none are wanted")
        return self

    def cover(self, local: datetime) -> bool:
        """Whether this moment, on the clock of whoever is to be told, is quiet."""
        now = local.time()
        in_hours = self.start <= now < self.end if self.start < self.end else now >= self.start or now < self.end
        return in_hours or (self.weekends and local.weekday() >= _SATURDAY)


class News(Enum):
    """What somebody is told without having just asked: (may wait, why)."""

    APPROVAL = (True, "It can be decided in the morning; one that would expire before is told at once.")
    RESULT = (True, "Done, undone, refused or expired: nothing gets worse until they read it, and the live card is true at once.")
    ON_HOLD = (True, "Nothing is asked of them.")
    GRANT_ENDING = (True, "A reminder; one that would come too late is told at once.")
    GRANT_ENDED = (True, "It ended as it was told when it began.")
    REPORT = (True, "For a specialist's manager to look at, not to act on.")
    REVIEW = (True, "An article has waited for months; it can wait until the morning.")
    BUDGET = (True, "The offline engine serves whoever is over a limit; raising it can wait until the morning.")
    STEP_UP = (False, "Security: it asks whether it is really them, and the link soon ends.")
    NOT_ME = (False, "Security: somebody may be using their chat.")
    TO_STAFF = (False, "It could not be done, and people take over: they may write at any moment.")

    @property
    def waits(self) -> bool:
        return self.value[0]

    @property
    def because(self) -> str:
        return self.value[1]


_NEWS = {
    EventKind.APPROVAL_REQUESTED: News.APPROVAL,
    EventKind.COMPLETED: News.RESULT,
    EventKind.DECLINED: News.RESULT,
    EventKind.DENIED: News.RESULT,
    EventKind.EXPIRED: News.RESULT,
    EventKind.UNDONE: News.RESULT,
    EventKind.NOTHING_TO_UNDO: News.RESULT,
    EventKind.HELD: News.ON_HOLD,
    EventKind.GRANT_ENDING: News.GRANT_ENDING,
    EventKind.GRANT_ENDED: News.GRANT_ENDED,
    EventKind.OWNER_NOTIFIED: News.REPORT,
    EventKind.STEP_UP_REQUESTED: News.STEP_UP,
    EventKind.FAILED: News.TO_STAFF,
    EventKind.GRANT_STUCK: News.TO_STAFF,
    EventKind.LEFT_TO_STAFF: News.TO_STAFF,
}


def news_of(event: RequestEvent) -> News | None:
    """What this event is for whoever is told of it; None for what nobody is told of by itself."""
    if event.kind is EventKind.DENIED and event.data.get("reason") == "not_me":
        return News.NOT_ME
    return _NEWS.get(event.kind)


def useless_after(event: RequestEvent) -> datetime | None:
    """When it is too late to be told of this event: an approval that has expired, a grant that has ended."""
    match event.kind:
        case EventKind.APPROVAL_REQUESTED:
            return datetime.fromisoformat(event.data["expires_at"])
        case EventKind.GRANT_ENDING:
            return datetime.fromisoformat(event.data["until"])
        case _:
            return None


def quiet_until(hours: QuietHours, now: datetime, zone: str) -> datetime | None:
    """When the quiet hours that are now in this zone end, in UTC; None when there are none now.

    An end that comes twice, on the night when clocks are put back, is the first of the two; one that they are put forward over
    comes as much later.
    """
    there = ZoneInfo(zone)
    local = now.astimezone(there)
    if not hours.cover(local):
        return None
    days = (local.date() + timedelta(days=n) for n in range(_DAYS_AHEAD))
    moments = sorted(_moment(day, clock, fold, there) for day in days for clock in (time(0), hours.end) for fold in (0, 1))
    return next(moment for moment in moments if moment > now and not hours.cover(moment.astimezone(there)))


def held_until(
    hours: QuietHours | None, news: News, now: datetime, zone: str, last_seen: datetime | None, *, too_late: datetime | None = None
) -> datetime | None:
    """Until when this waits; None: it is told at once. `last_seen`: the person's last activity on any channel; `too_late`:
    when it would be of no use any more."""
    if hours is None or not news.waits or (last_seen is not None and now - last_seen < AWAKE):
        return None
    until = quiet_until(hours, now, zone)
    return None if until is None or (too_late is not None and too_late <= until) else until


def is_over(due_at: datetime, held_at: datetime, last_seen: datetime | None, now: datetime) -> bool:
    """Whether what was held at `held_at` until `due_at` goes out now: the hours are over, or the person is there.

    Whatever they did within AWAKE before it was held was not known then: it was saved at the same moment.
    """
    return due_at <= now or (last_seen is not None and last_seen > held_at - AWAKE)


def is_pointless(reply: Reply) -> bool:
    """Whether a card that nobody has seen yet need not be seen any more: it asks for an approval that is settled."""
    return reply.kind is ReplyKind.APPROVAL and not reply.actions


def _moment(day: date, clock: time, fold: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC)
