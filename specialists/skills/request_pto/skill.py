"""Books paid time off. What stands against it is said with the exact figures before a manager is bothered."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from connectors.ports.messages import Message
from connectors.ports.systems import Effect
from specialists.skill import Declined, Plan, PlannedAction, Ports, SkillContext, Verified

SAYS = "skill.request_pto."
LONGEST = timedelta(days=365)


class Skill:
    async def look(self, context: SkillContext, ports: Ports) -> Mapping[str, Any]:
        """`years`: per calendar year its balance and the working days that fall into it. Nothing for impossible dates."""
        start, end = _dates(context.slots)
        if _impossible(start, end, context.today):
            return {}
        person_key = context.beneficiary.directory_key
        years = []
        for year in range(start.year, end.year + 1):
            first, last = max(start, date(year, 1, 1)), min(end, date(year, 12, 31))
            years.append((await ports.hr.leave_balance(person_key, year), await ports.hr.working_days(person_key, first, last)))
        return {"years": years, "leaves": await ports.hr.leaves(person_key)}

    def plan(self, context: SkillContext, facts: Mapping[str, Any]) -> Plan | Declined:
        start, end = _dates(context.slots)
        said = {"start": start, "end": end}
        impossible = _impossible(start, end, context.today)
        if impossible:
            return Declined(Message(f"{SAYS}declined.{impossible}", {**said, "year": str(context.today.year + 1)}))
        for leave in facts["leaves"]:
            if leave.status == "booked" and leave.start <= end and leave.end >= start:
                return Declined(Message(SAYS + "declined.overlap", {"start": leave.start, "end": leave.end}))
        days = sum(need for _, need in facts["years"])
        if days == 0:
            return Declined(Message(SAYS + "declined.no_working_days", said))
        for balance, need in facts["years"]:
            if need > balance.remaining:
                short = {"year": str(balance.year), "have": balance.remaining, "need": need}
                return Declined(Message(SAYS + "declined.not_enough", short), offer_human=True)
        return Plan((PlannedAction("book", {"start": start.isoformat(), "end": end.isoformat(), "days": days}, "key"),))

    async def perform(self, action: PlannedAction, context: SkillContext, ports: Ports, *, key: str) -> Effect:
        start, end = _dates(action.arguments)
        effect = await ports.hr.book_leave(context.beneficiary.directory_key, start, end, key=key)
        detail = {"start": {"on": start.isoformat()}, "end": {"on": end.isoformat()}, "days": action.arguments["days"]}
        return Effect(effect.reference, effect.changed, detail)

    async def verify(self, action: PlannedAction, context: SkillContext, ports: Ports) -> Verified:
        start, end = _dates(action.arguments)
        leaves = await ports.hr.leaves(context.beneficiary.directory_key)
        holds = any((leave.start, leave.end, leave.status) == (start, end, "booked") for leave in leaves)
        says = ("verified.book.same" if start == end else "verified.book") if holds else "verified.not_listed"
        return Verified(holds, Message(SAYS + says, {"start": start, "end": end}))

    async def undo(self, action: PlannedAction, context: SkillContext, reference: str, ports: Ports, *, key: str) -> Effect:
        if not reference:
            # No two leaves overlap, so one of exactly these days is the one that was booked.
            start, end = _dates(action.arguments)
            leaves = await ports.hr.leaves(context.beneficiary.directory_key)
            reference = next((one.reference for one in leaves if (one.start, one.end, one.status) == (start, end, "booked")), "")
        return await ports.hr.cancel_leave(reference, key=key) if reference else Effect("", changed=False)


def _dates(values: Mapping[str, Any]) -> tuple[date, date]:
    return date.fromisoformat(values["start"]), date.fromisoformat(values["end"])


def _impossible(start: date, end: date, today: date) -> str:
    """Why these dates cannot be booked whatever the HR system says, "" when they can."""
    if end < start:
        return "end_before_start"
    if start < today:
        return "past"
    if end.year > today.year + 1:
        return "too_far"
    return "too_long" if end - start > LONGEST else ""
