"""What people think of an answer: kept once for each of them, the last word counts; a bad one is followed by the offer of a person.

In a room of several nobody reads of it but they: where nothing can be whispered to them, a good word is kept in silence, and a
person is offered in their own chat.
"""

from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.answer_log import AnswerLog
from bot.changes import Audited
from bot.conversation.store import ConversationStore
from bot.database import Sessions, insert_into
from bot.handoff.desk import Desk
from bot.handoff.model import HandoffState
from bot.responses import Responder
from bot.talk import Talk, Talks
from connectors.ports.chat import ReplyKind

LONGEST = 2000
"""Characters kept of a reason."""


@dataclass(frozen=True, slots=True)
class Feedback:
    sessions: Sessions
    conversations: ConversationStore
    talks: Talks
    responder: Responder
    desk: Desk
    answers: AnswerLog

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
        self.answers.judged(talk, answer_id, helpful)
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
        in_public = talk.alone is not None and not talk.whispers
        if helpful or staffed or before is False:
            if not in_public:
                talk.say(ReplyKind.NOTICE, talk.words("feedback.thanks"), personal=True)
            return
        about = talk.conversation.question or reason
        asked = await self._in_own_chat(talk) if in_public else talk
        self.responder.offer_person(asked, "not_helpful", about, ReplyKind.QUESTION, talk.words("feedback.offer"))
        if asked is not talk:
            talk.changes.conversations.append(asked.conversation)

    async def _in_own_chat(self, talk: Talk) -> Talk:
        """Where a conversation of its own begins, so that what comes of the offer stays there. It has no threads: whatever has any
        can whisper, too."""
        address = replace(talk.alone or talk.conversation.address, thread=talk.id)
        there = await self.conversations.load(address, talk.person.id, talk.now)
        return await self.talks.open(talk.id, talk.person, there, talk.now, talk.changes)

    async def _before(self, answer_id: str, person_id: str) -> bool | None:
        """What they said of it until now; None for nothing."""
        query = select(t.feedback.c.helpful).where(t.feedback.c.answer_id == answer_id, t.feedback.c.person_id == person_id)
        async with self.sessions() as session:
            return (await session.execute(query)).scalar_one_or_none()
