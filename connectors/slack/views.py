"""Modals and the home page, as views.open, views.update and views.publish take them; and a sent modal read back. Pure and total.

Views take no `markdown` block, so Markdown is shown as rich text there.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.chat.markdown import words
from connectors.chat.text import clean, cut, units, unmentioned
from connectors.chat.wording import Wording, put
from connectors.ports.chat import Action, Address, FormField, Reply
from connectors.slack import limits
from connectors.slack.buttons import ButtonValue, button_rows
from connectors.slack.limits import plain
from connectors.slack.rich import rich_text

View = dict[str, Any]
Block = dict[str, Any]
FORM_SEND = "form_send"
TEXT_SEND = "text_send"
"""The `callback_id` of a form, and of a view that asks for words."""
NOTICE = "notice"
LOADING = "loading"
VALUE = "value"
TEXT_BLOCK = "text"
ITEM = 1_500
BODY = 6_000
FIELDS = 90
FIELD_NAME = 200
CHOICES = 1_000
"""More is typed: nobody scrolls through them, and Slack takes a view of 250 kB at most."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A sent modal: which action, the words or the values by field name, and where it was opened from ("" and None: nowhere)."""

    action: str
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    channel: str = ""
    thread: str | None = None


def loading_view(title: str, wording: Wording) -> View:
    """Opened at once, since a trigger lives for three seconds."""
    return _modal(title, [_said(wording.loading)], wording, LOADING)


def form_view(reply: Reply, wording: Wording, where: Address | None = None) -> View:
    """The form of a reply; only its text where it has none, as for a refusal."""
    form = reply.form
    if form is None:
        return _modal(reply.request.case if reply.request is not None else "", _text(reply.text, BODY), wording, NOTICE)
    blocks = [*_long_title(form.title), *(_text(form.text, ITEM) if form.text.strip() else [])]
    room = FIELDS - len(blocks)
    blocks += [_input(n, one, wording) for n, one in enumerate(form.fields[:room])]
    if len(form.fields) > room:
        blocks.append(_said(put(wording.more, count=len(form.fields) - room)))
    view = _modal(form.title, blocks or [_said(form.title)], wording, FORM_SEND)
    return _sending(view, form.submit.label, wording, form.submit.id, where)


def text_view(pressed: ButtonValue, wording: Wording, where: Address | None = None) -> View:
    """Asks for the words that an action wants."""
    optional = pressed.needs_text != "required"
    element = {"type": "plain_text_input", "action_id": VALUE, "multiline": True, "max_length": limits.INPUT, "focus_on_load": True}
    label = plain(pressed.prompt or pressed.label, limits.LABEL)
    asked: Block = {"type": "input", "block_id": TEXT_BLOCK, "label": label, "element": element, "optional": optional}
    return _sending(_modal(pressed.label, [asked], wording, TEXT_SEND), pressed.label, wording, pressed.action, where)


def home_view(reply: Reply, wording: Wording) -> View:
    """The page of one person: the text, the sections, and in words how much there was no room for."""
    blocks: list[Block] = _text(reply.text, BODY) if reply.text.strip() else []
    buttons = _Buttons(wording)
    blocks += buttons.rows(reply.actions)
    left_out = 0
    for part in reply.sections:
        heading: list[Block] = [{"type": "divider"}] if blocks else []
        if part.title.strip():
            heading.append({"type": "header", "text": plain(part.title, limits.HEADER)})
        for item in (None, *part.items):
            made = heading if item is None else [*_text(item.text, ITEM), *buttons.rows(item.actions)]
            if left_out or len(blocks) + len(made) > limits.VIEW_BLOCKS - 3:
                left_out += item is not None
            else:
                blocks += made
        below = buttons.rows(part.actions)
        if not left_out and len(blocks) + len(below) <= limits.VIEW_BLOCKS - 1:
            blocks += below
        else:
            left_out += len(part.actions)
    if left_out:
        blocks.append({"type": "context", "elements": [plain(put(wording.more, count=left_out), limits.SECTION)]})
    return {"type": "home", "blocks": blocks or [_said(wording.loading)]}


def prompts(reply: Reply) -> tuple[str, list[dict[str, str]]]:
    """What assistant.threads.setSuggestedPrompts takes: a title, and at most four prompts."""
    shown = [{"title": plain(one.title, limits.BUTTON)["text"], "message": cut(unmentioned(clean(one.text)), 500)} for one in reply.prompts]
    return plain(words(reply.text), limits.HEADER)["text"], shown[: limits.PROMPTS]


def read_view(view: Mapping[str, Any]) -> Sent | None:
    """What was sent; None for a view that is none of ours or sends nothing."""
    try:
        kept = json.loads(view["private_metadata"])
        if view["callback_id"] not in (FORM_SEND, TEXT_SEND) or not isinstance(kept["a"], str):
            return None
        states = view["state"]["values"]
        found = {block: _chosen(elements[VALUE]) for block, elements in states.items() if VALUE in elements}
        thread = kept.get("t")
        where = str(kept.get("r", "")), str(thread) if thread else None
        if view["callback_id"] == TEXT_SEND:
            return Sent(kept["a"], found.get(TEXT_BLOCK, ""), {}, *where)
        return Sent(kept["a"], "", {block.partition(":")[2]: value for block, value in found.items()}, *where)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


