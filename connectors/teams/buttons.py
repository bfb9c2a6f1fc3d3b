"""Buttons: an `Action` as an element of an Adaptive Card, and what comes back when it is pressed.

A button carries the opaque id of its action and nothing that is a right; who pressed is checked by the bot. Words and second thoughts
are asked for inside the card (`Action.ShowCard`), so that no dialog has to be opened for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.chat.text import clean, units
from connectors.chat.wording import Wording, put
from connectors.ports.chat import Action, Press, Prompt
from connectors.teams import limits
from connectors.teams.limits import Json, line, plain, size

VERB = "press"
ACTION = "foyer"
TEXT = "foyer.text"
"""The id of the input whose words belong to a press; a further one in the same card has a number in it."""
VALUE = "foyer.value."
TITLE = "title"
"""Of what opens a form: the words on the button, which are the form's title until it is there."""
WIDTH = 66
BORDER = 5
"""Characters that fit beside each other, and what a button takes around its own."""
_INPUT = "foyer.input"
_STYLES = {"primary": "positive", "danger": "destructive"}


def read(data: Mapping[str, Any]) -> Press | None:
    """What was pressed or sent; None for what is none of our buttons."""
    told = data.get(ACTION)
    action = clean(told) if isinstance(told, str) else ""
    if not action:
        return None
    asked = data.get(_INPUT)
    typed = data.get(asked) if isinstance(asked, str) and asked in data else data.get(TEXT)
    values = {clean(name.removeprefix(VALUE)): _entered(value) for name, value in data.items() if name.startswith(VALUE)}
    return Press(action, _entered(typed), values)


class Buttons:
    """The buttons of one card: keeps the ids of their inputs apart, and what they take together within `room` bytes."""

    def __init__(self, wording: Wording, room: int) -> None:
        self._wording = wording
        self._room = room
        self._inputs = 0

    def rows(self, actions: Sequence[Action]) -> list[Json]:
        """Sets of actions, and in words how many there was no room for."""
        return self._rows([self.button(action) for action in actions])

    def prompts(self, prompts: Sequence[Prompt]) -> list[Json]:
        """Something to begin with: pressing it says it."""
        return self._rows([_prompt(prompt) for prompt in prompts])

    def button(self, action: Action) -> Json | None:
        """None for an id that is none of ours."""
        if not action.id or units(clean(action.id)) > limits.ACTION_ID:
            return None
        title = line(action.label, limits.BUTTON)
        if action.opens_form:
            opens = {"msteams": {"type": "task/fetch"}, ACTION: clean(action.id), TITLE: title}
            return _styled({"type": "Action.Submit", "title": title, "data": opens, "associatedInputs": "none"}, action)
        if action.needs_text == "no" and not action.confirm.strip():
            return sends(action, title)
        return self._asking(action, title)

    def _asking(self, action: Action, title: str) -> Json:
        body: list[Json] = []
        data: Json = {}
        if action.confirm.strip():
            body.append({"type": "RichTextBlock", "inlines": [_run(action.confirm)]})
        if action.needs_text != "no":
            asked = TEXT if not self._inputs else f"foyer.{self._inputs}.text"
            data = {_INPUT: asked} if self._inputs else {}
            self._inputs += 1
            entered: Json = {"type": "Input.Text", "id": asked, "label": line(action.prompt or action.label, limits.LABEL)}
            entered |= {"isMultiline": True, "maxLength": limits.INPUT}
            if action.needs_text == "required":
                entered |= {"isRequired": True, "errorMessage": self._wording.required}
            body.append(entered)
        # The words that asked the question, "Cancel" say, would be taken for backing out of it.
        does = replace(action, label=self._wording.yes) if action.confirm.strip() else action
        send = sends(does, line(does.label, limits.BUTTON), data)
        inside = {"type": "AdaptiveCard", "body": body, "actions": [send]}
        return _styled({"type": "Action.ShowCard", "title": title, "card": inside}, action)

    def _rows(self, made: Sequence[Json | None]) -> list[Json]:
        shown: list[Json] = []
        for one in filter(None, made):
            if size(one) > self._room:
                break
            shown.append(one)
            self._room -= size(one) + 1
        rows: list[Json] = [{"type": "ActionSet", "actions": row} for row in _in_rows(shown)]
        if len(shown) < len(made):
            rows.append({"type": "RichTextBlock", "inlines": [_run(put(self._wording.more, count=len(made) - len(shown)))]})
        return rows


def sends(action: Action, title: str, more: Mapping[str, Any] | None = None) -> Json:
    """A button that does it at once. Clients that know no Action.Execute send a message with the same data."""
    data = {ACTION: clean(action.id), **(more or {})}
    fallback = _styled({"type": "Action.Submit", "title": title, "data": data}, action)
    return _styled({"type": "Action.Execute", "verb": VERB, "title": title, "data": data, "fallback": fallback}, action)


def _in_rows(shown: Sequence[Json]) -> list[list[Json]]:
    """As many beside each other as a message is wide."""
    rows: list[list[Json]] = []
    width = 0
    for one in shown:
        width += units(one["title"]) + BORDER
        if not rows or len(rows[-1]) == limits.BUTTONS or width > WIDTH:
            rows.append([])
            width = units(one["title"]) + BORDER
        rows[-1].append(one)
    return rows


def _styled(made: Json, action: Action) -> Json:
    style = _STYLES.get(action.style)
    full = line(action.label, limits.LABEL)
    longer = {"tooltip": full} if full != made["title"] else {}
    return made | ({"style": style} if style else {}) | longer


def _prompt(prompt: Prompt) -> Json:
    said = plain(prompt.text, limits.IM_BACK)
    return {
        "type": "Action.Submit",
        "title": line(prompt.title or prompt.text, limits.BUTTON),
        "tooltip": line(said, limits.LABEL),
        "data": {"msteams": {"type": "imBack", "value": said}},
    }


def _run(text: str) -> Json:
    return {"type": "TextRun", "text": plain(text, limits.CONFIRM)}


def _entered(value: object) -> str:
    """Inputs send words; numbers come as numbers from some clients."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return clean(str(value))
