"""A `Form` as an Adaptive Card: in a message, and in the dialog that Teams opens for it. Pure and total."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.chat.text import clean, cut
from connectors.chat.wording import Wording, put
from connectors.ports.chat import Form, FormField, Reply
from connectors.teams import limits
from connectors.teams.buttons import ACTION, VALUE, sends
from connectors.teams.cards import HEADER, Card, card_of, shell, summary_of
from connectors.teams.limits import Json, line, size
from connectors.teams.rich import block, heading, run, said, text_blocks

TEXT = 4_000
FIELD = 9_000
"""Bytes of one field; a choice among so many that they take more is typed."""
NAME = 200
ROOM = limits.CARD - HEADER - 2_000


def form_card(reply: Reply, wording: Wording) -> Card:
    """For a dialog; what is sent from it comes back as `task/submit`. What the reply says where it has no form, as for a refusal.

    The dialog was opened with the words on the button above it, so the form's own title stands in the card.
    """
    form = reply.form
    if form is None:
        card: Card = _submitting(card_of(reply, wording))
        return card
    title = line(form.submit.label, limits.BUTTON, empty=wording.send)
    send = {"type": "Action.Submit", "title": title, "style": "positive", "data": {ACTION: clean(form.submit.id)}}
    return _card(reply, _body(form, wording), send, wording)


def form_message(reply: Reply, wording: Wording) -> Card:
    """For a message; it is sent as a press. Its one button is the form's: any other would want the form filled in, too."""
    form = reply.form
    if form is None:
        return card_of(reply, wording)
    send = sends(form.submit, line(form.submit.label, limits.BUTTON, empty=wording.send))
    return _card(reply, _body(form, wording), send, wording)


def _submitting(node: Any) -> Any:
    """The same for a dialog, which knows no Action.Execute."""
    if isinstance(node, list):
        return [_submitting(one) for one in node]
    if not isinstance(node, dict):
        return node
    return node["fallback"] if node.get("type") == "Action.Execute" else {name: _submitting(one) for name, one in node.items()}


def _card(reply: Reply, body: Sequence[Json], send: Json, wording: Wording) -> Card:
    usable = size(send) <= limits.ACTION_ID * 4 and send["data"][ACTION]
    shown = body if usable else [one for one in body if not one["type"].startswith("Input.")]
    sending: list[Json] = [{"type": "ActionSet", "actions": [send]}] if usable else []
    return shell([*shown, *sending], summary_of(reply, wording))


def _body(form: Form, wording: Wording) -> list[Json]:
    title = [heading(form.title, "Large")] if form.title.strip() else []
    body = [*title, *text_blocks(form.text, TEXT, wording)]
    names: set[str] = set()
    for n, field in enumerate(form.fields):
        made = [] if field.name in names else _field(field, wording)
        if size([*body, *made]) > ROOM:
            return [*body, said(put(wording.more, count=len(form.fields) - n), limits.LABEL)]
        body += made
        names.add(field.name)
    return body


def _field(field: FormField, wording: Wording) -> list[Json]:
    hint = field.hint
    element = _element(field, wording)
    if field.kind == "choice" and element["type"] == "Input.Text" and field.choices:
        hint = f"{put(wording.too_many, count=len(field.choices))} {hint}".strip()
    made = element | {"id": VALUE + cut(clean(field.name), NAME), "label": line(field.label or field.name, limits.LABEL)}
    if field.required:
        made |= {"isRequired": True, "errorMessage": wording.required}
    below = [block([run(line(hint, limits.LABEL), isSubtle=True, size="Small")], spacing="None")] if hint.strip() else []
    return [made, *below]


def _element(field: FormField, wording: Wording) -> Json:
    value = clean(field.value).strip()
    match field.kind:
        case "date":
            return {"type": "Input.Date"} | ({"value": value} if _is_date(value) else {})
        case "number":
            return {"type": "Input.Number"} | ({"value": _number(value)} if _is_number(value) else {})
        case "choice" if field.choices:
            made = _choice(field, wording)
            if size(made) <= FIELD:
                return made
    typed: Json = {"type": "Input.Text", "isMultiline": field.kind == "long_text", "maxLength": limits.INPUT}
    return typed | ({"value": cut(value, limits.INPUT)} if value else {})


def _choice(field: FormField, wording: Wording) -> Json:
    choices = {clean(value): line(label or value, limits.TITLE) for value, label in field.choices if clean(value)}
    listed = [{"title": label, "value": value} for value, label in choices.items()]
    made: Json = {"type": "Input.ChoiceSet", "style": "compact", "placeholder": wording.choose, "choices": listed}
    initial = clean(field.value)
    return made | ({"value": initial} if initial in choices else {})


def _is_date(value: str) -> bool:
    with suppress(ValueError):
        return date.fromisoformat(value).isoformat() == value
    return False


def _is_number(value: str) -> bool:
    with suppress(InvalidOperation):
        return value.isascii() and Decimal(value).is_finite() and len(value) <= 15 and "e" not in value.lower() and "_" not in value
    return False


def _number(value: str) -> int | float:
    number = Decimal(value)
    return int(number) if number == number.to_integral_value() else float(number)
