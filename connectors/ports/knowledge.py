"""Where specialists consult articles, and where knowledge writes its audit events, without knowing each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from connectors.ports.people import Person
from connectors.ports.records import Json


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """Untrusted text with its source; a slot derived from it is tainted."""

    text: str
    title: str
    source: str
    score: float
    updated_at: datetime


class KnowledgeLookup(Protocol):
    async def search(self, question: str, person: Person, *, limit: int = 3) -> Sequence[CitedPassage]:
        """Passages that this person may read, best first."""


class AuditSink(Protocol):
    async def append(
        self,
        session: AsyncSession,
        *,
        kind: Literal["observation", "decision", "action", "outcome"],
        event: str,
        actor_id: str,
        data: Mapping[str, Json],
        private: Mapping[str, Json] | None = None,
        subject_id: str | None = None,
        request_id: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Writes one audit event in the caller's transaction.

        `data` names people by id only. `private` (words, names, addresses) is encrypted under the key of `subject_id`,
        the actor when None, so that erasing that key erases it.
        """
