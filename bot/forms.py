"""Forms made of a skill's slots, for channels that can open one: a request in one go instead of question by question.

What is sent is read by the same extractors as words. What they cannot read, or the catalogue does not have, is asked
again in words; nothing is guessed.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID, uuid5

from bot.buttons import Buttons, Verb
from bot.changes import Post
from bot.dialogue import Dialogue
from bot.intent.model import Fulfil
from bot.intent.slots import SlotContext, day_label, device_label, extract
from bot.talk import Talk
from bot.words import Words
from connectors.ports.chat import Action, Form, FormField, Reply, ReplyKind
from connectors.ports.records import Json, new_id
from specialists.request import COMPOSED, Request, SlotValue
from specialists.skill import SkillSpec, SlotSpec

MOST_CHOICES = 100
"""What is chosen from more than so many is typed."""
LONGEST = 3000
"""Characters that stand in a field already."""
_SKILLS = UUID("6f0d1f0e-6d0c-5c55-9b40-2f4d7c1e8a11")

Topic = Callable[[Talk, str], Awaitable[str | None]]
"""The sensitive topic of what was said, None if there is none."""


def skill_id(name: str) -> str:
    """What a button names a skill by."""
    return str(uuid5(_SKILLS, name))


@dataclass(frozen=True, slots=True)
class Filled:
    """What a sent form says. `emptied`: slots whose words were taken out; `unread`: slots whose words cannot be taken, each with
    the message that says why."""

    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    emptied: frozenset[str] = frozenset()
    unread: Mapping[str, str] = field(default_factory=dict)
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def fields_of(spec: SkillSpec, known: Mapping[str, SlotValue], context: SlotContext, words: Words) -> tuple[FormField, ...]:
    """A field for every slot, with what is known filled in."""
    return tuple(_field(spec, slot, known, context, words) for slot in spec.slots)


def read(spec: SkillSpec, values: Mapping[str, str], known: Mapping[str, SlotValue], context: SlotContext) -> Filled:
    """The slots that a form's values fill. Values of other names are passed over."""
    slots: dict[str, SlotValue] = {}
    emptied: set[str] = set()
    unread: dict[str, str] = {}
    candidates: dict[str, tuple[str, ...]] = {}
    for slot in spec.slots:
        if slot.name not in values:
            continue
        said = values[slot.name].strip()
        if not said:
            emptied.add(slot.name)
            continue
        before = {name: one.value for name, one in {**known, **slots}.items() if name not in emptied and name not in unread}
        value, narrowed = _value(spec, slot, said, before, context)
        if value is not None:
            slots[slot.name] = value
        else:
            unread[slot.name] = "ask.again.backwards" if _backwards(slot, said, before) else f"ask.again.{slot.type}"
            if narrowed:
                candidates[slot.name] = narrowed
    return Filled(slots, frozenset(emptied), unread, candidates)


def labelled(spec: SkillSpec, values: Mapping[str, str], context: SlotContext, words: Words) -> str:
    """A form's values as somebody would say them, for whoever reads the conversation."""
    said = []
    for shown in fields_of(spec, {}, context, words):
        value = values.get(shown.name, "").strip()
        if value:
            said.append(words("form.value", field=shown.label, value=dict(_choices(spec, shown.name, context)).get(value, value)))
    return "; ".join(said)


@dataclass(frozen=True, slots=True)
class Forms:
    dialogue: Dialogue
    buttons: Buttons
    topic: Topic

    async def wanted(self, talk: Talk, request: Request, surface: str | None) -> None:
        """Shows the form of a request that is being put together; where none can be shown, asks the next question."""
        if request.state not in COMPOSED:
            key = "request.ended_already" if request.ended else "request.not_changeable"
            show(talk, surface, Reply(new_id(), ReplyKind.NOTICE, talk.words(key, case=request.case)))
        elif surface is None:
            await self.dialogue.advance(talk, request)
        else:
            submit = Action(self.buttons.id(Verb.SEND_FORM, request.id), talk.words("button.send"), "primary")
            await self._show(talk, surface, self.dialogue.skills[request.skill].spec, request.slots, submit)

    async def sent(self, talk: Talk, request: Request, values: Mapping[str, str]) -> None:
        """Fills what can be read and goes on as if it had been said."""
        spec = self.dialogue.skills[request.skill].spec
        context = await self.dialogue.surroundings.around(talk.person, *values.values())
        if not await self._heard(talk, spec, values, context, request):
            return
        filled = read(spec, values, request.slots, context)
        gone = {*filled.emptied, *filled.unread}
        kept = replace(request, slots={name: one for name, one in request.slots.items() if name not in gone})
        await self.dialogue.fill(talk, kept, filled.slots, candidates=filled.candidates, unread=filled.unread)

    async def start(self, talk: Talk, subject: str, values: Mapping[str, str], surface: str | None) -> None:
        """A skill begun by a button. On a surface its form comes first and nothing is kept until that is sent; what is not
        allowed is refused before anybody fills it in."""
        spec = next((one for name, one in self.dialogue.offered.items() if skill_id(name) == subject), None)
        if spec is None:
            show(talk, surface, Reply(new_id(), ReplyKind.NOTICE, talk.words("press.unknown")))
            return
        title = talk.words(f"skill.{spec.name}.title")
        talk.began = title
        if values:
            context = await self.dialogue.surroundings.around(talk.person, *values.values())
            if await self._heard(talk, spec, values, context, None):
                filled = read(spec, values, {}, context)
                wish = Fulfil(spec.name, filled.slots, 1.0, title, candidates=filled.candidates)
                await self.dialogue.open(talk, wish, unread=filled.unread)
        elif surface is not None and spec.slots and self.dialogue.allowed(talk.person, spec):
            submit = Action(self.buttons.id(Verb.START, subject), talk.words("button.send"), "primary")
            await self._show(talk, surface, spec, {}, submit)
        else:
            talk.hear(title)
            await self.dialogue.open(talk, Fulfil(spec.name, {}, 1.0, title))
            if surface is not None:
                show(talk, surface, Reply(new_id(), ReplyKind.NOTICE, talk.words("form.elsewhere")))

    async def _show(self, talk: Talk, surface: str, spec: SkillSpec, known: Mapping[str, SlotValue], submit: Action) -> None:
        help_ = f"skill.{spec.name}.help"
        form = Form(
            title=talk.words(f"skill.{spec.name}.title"),
            submit=submit,
            fields=fields_of(spec, known, await self.dialogue.surroundings.around(talk.person), talk.words),
            text=talk.words(help_) if talk.words.messages.has(help_) else "",
        )
        show(talk, surface, Reply(new_id(), ReplyKind.FORM, form.title, form=form))

    async def _heard(self, talk: Talk, spec: SkillSpec, values: Mapping[str, str], context: SlotContext, request: Request | None) -> bool:
        """Into the memory, as words are. False when they are about something sensitive: then people have it, and nothing is filled."""
        talk.hear(labelled(spec, values, context, talk.words))
        free = [values[slot.name] for slot in spec.slots if slot.type == "text" and values.get(slot.name, "").strip()]
        topic = await self.topic(talk, "\n".join(free)) if free else None
        if topic is not None:
            await self.dialogue.desk.open(talk, "sensitive", request=request, sensitive=topic)
        return topic is None


