"""What a conversation comes to: made from its transcript and what became of its requests alone, or with a language model's help.

The offline summary is always there at once and the same for the same lines. The assisted one wraps it: the model sees numbered lines
without names and says of each thing on which of them it rests; what does not stand there is dropped (`grounding.py`), and what was
done is told by records, not by the model. Whenever that breaks, or too little is left, the offline one serves.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from bot.conversation.model import TranscriptEvent
from bot.conversation.summary import ASKED_CHARS, ASSISTANT, ITEM_CHARS, SPECIALIST, STAFF, Attempt, Outcome, Summary, bounded, short
from bot.handoff.grounding import Numbered, agrees, cited, supported
from bot.handoff.model import Handoff, HandoffState
from bot.handoff.naming import without_names
from connectors.errors import ConnectorError
from connectors.ports.chat import ReplyKind
from connectors.ports.language import Ask, Behalf, LanguageModel, Prompt
from connectors.ports.secrets import without_secrets
from specialists.request import EventKind, Request, RequestEvent

log = structlog.get_logger()
PROMPT: Final = Prompt.load(Path(__file__).parent / "summary.prompt.md")
LINE_CHARS = 600
CONTENT_CHARS = 24_000
"""Of all that the model reads; the newest lines."""
QUOTED_CHARS = 100
FIRST_SECONDS = 15.0
WITHIN_SECONDS = 40.0
"""Nobody waits for it."""
_OUTCOMES: Final[Mapping[str, Outcome]] = {"done": "said_done", "failed": "failed", "unclear": "perhaps", "told": "told"}
_LINES = {"type": "array", "items": {"type": "integer"}}
_ITEM = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "lines": _LINES},
    "required": ["text", "lines"],
    "additionalProperties": False,
}
_ATTEMPT = {
    "type": "object",
    "properties": {
        "what": {"type": "string"},
        "by": {"type": "string"},
        "outcome": {"type": "string", "enum": [*_OUTCOMES]},
        "lines": _LINES,
    },
    "required": ["what", "by", "outcome", "lines"],
    "additionalProperties": False,
}
SHAPE: Final = {
    "type": "object",
    "properties": {
        "asked": _ITEM,
        "facts": {"type": "array", "items": _ITEM},
        "tried": {"type": "array", "items": _ATTEMPT},
        "open": {"type": "array", "items": _ITEM},
    },
    "required": ["asked", "facts", "tried", "open"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Material:
    """What a summary is made of: only what its reader may know. `lines`: what the employee, the bot and staff said to each other,
    oldest first; `requests`: with their events; `handoffs`: those that are over; `former`: what came before these lines;
    `names`: of the people who speak, by id; `employee`: the id of the one whose conversation it is."""

    lines: Sequence[TranscriptEvent]
    requests: Sequence[tuple[Request, Sequence[RequestEvent]]] = ()
    handoffs: Sequence[Handoff] = ()
    former: Summary | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    employee: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """`model` and `prompt` None: made offline."""

    summary: Summary
    model: str | None = None
    prompt: str | None = None


def plain(text: str) -> str:
    """What the bot said, without the marks of its Markdown: a line of a transcript is shown as it is."""
    text = re.sub(r"\[([^\]]*)\]\([^)\s]*\)", r"\1", text)
    return re.sub(r"\*\*|~~|`", "", text)


def heard(lines: Iterable[TranscriptEvent]) -> list[TranscriptEvent]:
    """What the employee, the bot and staff said to each other."""
    return [event for event in lines if event.speaker in ("person", "bot", "staff")]


def offline(material: Material) -> Summary:
    """In the employee's own words: the first thing they asked and, where it differs, the last; what was tried, by the records."""
    lines, former = material.lines, material.former
    said = [event.text for event in lines if event.speaker == "person" and event.text.strip()]
    asked = former.asked if former is not None and former.asked else (said[0] if said else "")
    last = said[-1] if said else (former.last if former is not None else "")
    told = [
        f"{name}: {slot.label}"
        for request, _ in material.requests
        for name, slot in request.slots.items()
        if slot.source in ("utterance", "answer") and not slot.tainted
    ]
    before = former or Summary("")
    return bounded(
        Summary(
            asked=asked,
            last="" if short(last, ASKED_CHARS) == short(asked, ASKED_CHARS) else last,
            facts=(*before.facts, *told),
            tried=(*before.tried, *recorded(material.requests, material.handoffs), *spoken(lines)),
            # Whatever a person has said since may be the answer.
            open=_unanswered(lines) or (() if any(event.speaker != "bot" for event in lines) else before.open),
        )
    )


