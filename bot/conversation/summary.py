"""What a dialogue comes to, in short: values with bounds, so that neither a card nor a memory grows without end. Pure.

There are no names in it: who did something is an id, put into words for whoever reads.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

Outcome = Literal["done", "said_done", "failed", "perhaps", "undone", "left", "answered", "told", "resolved", "returned"]
"""done: a record says so; said_done: only a person's words, as a model read them; perhaps: failed, or so it seems, and
may have been done all the same; left: to people; answered, told: `what` was said."""
T = TypeVar("T")
ASSISTANT = "assistant"
SPECIALIST = "specialist:"
STAFF = "staff:"

ASKED_CHARS = 300
ITEM_CHARS = 160
FACTS = 8
TRIED = 8
OPEN = 4
TEXT_CHARS = 1200
"""Of the whole as text."""
JSON_CHARS = 8000
"""Of the whole as it is kept; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """`by`: ASSISTANT, SPECIALIST with its name, or STAFF with a person's id. `code`: why it failed, or the rules by which it was left.
    `at`: when; the same thing tried again is one thing."""

    what: str
    by: str
    outcome: Outcome
    code: str = ""
    at: datetime = field(default=datetime.min.replace(tzinfo=UTC), compare=False)


@dataclass(frozen=True, slots=True)
class Summary:
    """`asked`: what the person wants, a sentence or two, or their own first words; `last`: their own last words, where there are
    others; `facts`: what they told that matters; `open`: what waits to be answered or done. The oldest first."""

    asked: str
    last: str = ""
    facts: tuple[str, ...] = ()
    tried: tuple[Attempt, ...] = ()
    open: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = _summary.dump_python(self, mode="json")
        return data

    @staticmethod
    def from_json(data: object) -> "Summary | None":
        """None for what is none."""
        try:
            return _summary.validate_python(data)
        except ValidationError:
            return None

    def text(self) -> str:
        """For a model's eyes, who did something only by what they are. At most TEXT_CHARS."""
        tried = [f"{one.by.partition(':')[0]}: {one.what} ({one.outcome})" for one in self.tried]
        parts = (
            ("wants", [self.asked]),
            ("last said", [self.last]),
            ("told", self.facts),
            ("tried", tried),
            ("open", self.open),
        )
        said = "\n".join(f"{name}: {'; '.join(values)}" for name, values in parts if any(values))
        return said if len(said) <= TEXT_CHARS else said[: TEXT_CHARS - 1] + "…"


_summary: TypeAdapter[Summary] = TypeAdapter(Summary)


def bounded(summary: Summary) -> Summary:
    """The newest of everything, each once, each short."""
    kept = Summary(
        asked=short(summary.asked, ASKED_CHARS),
        last=short(summary.last, ASKED_CHARS),
        facts=_newest((short(fact, ITEM_CHARS) for fact in summary.facts), FACTS),
        tried=_newest(sorted(map(_short, summary.tried), key=lambda one: one.at), TRIED),
        open=_newest((short(item, ITEM_CHARS) for item in summary.open), OPEN),
    )
    while len(_summary.dump_json(kept)) > JSON_CHARS and (kept.facts or kept.tried or kept.open):
        kept = replace(kept, facts=kept.facts[1:], tried=kept.tried[1:], open=kept.open[1:])
    return kept


def short(text: str, limit: int) -> str:
    """On one line, at most `limit` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _short(one: Attempt) -> Attempt:
    return replace(one, what=short(one.what, ITEM_CHARS), code=short(one.code, ITEM_CHARS))


def _newest(items: Iterable[T], most: int) -> tuple[T, ...]:
    return tuple(dict.fromkeys(item for item in items if item))[-most:]