def show(talk: Talk, surface: str | None, reply: Reply) -> None:
    """On the surface that was opened for it, which is no part of the conversation; without one, in the conversation."""
    if surface is None:
        talk.post(reply)
    else:
        address = replace(talk.alone or talk.conversation.address, thread=None)
        talk.changes.posts.append(Post(address, replace(reply, surface=surface), None, talk.person.id))


# -- fields --------------------------------------------------------------------------------------------------------


def _field(spec: SkillSpec, slot: SlotSpec, known: Mapping[str, SlotValue], context: SlotContext, words: Words) -> FormField:
    label = f"skill.{spec.name}.label.{slot.name}"
    hint = f"form.hint.{slot.type}"
    there = known.get(slot.name)
    of = known.get(slot.of or "")
    choices = _choices(spec, slot.name, context, application=str(of.value) if of is not None else "")
    shown = FormField(
        slot.name,
        words(label) if words.messages.has(label) else slot.name,
        required=slot.required,
        hint=words(hint) if words.messages.has(hint) else "",
    )
    if choices:
        value = str(there.value) if there is not None else ""
        return replace(shown, kind="choice", choices=choices, value=value if value in dict(choices) else "", hint="")
    match slot.type:
        case "date":
            return replace(shown, kind="date", value=str(there.value) if there is not None else "")
        case "number":
            return replace(shown, kind="number", value=str(there.value) if there is not None else "")
        case "text":
            return replace(shown, kind="long_text", value=there.label[:LONGEST] if there is not None else "")
        case _:
            return replace(shown, value=there.label if there is not None else "")


def _choices(spec: SkillSpec, name: str, context: SlotContext, application: str = "") -> tuple[tuple[str, str], ...]:
    """(value, label) of all that a slot may be; () when that is too much, or is not known yet."""
    slot = next(one for one in spec.slots if one.name == name)
    choices: tuple[tuple[str, str], ...]
    match slot.type:
        case "application":
            choices = tuple((app.key, app.name) for app in context.catalogue.applications)
        case "hardware":
            choices = tuple((item.key, item.name) for item in context.catalogue.items)
        case "device":
            choices = tuple((device.tag, device_label(device)) for device in context.devices)
        case "role":
            choices = tuple((role, role) for role in context.catalogue.roles_of(application))
        case "choice":
            choices = tuple((choice, choice) for choice in slot.choices)
        case _:
            choices = ()
    return choices if len(choices) <= MOST_CHOICES else ()


# -- values --------------------------------------------------------------------------------------------------------


def _value(
    spec: SkillSpec, slot: SlotSpec, said: str, known: Mapping[str, Json], context: SlotContext
) -> tuple[SlotValue | None, tuple[str, ...]]:
    """The value, and what it may be where the words leave that open."""
    label = dict(_choices(spec, slot.name, context, application=str(known.get(slot.of or "", "")))).get(said)
    if label is not None:
        return SlotValue(said, label, "answer"), ()
    if slot.type == "date":
        return _day(slot, said, known), ()
    if slot.type == "number" and not said.isdecimal():
        return None, ()
    found = extract(spec, said, context, known=known, asked=slot.name)
    one = found.found.get(slot.name)
    if one is None or (slot.type == "role" and not _given(str(one.value), str(known.get(slot.of or "", "")), context)):
        return None, found.candidates.get(slot.name, ())
    return SlotValue(one.value, one.label, "answer"), ()


def _given(role: str, application: str, context: SlotContext) -> bool:
    """Whether the application has this role; while it is not known which one, any may be meant."""
    app = context.catalogue.application(application)
    return app is None or role in app.roles


def _day(slot: SlotSpec, said: str, known: Mapping[str, Json]) -> SlotValue | None:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return None
    return None if _backwards(slot, said, known) else SlotValue(day.isoformat(), day_label(day), "answer")


def _backwards(slot: SlotSpec, said: str, known: Mapping[str, Json]) -> bool:
    """Whether it is a day, but before the one that it has to follow."""
    first = known.get(slot.after or "")
    try:
        return isinstance(first, str) and date.fromisoformat(said) < date.fromisoformat(first)
    except ValueError:
        return False
