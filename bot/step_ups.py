"""The step-up page's view of fulfilment: what is asked, in the person's own words, and their answer."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.console.step_up import StepUpView
from bot.database import Sessions
from bot.people import PeopleStore
from bot.words import Words
from connectors.ports.chat import Field
from connectors.ports.messages import Message, Messages
from connectors.ports.records import Clock
from specialists.fulfilment import Fulfilment
from specialists.step_up import StepUpResult, hashed
from specialists.store import RequestStore


@dataclass(frozen=True, slots=True)
class StepUpPages:
    fulfilment: Fulfilment
    requests: RequestStore
    people: PeopleStore
    messages: Messages
    sessions: Sessions
    clock: Clock
    committed: Callable[[], None]

    async def look(self, token: str) -> StepUpView | None:
        asked = await self.requests.step_up(hashed(token))
        if asked is None or not asked.open(self.clock()):
            return None
        request = await self.requests.get(asked.request_id)
        person = await self.people.get(asked.person_id)
        if request is None or person is None:
            return None
        words = Words.for_person(self.messages, person)
        fields = tuple(Field(name, slot.label) for name, slot in request.slots.items())
        until = words.of(Message("time", {"at": asked.expires_at}))
        return StepUpView(person.name, words.of_skill(request, "title"), request.case, until, fields)

    async def answer(self, token: str, yes: bool) -> StepUpResult:
        async with self.sessions.begin() as session:
            if yes:
                result = await self.fulfilment.pass_step_up(session, token, self.clock())
            else:
                result = await self.fulfilment.refuse_step_up(session, token, self.clock())
        self.committed()
        return result
