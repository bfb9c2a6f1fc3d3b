"""What a conversation remembers when it hears something new."""

from dataclasses import dataclass

from bot.conversation.model import AwaitsConfirmation, AwaitsSlot, AwaitsSolved, OpenRequest, Recall
from bot.conversation.summary_store import SummaryStore
from bot.held import HeldPosts
from bot.talk import Talk
from specialists.request import Request
from specialists.skill import SkillSpec
from specialists.store import RequestStore


@dataclass(frozen=True, slots=True)
class Memory:
    requests: RequestStore
    held: HeldPosts
    summaries: SummaryStore
    specs: dict[str, SkillSpec]

    async def recall(self, talk: Talk) -> Recall:
        conversation = talk.conversation
        open_requests = list(await self.requests.open_of(talk.person.id))
        asked_about = {item.request_id for item in conversation.awaits if isinstance(item, AwaitsSlot | AwaitsConfirmation)}
        # A question about a request that ended meanwhile (a button, another thread) is no question any more.
        gone = asked_about - {request.id for request in open_requests}
        for request_id in gone:
            conversation = conversation.forgetting(request_id)
        talk.conversation = conversation
        solved = {f"receipt:{item.request_id}": item for item in conversation.awaits if isinstance(item, AwaitsSolved)}
        unseen = tuple(solved[card_key] for card_key in await self.held.unseen([*solved]))
        kept = await self.summaries.get(conversation.id)
        return Recall(
            person=talk.person,
            awaits=tuple(item for item in conversation.awaits if item not in unseen),
            question=conversation.question,
            request_id=conversation.request_id,
            requests=tuple(self._open(request) for request in open_requests),
            misses=conversation.misses,
            handoff_open=conversation.handoff_id is not None,
            unseen=unseen,
            behalf=talk.behalf,
            summary=kept.summary.text() if kept.summary is not None else "",
            private=talk.private_to is not None,
        )

    def _open(self, request: Request) -> OpenRequest:
        missing = tuple(slot.name for slot in self.specs[request.skill].slots if slot.required and slot.name not in request.slots)
        return OpenRequest(request.id, request.case, request.skill, request.state.value, missing, request.slots)
