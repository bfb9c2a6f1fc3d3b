"""Buttons: an `Action` as Slack's element, and what comes back when it is pressed.

A button's value carries the opaque id of its action and what a listener must know at once, since there is no time to look it up:
whether words or a form are wanted first. Nothing in it is a right; who pressed is checked by the bot.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.chat.text import clean, cut, units
from connectors.chat.wording import Wording, put
from connectors.ports.chat import Action, Feedback
from connectors.slack import limits
from connectors.slack.limits import plain, text_size

PRESS = "press"
PRESS_TEXT = "press_text"
PRESS_FORM = "press_form"
PRESS_FEEDBACK = "press_feedback"
"""How the `action_id` of an element begins; a dot and its number in the message follow."""
PROMPT = 500
TEXTS = 2_500
"""Units that the buttons of one message may take together, dialogs included."""


@dataclass(frozen=True, slots=True)
class ButtonValue:
    """What was pressed. `needs_text` and `prompt` as in `Action`; a listener opens `text_view` or `loading_view` for it."""

    action: str
    label: str = ""
    needs_text: str = "no"
    prompt: str = ""
    opens_form: bool = False
    thread: str = ""
    """Where it belongs, when it does not stand there."""

    @staticmethod
    def of(action: Action) -> "ButtonValue":
        prompt = cut(clean(action.prompt), PROMPT)
        return ButtonValue(action.id, cut(clean(action.label), limits.BUTTON), action.needs_text, prompt, action.opens_form)

    def packed(self) -> str:
        """JSON without what says nothing. What does not fit is left out: the prompt first, then the label; such an id is none of ours."""
        form = ({"f": 1} if self.opens_form else {}) | ({"h": self.thread} if self.thread else {})
        needs = {"t": self.needs_text} if self.needs_text != "no" else {}
        for words in ({"l": self.label, "p": self.prompt}, {"l": self.label}, {}):
            value = json.dumps({"a": clean(self.action), **words, **form, **needs}, ensure_ascii=False, separators=(",", ":"))
            if units(value) <= limits.BUTTON_VALUE:
                return value
        return json.dumps({"a": ""})


def read_press(value: str) -> ButtonValue | None:
    """What a button's `value` carries; None for anything that is none of ours."""
    try:
        found = json.loads(value)
        needs = found.get("t", "no")
        if not isinstance(found["a"], str) or needs not in ("no", "optional", "required"):
            return None
        label, prompt, thread = (str(found.get(name, "")) for name in ("l", "p", "h"))
        return ButtonValue(found["a"], label, needs, prompt, bool(found.get("f")), thread)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def belonging_to(blocks: Any, thread: str) -> Any:
    """The same blocks, whose buttons say to which thread they belong."""
    if isinstance(blocks, (list, tuple)):
        return [belonging_to(block, thread) for block in blocks]
    if not isinstance(blocks, dict):
        return blocks
    pressed = read_press(blocks["value"]) if isinstance(blocks.get("value"), str) else None
    inside = {name: belonging_to(part, thread) for name, part in blocks.items()}
    return inside | {"value": replace(pressed, thread=thread).packed()} if pressed is not None else inside


def button(action: Action, number: int, wording: Wording, about: str = "") -> dict[str, Any]:
    """`number` makes its action_id unique; `about` is what a screen reader says after the label."""
    kind = PRESS_FORM if action.opens_form else PRESS_TEXT if action.needs_text != "no" else PRESS
    made: dict[str, Any] = {
        "type": "button",
        "action_id": f"{kind}.{number}",
        "text": plain(action.label, limits.BUTTON),
        "value": ButtonValue.of(action).packed(),
    }
    if about:
        made["accessibility_label"] = plain(f"{action.label}, {about}", limits.BUTTON)["text"]
    if action.style != "plain":
        made["style"] = action.style
    if action.confirm.strip():
        made["confirm"] = {
            "title": plain(action.label, limits.CONFIRM_TITLE),
            "text": plain(action.confirm, limits.CONFIRM_TEXT),
            "confirm": plain(action.label, limits.CONFIRM_BUTTON),
            "deny": plain(wording.cancel, limits.CONFIRM_BUTTON),
        }
        if action.style == "danger":
            made["confirm"]["style"] = "danger"
    return made


def button_rows(actions: Sequence[Action], wording: Wording, *, first: int = 0, about: str = "") -> list[dict[str, Any]]:
    """The buttons in one block, and in words how many there was no room for."""
    shown: list[dict[str, Any]] = []
    for action in actions[: limits.BUTTONS]:
        made = button(action, first + len(shown), wording, about)
        if text_size([*shown, made]) > TEXTS:
            break
        shown.append(made)
    if not shown:
        return []
    blocks: list[dict[str, Any]] = [{"type": "actions", "block_id": f"actions.{first}", "elements": shown}]
    if len(actions) > len(shown):
        blocks.append({"type": "context", "elements": [plain(put(wording.more, count=len(actions) - len(shown)), limits.SECTION)]})
    return blocks


def feedback_row(feedback: Feedback, number: int) -> dict[str, Any]:
    """Thumbs up and down, as Slack draws them."""
    up, down = (
        {"text": plain(action.label, limits.BUTTON), "accessibility_label": plain(action.label, limits.BUTTON)["text"]}
        | {"value": ButtonValue.of(action).packed()}
        for action in (feedback.up, feedback.down)
    )
    element = {"type": "feedback_buttons", "action_id": f"{PRESS_FEEDBACK}.{number}", "positive_button": up, "negative_button": down}
    return {"type": "context_actions", "block_id": f"feedback.{number}", "elements": [element]}
