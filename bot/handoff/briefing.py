"""What staff read when they pick up: who, what was tried, how sure the bot was, and all that was said. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.buttons import Buttons, Verb
from bot.conversation.model import TranscriptEvent
from bot.handoff.model import Handoff, HandoffState
from bot.words import Words
from connectors.ports.chat import Action, Address, Attachment, Field, Reply, ReplyKind
from connectors.ports.people import Person
from specialists.request import EventKind, Request, RequestEvent

LINES = 40
"""Lines of transcript on the card; the thread has the rest."""


@dataclass(frozen=True, slots=True)
class Packet:
    """All that the bot knows about a handoff. `request`: the one it came from, if any, with its events."""

    handoff: Handoff
    person: Person
    transcript: Sequence[TranscriptEvent]
    names: Mapping[str, str]
    request: Request | None = None
    events: Sequence[RequestEvent] = ()
    earlier: Sequence[Request] = ()
    """What else was asked for in this conversation, newest first."""
    notes: Sequence[tuple[str, str]] = ()
    """(person id, text) of what staff noted, oldest first."""
    claimant: Person | None = None
    files: Sequence[Attachment] = ()
    """What the employee has sent in this conversation."""
    unheard: Address | None = None
    """The room of its group, if nothing is heard there but what is said to the bot."""


def desk_card(
    packet: Packet, words: Words, buttons: Buttons, reply_id: str, *, alone: bool = False, heard: bool = True, forms: bool = False
) -> Reply:
    """The handoff as staff see it. A sensitive one shows its group nothing of what was said.

    `alone`: for the claimant's own eyes, with all that was said and the buttons to answer; `heard`: whether what staff write where it
    stands is heard; `forms`: whether a form can be opened there.
    """
    handoff = packet.handoff
    private = handoff.sensitive is not None and not alone
    who = packet.person
    claimant = packet.names.get(handoff.claimed_by or "", "")
    state = words(f"desk.state.{handoff.state.value}", by=claimant, at=handoff.updated_at)
    fields = [
        Field(words("desk.field.who"), f"{who.name}, {who.title}" if who.title else who.name),
        Field(
            words("desk.field.where"),
            ", ".join(filter(None, (who.attributes.get("department"), who.attributes.get("country"), who.timezone))),
        ),
        Field(words("desk.field.why"), words(f"handoff.reason.{handoff.reason}")),
    ]
    if handoff.sensitive is not None:
        fields.append(Field(words("desk.field.topic"), words(f"sensitive.{handoff.sensitive}")))
    if handoff.confidence is not None:
        fields.append(Field(words("desk.field.confidence"), f"{handoff.confidence:.2f}"))
    if packet.request is not None and not private:
        fields.extend(_about_request(packet, words))
    if packet.earlier and not private:
        fields.append(Field(words("desk.field.earlier"), "; ".join(_named(request, words) for request in packet.earlier)))
    if packet.notes and not private:
        somebody = words("desk.staff")
        noted = "; ".join(f"{packet.names.get(by, somebody)}: {_short(text)}" for by, text in packet.notes)
        fields.append(Field(words("desk.field.notes"), noted))
    if packet.files and not private:
        fields.append(Field(words("desk.field.files"), "; ".join(file.name for file in packet.files)))
    if handoff.resolution and not private:
        fields.append(Field(words("desk.field.resolution"), handoff.resolution))
    text = words("desk.text.private" if private else "desk.text", case=handoff.case, state=state, summary=summary(packet, words))
    if handoff.open and not heard and not private:
        text = "\n\n".join((text, words("desk.unheard_room")))
    return Reply(
        id=reply_id,
        kind=ReplyKind.HANDOFF,
        text=text,
        actions=_actions(handoff, words, buttons, private=private, forms=forms),
        fields=tuple(fields),
        transcript=() if private else lines(packet, words),
        files=() if private else tuple(packet.files),
    )


def moved_card(handoff: Handoff, to: str, words: Words, reply_id: str) -> Reply:
    """What is left where a handoff was: nothing of it but where it went."""
    key = "desk.moved.private" if handoff.sensitive is not None else "desk.moved"
    return Reply(id=reply_id, kind=ReplyKind.HANDOFF, text=words(key, case=handoff.case, to=to))


def readable(packet: Packet) -> list[TranscriptEvent]:
    """What was said, without another handoff's private matter."""
    return [event for event in packet.transcript if event.private_to in (None, packet.handoff.id)]


