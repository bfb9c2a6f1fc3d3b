"""What is written right under a card that waits for a press, in a chat without threads: it looks as if it answered that card, but it is
said to the bot. Taken as said to the bot it would go astray, so whoever wrote it is told what to do instead.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.changes import Post
from bot.handoff.store import HandoffStore
from bot.intent import model as steps
from bot.outbox import Outbox
from bot.responses import Responder
from bot.talk import Talk
from connectors.errors import ConnectorError
from connectors.ports.chat import Address, Channel, Reply, ReplyKind
from connectors.ports.records import new_id
from specialists.store import RequestStore

RECENTLY = timedelta(days=3)
"""A card that was the last thing shown before a weekend is still the last thing shown after it."""
_DECIDES = re.compile(
    r"(?:(?:i|we|please|yes|no|ok|okay|sorry)[\s,]+)*(?:approved?|deny|denied|reject(?:ed)?|declined?)"
    r"(?:\s+(?:it|this|that|them|the request|(?:request\s+)?foy-\d+))?\s*(?:$|[.!,:;-]|(?:because|since|as|for|due|please|thanks|thank)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class UnderCards:
    outbox: Outbox
    requests: RequestStore
    handoffs: HandoffStore
    channels: Mapping[str, Channel]
    responder: Responder

    async def meant(self, talk: Talk, recognition: steps.Recognition, route_taken: Sequence[steps.Step]) -> bool:
        """Whether the card above was meant, or could have been with a private matter in the words; then all is said."""
        here = talk.present
        if here is None or not self.channels[here.channel].capabilities.flat_rooms or self.channels[here.channel].is_shared(here):
            return False
        thread = await self.outbox.last_thread(here, talk.now - RECENTLY)
        card_key = await self.outbox.card_at(there := replace(here, thread=thread)) if thread is not None else None
        match (card_key or "").split(":"):
            case ["approval", approval_id]:
                return await self._decision(talk, there, approval_id, recognition)
            case ["handoff", handoff_id, *_]:
                return await self._for_staff(talk, there, handoff_id, recognition, route_taken)
        return False

    async def _decision(self, talk: Talk, there: Address, approval_id: str, recognition: steps.Recognition) -> bool:
        """A yes may answer what was asked before; nothing else is answered with a decision."""
        yes_or_no = not talk.conversation.awaits and {wish.act for wish in recognition.wishes} in ({"yes"}, {"no"})
        if not yes_or_no and _DECIDES.match(recognition.utterance.strip()) is None:
            return False
        approval = await self.requests.approval(approval_id)
        request = await self.requests.get(approval.request_id) if approval is not None and approval.state == "pending" else None
        if request is None:
            return False
        self._tell(talk, there, talk.words("approval.press", case=request.case))
        return True

    async def _for_staff(
        self, talk: Talk, there: Address, handoff_id: str, recognition: steps.Recognition, route_taken: Sequence[steps.Step]
    ) -> bool:
        """A question is answered as ever. What would bring in a person is about the employee's matter, most likely: nothing is kept
        of it, unless they ask for a person themselves or may be in danger."""
        handoff = await self.handoffs.get(handoff_id)
        if handoff is None or not handoff.open or handoff.claimed_by != talk.person.id:
            return False
        if recognition.sensitive == "self_harm" or any(_asks_for_a_person(step) for step in route_taken):
            return False
        if all(isinstance(step, steps.Answer) for step in route_taken):
            try:
                if await self.responder.quoted(talk, recognition.utterance, None, recognition.vector):
                    return True
            except ConnectorError:
                return False
        elif not any(isinstance(step, steps.HandOff | steps.OfferHuman) for step in route_taken):
            return False
        said = talk.changes.transcript
        said[:] = [event for event in said if event.conversation_id != talk.conversation.id]
        self._tell(talk, there, talk.words("desk.said_here", case=handoff.case))
        return True

    @staticmethod
    def _tell(talk: Talk, there: Address, text: str) -> None:
        """As an answer to the card, which so stays the last thing shown."""
        talk.changes.posts.append(Post(there, Reply(new_id(), ReplyKind.NOTICE, text), None, talk.person.id))


def _asks_for_a_person(step: steps.Step) -> bool:
    return isinstance(step, steps.HandOff) and step.reason in ("asked", "accepted")
