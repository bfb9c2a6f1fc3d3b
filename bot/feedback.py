"""What people think of an answer: kept once for each of them, the last word counts; a bad one is followed by the offer of a person."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.changes import Audited
from bot.database import Sessions, insert_into
from bot.handoff.desk import Desk
from bot.handoff.model import HandoffState
from bot.responses import Responder
from bot.talk import Talk
from connectors.ports.chat import ReplyKind

LONGEST = 2000
"""Characters kept of a reason."""


@dataclass(frozen=True, slots=True)
class Feedback:
    sessions: Sessions
    responder: Responder
    desk: Desk

    async def given(self, talk: Talk, answer_id: str, helpful: bool, reason: str) -> None:
        """Keeps it. Whoever was not helped is offered a person, once an answer; not while one has the conversation already."""
        before = await self._before(answer_id, talk.person.id)
        reason = reason[:LONGEST]

        async def keep(session: AsyncSession) -> None:
            values = {"helpful": helpful, "reason": reason, "at": talk.now, "conversation_id": talk.conversation.id}
            row = insert_into(session, t.feedback).values(answer_id=answer_id, person_id=talk.person.id, **values)
            # Whoever says once more that it was of no use has not taken back why.
            kept = values if helpful or reason else {name: value for name, value in values.items() if name != "reason"}
            await session.execute(row.on_conflict_do_update(index_elements=["answer_id", "person_id"], set_=kept))

        talk.changes.inside.append(keep)
        talk.changes.audited.append(
            Audited(
                "observation",
                "answer_judged",
                talk.person.id,
                {"answer": answer_id, "helpful": helpful, "conversation": talk.conversation.id},
                private={"reason": reason} if reason else None,
            )
        )
        running = await self.desk.running(talk)
        staffed = running is not None and running.state is HandoffState.CLAIMED
        if helpful or staffed or before is False:
            talk.say(ReplyKind.NOTICE, talk.words("feedback.thanks"), personal=True)
            return
        about = talk.conversation.question or reason
        self.responder.offer_person(talk, "not_helpful", about, ReplyKind.QUESTION, talk.words("feedback.offer"))

    async def _before(self, answer_id: str, person_id: str) -> bool | None:
        """What they said of it until now; None for nothing."""
        query = select(t.feedback.c.helpful).where(t.feedback.c.answer_id == answer_id, t.feedback.c.person_id == person_id)
        async with self.sessions() as session:
            return (await session.execute(query)).scalar_one_or_none()