def summary(packet: Packet, words: Words) -> str:
    """In the employee's own words: the first thing they asked and, where it differs, the last."""
    said = [event.text.strip() for event in readable(packet) if event.speaker == "person" and event.text.strip()]
    if not said:
        return words("desk.summary.nothing")
    first, last = _short(said[0]), _short(said[-1])
    return words("desk.summary.one", first=first) if first == last else words("desk.summary.two", first=first, last=last)


def lines(packet: Packet, words: Words) -> tuple[str, ...]:
    """The transcript, a line an utterance, each with who said it."""
    shown = [event for event in readable(packet) if event.speaker != "note"][-LINES:]
    return tuple(_line(event, packet, words) for event in shown if event.text.strip())


def _line(event: TranscriptEvent, packet: Packet, words: Words) -> str:
    """What others said in the thread before the bot was called names them itself."""
    text = _short(event.text, 600)
    match event.speaker:
        case "other":
            return words("desk.line.other", at=event.at, text=text)
        case "bot":
            who, text = words("desk.bot"), plain(text)
        case "person":
            who = packet.person.name
        case _:
            who = packet.names.get(event.person_id or "", words("desk.staff"))
    return words("desk.line", at=event.at, who=who, text=text)


def plain(text: str) -> str:
    """What the bot said, without the marks of its Markdown: a line of a transcript is shown as it is."""
    text = re.sub(r"\[([^\]]*)\]\([^)\s]*\)", r"\1", text)
    return re.sub(r"\*\*|~~|`", "", text)


def _about_request(packet: Packet, words: Words) -> list[Field]:
    request = packet.request
    assert request is not None
    fields = [
        Field(words("desk.field.request"), _named(request, words)),
        Field(words("desk.field.request_confidence"), f"{request.confidence:.2f}"),
    ]
    if request.slots:
        fields.append(Field(words("desk.field.slots"), "; ".join(f"{name}: {slot.label}" for name, slot in request.slots.items())))
    attempts = [_attempt(event, words) for event in packet.events]
    if any(attempts):
        fields.append(Field(words("desk.field.attempts"), "; ".join(filter(None, attempts))))
    return fields


def _named(request: Request, words: Words) -> str:
    return words("desk.request", case=request.case, title=words.of_skill(request, "title"), state=words(f"state.{request.state.value}"))


def _attempt(event: RequestEvent, words: Words) -> str:
    match event.kind:
        case EventKind.STEP_DONE:
            return words("attempt.done", action=event.data["action"])
        case EventKind.STEP_FAILED:
            key = "attempt.perhaps" if event.data.get("perhaps") else "attempt.failed"
            return words(key, action=event.data["action"], code=event.data["code"])
        case EventKind.COMPENSATED:
            return words("attempt.undone", action=event.data["action"])
        case EventKind.LEFT_TO_STAFF:
            rules = ", ".join(event.data["rules"])
            return words("attempt.left", rules=rules) if rules else words("attempt.left.silent")
        case _:
            return ""


def _actions(handoff: Handoff, words: Words, buttons: Buttons, *, private: bool, forms: bool) -> tuple[Action, ...]:
    def button(verb: Verb, name: str, needs: str = "no", style: str = "plain") -> Action:
        prompt = words(f"prompt.{name}") if needs != "no" else ""
        return Action(buttons.id(verb, handoff.id), words(f"button.{name}"), style, needs, prompt)  # type: ignore[arg-type]

    note = button(Verb.NOTE, "note", "required")
    assign = button(Verb.ASSIGN, "assign", "required")
    # Of a private matter nothing is ever learned.
    teach = () if handoff.sensitive is not None else (_teach(handoff, words, buttons, forms=forms),)
    match handoff.state:
        case HandoffState.REQUESTED:
            claim = button(Verb.CLAIM, "claim", style="primary")
            return (claim, assign) if private else (claim, note, assign, *teach)
        case HandoffState.CLAIMED if private:
            return ()
        case HandoffState.CLAIMED:
            return (
                button(Verb.REPLY, "reply", "required", "primary"),
                note,
                assign,
                button(Verb.RESOLVE, "resolve", "required"),
                button(Verb.RETURN, "return", "optional"),
                *teach,
            )
        case _:
            return ()


def _teach(handoff: Handoff, words: Words, buttons: Buttons, *, forms: bool) -> Action:
    action_id, label = buttons.id(Verb.TEACH, handoff.id), words("button.teach")
    return (
        Action(action_id, label, opens_form=True)
        if forms
        else Action(action_id, label, needs_text="required", prompt=words("prompt.teach"))
    )


def _short(text: str, limit: int = 240) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
