"""Where specialists consult articles, and where knowledge writes its audit events, without knowing each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from connectors.ports.people import Person


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
        self, session: Any, *, kind: str, event: str, actor_id: str, data: Mapping[str, Any], private: Mapping[str, Any] | None = None
    ) -> None:
        """Writes one audit event in the caller's transaction (`session`: SQLAlchemy AsyncSession).

        `kind`: observation | decision | action | outcome. `private` is encrypted under the actor's key.
        """
