"""What understanding returns: wishes with confidence and typed slots, and the steps that follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.conversation.model import Recall
from specialists.request import SlotValue

Act = Literal[
    "skill",  # wants something done
    "question",  # wants to know something
    "status",  # asks about their request
    "cancel",  # never mind
    "undo",  # undo what was done
    "human",  # wants a person
    "yes",
    "no",
    "greeting",
    "thanks",
    "help",  # what can you do?
    "who",  # are you human?
    "unclear",
]


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """Somebody other than the speaker was named. `directory_key` None: it is not known who is meant."""

    mention: str
    directory_key: str | None


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that an utterance asks for. `text` is its part of the utterance; `confidence` is calibrated, 0-1."""

    act: Act
    text: str
    confidence: float
    skill: str | None = None
    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    beneficiary: Beneficiary | None = None
    case: str | None = None
    """A case number that was named ("FOY-12")."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """Other skills that are likely, with their confidence, best first."""
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Slots that the words narrow down but do not decide ("a laptop"): slot -> what it may be, as people read it."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Slots whose thing was named but is not known: slot -> the words ("FooBarApp")."""
    search: str | None = None
    """A question in the articles' language that stands by itself, to look for articles by; None: `text` serves."""
    guessed: bool = False
    """One engine alone sees it in the words, the offline one or a language model: it takes a yes, however low the risk is; and a
    person is offered rather than called."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What understood or answered: None of `model` and `prompt` when it was offline."""

    model: str | None = None
    prompt: str | None = None
    """Its id, "recognition-1"."""
    fell_back: str | None = None
    """The code of why the offline twin served though a model is configured."""


OFFLINE = Engine()


@dataclass(frozen=True, slots=True)
class Recognition:
    """`sensitive`: a sensitive topic (harassment, health, self_harm, legal, security), None if none."""

    utterance: str
    language: str
    wishes: tuple[Wish, ...]
    sensitive: str | None = None
    perhaps: str | None = None
    """A sensitive topic that a language model alone sees: a person is offered in private, and nobody is called unasked."""
    urgent: bool = False
    answers: Mapping[str, SlotValue] = field(default_factory=dict)
    """Slots of the request being asked about that this utterance fills."""
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Slots of that request that it narrows down but does not decide."""
    vector: NDArray[np.float32] | None = field(default=None, repr=False)
    """The utterance's embedding, so that retrieval need not make it again."""
    likely: tuple[tuple[str, float], ...] = ()
    """Every skill with its confidence for the utterance, whole or in the part that says it most clearly, best first: what a language
    model chooses from."""
    engine: Engine = OFFLINE


class Understands(Protocol):
    """Whoever recognises what is wanted: offline, or assisted by a language model."""

    async def recognize(self, text: str, recall: Recall) -> Recognition: ...


# Steps: what a turn does, in order. Routing returns them; `bot/turn.py` takes them.


@dataclass(frozen=True, slots=True)
class Answer:
    question: str
    follows: str | None = None
    """The question before, when this one leans on it."""
    search: str | None = None
    """What to look for articles by, when that is not the question's own words."""


@dataclass(frozen=True, slots=True)
class Fulfil:
    skill: str
    slots: Mapping[str, SlotValue]
    confidence: float
    utterance: str
    beneficiary: Beneficiary | None = None
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Slots whose thing was named but is not known: slot -> the words."""


@dataclass(frozen=True, slots=True)
class Fill:
    """The employee answered a question about a request, or changed a slot of it."""

    request_id: str
    slots: Mapping[str, SlotValue]


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The answer did not parse. `text` is what was said; `candidates` what it may have meant, as people read it."""

    request_id: str
    slot: str
    text: str
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirm:
    request_id: str
    yes: bool


@dataclass(frozen=True, slots=True)
class Choose:
    """Which of these skills was meant?"""

    skills: tuple[str, ...]
    utterance: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """`request_id` None: whatever was asked last; `skill`: the kind of request that was meant, if one was."""

    request_id: str | None
    skill: str | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """`skill`: the kind of request that was meant, if one was."""

    case: str | None
    skill: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    case: str | None


@dataclass(frozen=True, slots=True)
class HandOff:
    """A person takes over. `reason`: asked | accepted | sensitive | second_miss. `group_hint`: the assignment group that was named."""

    reason: str
    utterance: str
    sensitive: str | None = None
    request_id: str | None = None
    group_hint: str | None = None


@dataclass(frozen=True, slots=True)
class OfferHuman:
    """`reason`: low_confidence | asked (a language model alone heard it) | sensitive, then with the topic."""

    reason: str
    utterance: str
    sensitive: str | None = None


@dataclass(frozen=True, slots=True)
class DeclineHuman:
    """The offered person is not wanted."""


@dataclass(frozen=True, slots=True)
class Solved:
    request_id: str
    yes: bool


@dataclass(frozen=True, slots=True)
class Say:
    """Courtesies and the like: `key` is a core message (greeting, thanks, help, who, empty, too_long, nothing_to_cancel)."""

    key: str


Step = Answer | Fulfil | Fill | AskAgain | Confirm | Choose | Cancel | Undo | Status | HandOff | OfferHuman | DeclineHuman | Solved | Say