class _Buttons:
    """Numbers the buttons of a whole view."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._next = 0

    def rows(self, actions: Sequence[Action]) -> list[Block]:
        made = button_rows(actions, self._wording, first=self._next)
        self._next += len(actions)
        return made


def _modal(title: str, blocks: Sequence[Block], wording: Wording, callback_id: str) -> View:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, limits.VIEW_TITLE, empty="Foyer"),
        "close": plain(wording.close, limits.VIEW_TITLE),
        "blocks": list(blocks),
    }


def _sending(view: View, label: str, wording: Wording, action: str, where: Address | None) -> View:
    """With a button that sends it; a view that could not say what it is for asks for nothing."""
    kept = {"a": clean(action)} | ({"r": where.room, "t": where.thread} if where is not None else {})
    metadata = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    if units(metadata) > limits.METADATA:
        blocks = [block for block in view["blocks"] if block["type"] != "input"]
        return view | {"callback_id": NOTICE, "blocks": blocks or [_said(label)]}
    sends = plain(label, limits.VIEW_TITLE, empty=cut(wording.send, limits.VIEW_TITLE))
    return view | {"submit": sends, "close": plain(wording.cancel, limits.VIEW_TITLE), "private_metadata": metadata}


def _long_title(title: str) -> list[Block]:
    return [{"type": "header", "text": plain(title, limits.HEADER)}] if units(clean(title)) > limits.VIEW_TITLE else []


def _text(markdown: str, limit: int) -> list[Block]:
    return [rich_text(markdown, limit) or _said(markdown)]


def _said(words: str) -> Block:
    return {"type": "section", "text": plain(words, limits.SECTION)}


def _input(number: int, one: FormField, wording: Wording) -> Block:
    hint = one.hint
    element = _element(one, wording)
    if one.kind == "choice" and element["type"] == "plain_text_input" and one.choices:
        hint = f"{put(wording.too_many, count=len(one.choices))} {hint}".strip()
    made: Block = {
        "type": "input",
        "block_id": f"{number}:{cut(clean(one.name), FIELD_NAME)}",
        "label": plain(one.label or one.name, limits.LABEL),
        "element": element | {"action_id": VALUE},
        "optional": not one.required,
    }
    return made | {"hint": plain(hint, limits.LABEL)} if hint.strip() else made


def _element(one: FormField, wording: Wording) -> dict[str, Any]:
    value = unmentioned(clean(one.value)).strip()
    match one.kind:
        case "date":
            return {"type": "datepicker"} | ({"initial_date": value} if _is_date(value) else {})
        case "number":
            return {"type": "number_input", "is_decimal_allowed": True} | ({"initial_value": value} if _is_number(value) else {})
        case "choice" if _choosable(one.choices):
            return _select(one, wording)
    typed: dict[str, Any] = {"type": "plain_text_input", "multiline": one.kind == "long_text", "max_length": limits.INPUT}
    return typed | ({"initial_value": cut(value, limits.INPUT)} if value else {})


def _choosable(choices: Sequence[tuple[str, str]]) -> bool:
    return 0 < len(choices) <= CHOICES and all(1 <= units(clean(value)) <= limits.OPTION_VALUE for value, _ in choices)


def _select(one: FormField, wording: Wording) -> dict[str, Any]:
    options = {clean(value): {"text": plain(label or value, limits.OPTION), "value": clean(value)} for value, label in one.choices}
    made: dict[str, Any] = {"type": "static_select", "placeholder": plain(wording.choose, limits.HEADER)}
    initial = options.get(clean(one.value))
    if initial is not None:
        made["initial_option"] = initial
    listed = list(options.values())
    if len(listed) <= limits.OPTIONS:
        return made | {"options": listed}
    groups = []
    for at in range(0, len(listed), limits.OPTIONS):
        some = listed[at : at + limits.OPTIONS]
        groups.append({"label": plain(f"{at + 1}–{at + len(some)}", limits.OPTION), "options": some})
    return made | {"option_groups": groups}


def _is_date(value: str) -> bool:
    with suppress(ValueError):
        return date.fromisoformat(value).isoformat() == value
    return False


def _is_number(value: str) -> bool:
    with suppress(InvalidOperation):
        return value.isascii() and Decimal(value).is_finite() and len(value) <= 20 and "e" not in value.lower() and "_" not in value
    return False


def _chosen(element: Mapping[str, Any]) -> str:
    """The value of any input element, "" when nothing was entered."""
    option = element.get("selected_option")
    if isinstance(option, Mapping):
        return str(option.get("value", ""))
    return str(element.get("value") or element.get("selected_date") or "")
