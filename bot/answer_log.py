"""What knowledge learns from a turn, saved with it: what an answer quoted, and what nobody could answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from bot.talk import Talk
from connectors.ports.chat import Citation
from knowledge.answering import Answer
from knowledge.feedback import keep_answer, keep_judgement
from knowledge.gaps import keep_unanswered, keep_unhelpful
from knowledge.masking import masked
from knowledge.reviews import Reviews


@dataclass(frozen=True, slots=True)
class AnswerLog:
    """`encoder`: the name of the one that makes questions' vectors. Nothing is kept of what is said in private but which articles
    were quoted."""

    encoder: str
    reviews: Reviews

    def shown(self, talk: Talk, reply_id: str, answer: Answer) -> None:
        async def keep(session: AsyncSession) -> None:
            if answer.vector is not None:
                question = masked(answer.question) if talk.private_to is None else ""
                await keep_answer(session, reply_id, question, answer.articles, answer.vector, self.encoder, talk.now)

        talk.changes.inside.append(keep)

    def unanswered(self, talk: Talk, answer: Answer) -> None:
        async def keep(session: AsyncSession) -> None:
            if talk.private_to is None:  # known only when the turn has come to its end
                await keep_unanswered(session, answer, talk.person.id, self.encoder, talk.now)

        talk.changes.inside.append(keep)

    def judged(self, talk: Talk, answer_id: str, helpful: bool) -> None:
        async def keep(session: AsyncSession) -> None:
            await keep_judgement(session, answer_id, talk.person.id, helpful, talk.now)
            await keep_unhelpful(session, answer_id, talk.person.id, helpful, talk.now)

        talk.changes.inside.append(keep)

    async def overdue(self, citations: Sequence[Citation]) -> Mapping[str, date]:
        """When the review of what is cited was due, by its source, where it was not reviewed."""
        return await self.reviews.overdue_of({citation.source for citation in citations})
