"""What staff read when they pick up: who, what was tried, how sure the bot was, and all that was said. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.buttons import Buttons, Verb
from bot.conversation.model import TranscriptEvent
from bot.conversation.summary import ASSISTANT, STAFF, Attempt, Summary
from bot.conversation.summary_store import Kept
from bot.handoff.model import Handoff, HandoffState
from bot.handoff.summarising import Material, heard, offline, plain
from bot.words import Words
from connectors.chat.markdown import literal
from connectors.ports.chat import Action, Address, Attachment, Field, Reply, ReplyKind
from connectors.ports.people import Person
from specialists.request import Request, RequestEvent

LINES = 40
"""Lines of transcript on the card; the thread has the rest."""


@dataclass(frozen=True, slots=True)
class Packet:
    """All that the bot knows about a handoff. `request`: the one it came from, if any, with its events."""

    handoff: Handoff
    person: Person
    transcript: Sequence[TranscriptEvent]
    names: Mapping[str, str] = field(default_factory=dict)
    """Of people, by id, and of specialists, by what a summary calls them."""
    request: Request | None = None
    events: Sequence[RequestEvent] = ()
    earlier: Sequence[Request] = ()
    """What else was asked for in this conversation, newest first."""
    earlier_events: Mapping[str, Sequence[RequestEvent]] = field(default_factory=dict)
    """Of these, by the request's id."""
    closed: Sequence[Handoff] = ()
    """What staff had of this conversation before."""
    notes: Sequence[tuple[str, str]] = ()
    """(person id, text) of what staff noted, oldest first."""
    claimant: Person | None = None
    files: Sequence[Attachment] = ()
    """What the employee has sent in this conversation."""
    unheard: Address | None = None
    """The room of its group, if nothing is heard there but what is said to the bot."""
    summary: Summary | None = None
    assisted: bool = False
    """A language model had a part in the summary."""


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
    if not private:
        fields.extend(_in_short(packet, words))
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


def summarised(packet: Packet, kept: Kept | None = None) -> Packet:
    """With the summary of what was said; `kept`: what a model made of it up to some line."""
    lines = heard(readable(packet))
    former = kept.summary if kept is not None else None
    if kept is not None and former is not None:
        lines = [event for event in lines if event.seq is None or event.seq > kept.upto]
    requests = [(request, packet.earlier_events.get(request.id, ())) for request in packet.earlier]
    if packet.request is not None:
        requests.append((packet.request, packet.events))
    made = offline(Material(lines, requests, packet.closed, former))
    return replace(packet, summary=made, assisted=former is not None)


def summary(packet: Packet, words: Words) -> str:
    """In the employee's own words, the first thing they asked and, where it differs, the last; or in a model's, which is told."""
    made = packet.summary if packet.summary is not None else summarised(packet).summary
    if made is None or not made.asked:
        return words("desk.summary.nothing")
    first, last = _short(made.asked), _short(made.last)
    if packet.assisted:
        told = (words("desk.summary.assisted", asked=literal(made.asked)), words("desk.summary.last", last=last) if last else "")
        return " ".join(filter(None, told))
    return words("desk.summary.two", first=first, last=last) if last else words("desk.summary.one", first=first)


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


def _about_request(packet: Packet, words: Words) -> list[Field]:
    request = packet.request
    assert request is not None
    fields = [
        Field(words("desk.field.request"), _named(request, words)),
        Field(words("desk.field.request_confidence"), f"{request.confidence:.2f}"),
    ]
    if request.slots:
        fields.append(Field(words("desk.field.slots"), "; ".join(f"{name}: {slot.label}" for name, slot in request.slots.items())))
    return fields


def _named(request: Request, words: Words) -> str:
    return words("desk.request", case=request.case, title=words.of_skill(request, "title"), state=words(f"state.{request.state.value}"))


def _in_short(packet: Packet, words: Words) -> list[Field]:
    """What was tried, by whom and with what outcome, and what is still open."""
    made = packet.summary
    if made is None:
        return []
    tried, still = "\n".join(_attempt(one, packet, words) for one in made.tried), "; ".join(made.open)
    named = ((words("desk.field.attempts"), tried), (words("desk.field.open"), still))
    return [Field(label, value) for label, value in named if value]


def _attempt(one: Attempt, packet: Packet, words: Words) -> str:
    who = words("desk.bot") if one.by == ASSISTANT else packet.names.get(one.by.removeprefix(STAFF), words("desk.staff"))
    key = f"attempt.{one.outcome}" if one.code or one.outcome not in ("failed", "perhaps", "left") else f"attempt.{one.outcome}.silent"
    return words("attempt", who=who, what=words(key, action=one.what.replace("_", " "), code=one.code))


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