class AssistedSummariser:
    """Makes summaries with a model, and offline where that breaks."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    async def summarise(self, material: Material, behalf: Behalf) -> Made:
        """Never raises but what the program itself gets wrong."""
        sheet = _Sheet(material)
        # The small model: it picks out what stands in the lines, and what does not is dropped again.
        ask = Ask(PROMPT, "small", sheet.content(), SHAPE, behalf, max_tokens=1500, first=FIRST_SECONDS, within=WITHIN_SECONDS)
        try:
            completion = await self._model.complete(ask)
        except ConnectorError as error:
            log.info("summary_offline", conversation=behalf.conversation, code=error.code)
            return Made(offline(material))
        summary = sheet.read(completion.result)
        if summary is None:
            log.info("summary_offline", conversation=behalf.conversation, code="unsupported")
            return Made(offline(material))
        return Made(summary, completion.model, PROMPT.id)


class _Sheet:
    """The numbered lines that a model reads, and the way back from what it says of them."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._staff: dict[str, str] = {}
        """staff:<id> -> "staff 1"."""
        former = material.former or Summary("")
        records = [Numbered("record", "record", _told(one)) for one in recorded(material.requests, material.handoffs)]
        earlier = [Numbered("earlier", "earlier", text) for text in (former.asked, former.last, *former.facts, *former.open) if text]
        earlier += [
            Numbered("earlier", one.by, self._without_names(_told(one)), one.at)
            for one in former.tried
            if one.by == ASSISTANT or (one.by.startswith(STAFF) and one.outcome not in ("resolved", "returned"))
        ]
        spoken = [self._line(event) for event in material.lines if event.text.strip()]
        room = CONTENT_CHARS - sum(len(one.text) for one in (*earlier, *records))
        kept: list[Numbered] = []
        for one in reversed(spoken):
            room -= len(one.text)
            if room < 0 and kept:
                break
            kept.insert(0, one)
        self._numbered = dict(enumerate((*earlier, *records, *kept), 1))

    def content(self) -> str:
        """JSON, a line each: no words can look like another line."""
        rows = []
        for n, one in self._numbered.items():
            row: dict[str, Any] = {"n": n, "from": one.source}
            if one.source == "earlier" and one.by != "earlier":
                row["by"] = self._alias(one.by)
            rows.append(json.dumps({**row, "text": one.text}, ensure_ascii=False))
        return "\n".join(("The records, data all of them:", *rows))

    def read(self, result: Mapping[str, Any]) -> Summary | None:
        """What stands in the lines of what the model said; None when that is too little."""
        asked = self._without_names(result["asked"]["text"])
        resting = cited(result["asked"]["lines"], self._numbered)
        if not {one.source for one in resting} & {"employee", "earlier"} or not supported(asked, resting):
            return None
        if not agrees(asked, resting):
            asked = offline(self._material).asked
        tried = [one for one in map(self._attempt, result["tried"]) if one is not None]
        speakers = {one.by for one in tried}
        # What it has nothing to say of is told as it was said.
        missed = [one for one in spoken(self._material.lines) if one.by not in speakers]
        former = self._material.former.tried if self._material.former is not None else ()
        carried = [one for one in former if one.by not in speakers and one.by != ASSISTANT]
        known = recorded(self._material.requests, self._material.handoffs)
        facts, still = self._items(result["facts"]), self._items(result["open"])
        return bounded(Summary(asked=asked, facts=facts, tried=(*carried, *tried, *missed, *known), open=still))

    def _items(self, given: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
        texts = ((self._without_names(item["text"]), cited(item["lines"], self._numbered)) for item in given)
        return tuple(text for text, lines in texts if supported(text, lines) and agrees(text, lines))

    def _attempt(self, given: Mapping[str, Any]) -> Attempt | None:
        lines = cited(given["lines"], self._numbered)
        what = self._without_names(given["what"])
        by = next((one.by for one in lines if one.by.startswith((ASSISTANT, STAFF)) and self._alias(one.by) == given["by"]), None)
        own = [one for one in lines if one.by == by]
        if by is None or not supported(what, own) or not agrees(what, own):
            return None
        outcome = _OUTCOMES[given["outcome"]]
        if by == ASSISTANT and outcome == "said_done":
            outcome = "told"  # what it has done, records say
        return Attempt(what, by, outcome, at=max(one.at for one in lines if one.at is not None))

    def _line(self, event: TranscriptEvent) -> Numbered:
        match event.speaker:
            case "person":
                source, by = "employee", "employee"
            case "staff":
                by = f"{STAFF}{event.person_id or ''}"
                source = self._alias(by)
            case _:
                source, by = ASSISTANT, ASSISTANT
        text = plain(event.text) if by == ASSISTANT else event.text
        return Numbered(source, by, short(self._without_names(without_secrets(text)), LINE_CHARS), event.at)

    def _alias(self, by: str) -> str:
        return self._staff.setdefault(by, f"staff {len(self._staff) + 1}") if by.startswith(STAFF) else by

    def _without_names(self, text: str) -> str:
        return without_names(text, self._material.names, self._material.employee)


def recorded(requests: Iterable[tuple[Request, Sequence[RequestEvent]]], handoffs: Iterable[Handoff]) -> tuple[Attempt, ...]:
    """What specialists did, and how staff ended what they had."""
    tried = [one for request, events in requests for event in events if (one := _by_specialist(request, event)) is not None]
    for handoff in handoffs:
        if handoff.sensitive is None and handoff.resolution and handoff.claimed_by is not None:
            outcome: Outcome = "resolved" if handoff.state is HandoffState.RESOLVED else "returned"
            tried.append(Attempt(handoff.resolution, f"{STAFF}{handoff.claimed_by}", outcome, at=handoff.updated_at))
    return tuple(tried)


def spoken(lines: Iterable[TranscriptEvent]) -> tuple[Attempt, ...]:
    """Which questions the bot answered from articles, and what staff said, in their words."""
    tried, question = [], ""
    for event in lines:
        if event.speaker == "person" and event.text.strip():
            question = event.text
        elif event.speaker == "staff" and event.text.strip():
            tried.append(Attempt(short(event.text, QUOTED_CHARS), f"{STAFF}{event.person_id or ''}", "told", at=event.at))
        elif event.speaker == "bot" and event.reply_kind == ReplyKind.ANSWER.value and event.text.strip():
            tried.append(Attempt(short(question or plain(event.text), QUOTED_CHARS), ASSISTANT, "answered", at=event.at))
    return tuple(tried)


def _by_specialist(request: Request, event: RequestEvent) -> Attempt | None:
    by, data = f"{SPECIALIST}{request.specialist}", event.data
    match event.kind:
        case EventKind.STEP_DONE:
            return Attempt(data["action"], by, "done", at=event.at)
        case EventKind.GRANT_STUCK:
            return Attempt(data["action"], by, "failed", data["code"], event.at)
        case EventKind.STEP_FAILED:
            return Attempt(data["action"], by, "perhaps" if data.get("perhaps") else "failed", data["code"], event.at)
        case EventKind.COMPENSATED:
            return Attempt(data["action"], by, "undone", at=event.at)
        case EventKind.LEFT_TO_STAFF:
            return Attempt(request.skill, by, "left", ", ".join(data["rules"]) or str(data.get("reason", "")), event.at)
        case EventKind.FAILED if data.get("n") is None:  # before any step
            return Attempt(request.skill, by, "failed", str(data.get("code", "")), event.at)
        case _:
            return None


def _told(one: Attempt) -> str:
    return short(f"{one.what}: {one.outcome}", ITEM_CHARS)


def _unanswered(lines: Sequence[TranscriptEvent]) -> tuple[str, ...]:
    """The bot's last question, if nobody has said anything since."""
    last = next((event for event in reversed(lines) if event.text.strip()), None)
    return (plain(last.text),) if last is not None and last.reply_kind == ReplyKind.QUESTION.value else ()
