"""The whole Foyer that scenarios talk to; the product's own, since `foyer eval dialogues` plays against it, too, and what only
tests ask of it."""

from bot import tables
from bot.evaluation import company
from bot.evaluation.company import START, Clock, NoSuchButton, NoSuchPerson, Said, email
from connectors.ports.chat import ActivityKind, Press

__all__ = ["START", "Clock", "Company", "NoSuchButton", "NoSuchPerson", "Said", "email"]


class Company(company.Company):
    async def press_id(self, person: str, action_id: str, text: str = "", thread: str | None = None) -> None:
        """Presses a button whatever card it was on, also one that is offered to nobody any more."""
        await self._record(person, ActivityKind.ACTION, "", thread, None, Press(action_id, text))
        await self.settle()

    async def held_back(self) -> bool:
        """Whether all that is left to do is to wait for a channel's pace."""
        if self.app.inbox.busy or self.app.outbox.busy or await self._any(tables.inbox, "new") or await self.app.working():
            return False
        return await self._any(tables.outbox, "pending")
