"""What an answer to a question is, whoever makes it: quotations with their sources, and what was composed of them.

An `Answer` of kind "unknown" carries no quotes; what is said then is not decided here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from connectors.ports.chat import Citation
from connectors.ports.language import NOBODY, Behalf
from connectors.ports.people import Person
from knowledge.embedding.port import Vector
from knowledge.model import Passage
from knowledge.text import plain

_SNIPPET = 240


@dataclass(frozen=True, slots=True)
class Quote:
    """`text` is Markdown from the article, to be shown with [n] of its citation."""

    text: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class Answer:
    """`question` is what was looked for, with what a follow-up left out. `confidence` is 0..1; `passages` are the best found.

    `articles` are the ids of what is quoted, one for each quote; `vector` is the question's embedding, None if it was not made.
    """

    kind: Literal["answered", "unknown"]
    question: str
    confidence: float
    quotes: tuple[Quote, ...] = ()
    """The original words; where `text` was composed, what each of its sentences stands on."""
    passages: tuple[Passage, ...] = ()
    articles: tuple[str, ...] = ()
    vector: Vector | None = field(default=None, compare=False, repr=False)
    text: str | None = None
    """What a language model composed of the quotes, as Markdown with [n]; None: the quotes themselves are the answer."""
    translated: bool = False
    """Whether `text` is in another language than what it stands on."""
    model: str | None = None
    """The model that composed it, or found that nothing covers the question; None when it was answered offline."""
    prompt: str | None = None
    """That model's instructions, by the id of their version."""
    fell_back: str | None = None
    """The code of why the offline answer serves though a model was to be asked."""
    dropped: int = 0
    """Sentences of a model that had no support, and nothing is shown of."""
    replaced: int = 0
    """Sentences of a model for which the article's own words are shown."""

    @property
    def said(self) -> str:
        """What is shown: Markdown, each part of it with [n] of its citation; empty when there is no answer."""
        if self.text is not None:
            return self.text
        return "\n\n".join(f"{quote.text} [{quote.citation.n}]" for quote in self.quotes)


Show = Callable[[Answer], Awaitable[None]]
"""Told what an answer has come to so far. Raises Refused where that is not shown before the end."""


class Answers(Protocol):
    """Whoever answers questions: offline, or assisted by a language model."""

    async def answer(
        self,
        question: str,
        asker: Person,
        *,
        context: str | None = None,
        vector: Vector | None = None,
        search: str | None = None,
        behalf: Behalf = NOBODY,
        show: Show | None = None,
    ) -> Answer:
        """An answer that `asker` may read.

        `context` is their previous question, used when this one cannot stand alone ("and in Germany?"). `vector` is the
        question's embedding, if recognition made it already. `search` is the same question in the articles' language and whole; it is
        looked for instead. `behalf`: for whom a model works. `show` is told of an answer that comes bit by bit.
        """


def citation_of(n: int, passage: Passage, section: str, text: str) -> Citation:
    """The citation of these words of a passage."""
    snippet = plain(text)
    return Citation(
        n=n,
        title=passage.title,
        source=passage.source,
        section=section,
        snippet=snippet if len(snippet) <= _SNIPPET else snippet[: _SNIPPET - 1].rsplit(" ", 1)[0] + "…",
        updated=passage.updated_at,
        restricted=bool(passage.audience),
    )
