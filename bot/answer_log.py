"""What knowledge learns from a turn, saved with it: what an answer quoted, and what nobody could answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from bot.changes import Audited
from bot.naming import Names
from bot.talk import Talk
from connectors.ports.chat import Citation
from connectors.ports.records import Json
from connectors.ports.secrets import without_secrets
from knowledge.answers import Answer
from knowledge.feedback import keep_answer, keep_judgement
from knowledge.gaps import keep_unanswered, keep_unhelpful
from knowledge.masking import masked
from knowledge.reviews import Reviews


@dataclass(frozen=True, slots=True)
class AnswerLog:
    """`encoder`: the name of the one that makes questions' vectors. Nothing is kept of what is said in private but which articles
    were quoted: neither the words nor their vector."""

    encoder: str
    reviews: Reviews
    names: Names

    async def shown(self, talk: Talk, reply_id: str, answer: Answer) -> None:
        self._audit(talk, answer)
        question = await self._kept(talk, answer)

        async def keep(session: AsyncSession) -> None:
            if answer.vector is not None:
                words, vector = (question, answer.vector) if _open(talk) else ("", None)
                await keep_answer(session, reply_id, words, answer.articles, vector, self.encoder, talk.now)

        talk.changes.inside.append(keep)

    async def unanswered(self, talk: Talk, answer: Answer) -> None:
        self._audit(talk, answer)
        question = await self._kept(talk, answer)

        async def keep(session: AsyncSession) -> None:
            if _open(talk):
                await keep_unanswered(session, question, answer, talk.person.id, self.encoder, talk.now)

        talk.changes.inside.append(keep)

    def judged(self, talk: Talk, answer_id: str, helpful: bool) -> None:
        async def keep(session: AsyncSession) -> None:
            await keep_judgement(session, answer_id, talk.person.id, helpful, talk.now)
            await keep_unhelpful(session, answer_id, talk.person.id, helpful, talk.now)

        talk.changes.inside.append(keep)

    async def overdue(self, citations: Sequence[Citation]) -> Mapping[str, date]:
        """When the review of what is cited was due, by its source, where it was not reviewed."""
        return await self.reviews.overdue_of({citation.source for citation in citations})

    @staticmethod
    def _audit(talk: Talk, answer: Answer) -> None:
        """That it was answered, or that nobody knew: from what, by which engine, and in none of the words."""
        data: dict[str, Json] = {
            "conversation": talk.conversation.id,
            "kind": answer.kind,
            "articles": list(dict.fromkeys(answer.articles)),
            "confidence": round(answer.confidence, 3),
            "dropped": answer.dropped,
            "replaced": answer.replaced,
        }
        data |= served(answer.model, answer.prompt, answer.fell_back)
        talk.changes.audited.append(Audited("observation", "answered", talk.person.id, data))

    async def _kept(self, talk: Talk, answer: Answer) -> str:
        """The question as it may be kept. Before the transaction: the directory is asked."""
        if not _open(talk):
            return ""
        names = await self.names.in_text(answer.question, talk.now, talk.person)
        return masked(without_secrets(answer.question), names)


def served(model: str | None, prompt: str | None, fell_back: str | None) -> dict[str, Json]:
    """Which engine it was, for the audit; `fell_back`: why the offline one served though a model was to."""
    if model is None and fell_back is None:
        return {"engine": "offline"}
    return {"engine": "assisted" if fell_back is None else "offline", "model": model, "prompt": prompt, "fell_back": fell_back}


def _open(talk: Talk) -> bool:
    """Whether anything may be kept of what is asked; known for sure only when the turn has come to its end."""
    return talk.private_to is None
