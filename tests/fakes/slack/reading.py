"""What a person sees in blocks: the words, the buttons, the inputs. Pure."""

import html
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.slack.blocks import interactive, strings
from tests.fakes.slack.state import FakeMessage, Json


def words(message: FakeMessage | Mapping[str, Any]) -> str:
    """All words of a message or a view. Blocks hide the text of a bot's message, as in Slack; a stream shows both."""
    if not isinstance(message, FakeMessage):
        shown = [*_titled(message, "title"), *strings(message.get("blocks") or []), *_titled(message, "submit"), *_titled(message, "close")]
    else:
        shown = [message.plan, *(task["title"] for task in message.tasks.values())]
        if message.streamed or not message.blocks or not message.bot_id:
            shown.append(message.text)
        if message.bot_id:
            shown += strings(message.blocks)
        shown += [file.get("title", "") for file in message.files]
    return html.unescape("\n".join(part for part in shown if part))


def _titled(view: Mapping[str, Any], name: str) -> list[str]:
    return [view[name]["text"]] if isinstance(view.get(name), dict) else []


def every_block(blocks: list[Json]) -> Iterator[Json]:
    for block in blocks:
        yield block
        if block.get("type") == "container":
            yield from every_block(block["child_blocks"])
        elif block.get("type") == "carousel":
            yield from every_block(block["elements"])


def pressable(blocks: list[Json]) -> Iterator[tuple[str, Json]]:
    """Every button with its label, as the action that Slack would report, its confirm dialog still in it."""
    for block in every_block(blocks):
        for element in interactive(block):
            kind = element.get("type")
            base = {"action_id": element.get("action_id") or "auto", "block_id": block.get("block_id", ""), "type": kind}
            if kind == "feedback_buttons":
                for name in ("positive_button", "negative_button"):
                    button = element[name]
                    yield button["text"]["text"], {**base, "text": button["text"], "value": button["value"]}
            elif kind == "overflow":
                for option in element["options"]:
                    yield option["text"]["text"], {**base, "selected_option": option}
            elif kind in ("button", "icon_button", "workflow_button"):
                kept: Json = {name: element[name] for name in ("text", "value", "style", "url", "confirm") if name in element}
                yield element["text"]["text"], {**base, **kept}


def find(blocks: list[Json], wanted: str) -> Json:
    """The one action that a label, an action id or a value names."""
    every = list(pressable(blocks))
    ways = (
        [action for _, action in every if action["action_id"] == wanted],
        [action for label, action in every if label == wanted],
        [action for _, action in every if wanted in (action.get("value"), action.get("selected_option", {}).get("value"))],
    )
    for found in ways:
        if len(found) > 1:
            raise AssertionError(f"{wanted!r} is on {len(found)} buttons: name one by its action_id or value")
        if found:
            return found[0]
    raise AssertionError(f"no button {wanted!r} among {[label for label, _ in every]}")


def inputs(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """(block, element) of everything that holds a value."""
    for block in every_block(blocks):
        for element in interactive(block):
            if element.get("type") not in ("button", "icon_button", "feedback_buttons", "overflow", "workflow_button"):
                yield block, element


def state_of(blocks: list[Json], values: Mapping[str, str]) -> Json:
    """The `state.values` after somebody filled in `values`, by block id, label or action id.

    Raises AssertionError when Slack would not let them.
    """
    left = dict(values)
    state: Json = {}
    for block, element in inputs(blocks):
        names = (block.get("block_id"), block.get("label", {}).get("text"), element.get("action_id"))
        given = next((left.pop(name) for name in names if name in left), None)
        value = initial(element) if given is None else _filled(element, given)
        if block["type"] == "input" and not block.get("optional") and not any(value[name] for name in value if name != "type"):
            raise AssertionError(f"{names[1] or names[0]} is required")
        state.setdefault(block["block_id"], {})[element.get("action_id") or "auto"] = value
    if left:
        raise AssertionError(f"no input {sorted(left)}")
    return state


def initial(element: Json) -> Json:
    kind = element["type"]
    if kind in ("static_select", "radio_buttons", "external_select"):
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in ("checkboxes", "multi_static_select"):
        return {"type": kind, "selected_options": element.get("initial_options") or []}
    if kind in ("datepicker", "timepicker"):
        name = kind.removesuffix("picker")
        return {"type": kind, f"selected_{name}": element.get(f"initial_{name}")}
    if kind.endswith("_select"):
        name = {"users": "user", "conversations": "conversation", "channels": "channel"}[
            kind.removesuffix("_select").removeprefix("multi_")
        ]
        return {"type": kind, f"selected_{name}": element.get(f"initial_{name}")}
    return {"type": kind, "value": element.get("initial_value")}


def _filled(element: Json, given: str) -> Json:
    kind = element["type"]
    if "options" in element or "option_groups" in element:
        options = [option for group in element.get("option_groups") or [element] for option in group["options"]]
        by_name = {option["text"]["text"]: option for option in options} | {option["value"]: option for option in options}
        if kind in ("checkboxes", "multi_static_select"):
            return {"type": kind, "selected_options": [by_name[name.strip()] for name in given.split(",") if name.strip()]}
        if given and given not in by_name:
            raise AssertionError(f"no option {given!r} among {sorted(by_name)}")
        return {"type": kind, "selected_option": by_name.get(given)}
    name = next(name for name in initial(element) if name != "type")
    longest = element.get("max_length", 3000)
    if kind == "plain_text_input" and not element.get("min_length", 0) <= len(given) <= longest:
        raise AssertionError(f"{len(given)} characters: the input wants {element.get('min_length', 0)} to {longest}")
    if kind == "number_input" and given:
        number = float(given)
        if (not element["is_decimal_allowed"] and number != int(number)) or not (
            float(element.get("min_value", "-inf")) <= number <= float(element.get("max_value", "inf"))
        ):
            raise AssertionError(f"the input does not take {given}")
    return {"type": kind, name: given or None}
