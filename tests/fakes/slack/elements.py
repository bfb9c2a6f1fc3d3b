"""Slack's rules for what stands inside a block: texts, buttons, menus, inputs, confirm dialogs. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.fakes.slack.state import Json

MENUS = frozenset(
    f"{many}{kind}_select" for many in ("", "multi_") for kind in ("static", "external", "users", "conversations", "channels")
)
PICKERS = frozenset(("datepicker", "timepicker", "datetimepicker", "checkboxes", "radio_buttons"))
TYPED = frozenset(("plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input", "file_input"))


@dataclass(frozen=True, slots=True)
class Problems:
    """Collects what is wrong, each with a pointer as Slack's own messages have it."""

    found: list[str]
    at: str

    def add(self, what: str, where: str = "") -> None:
        self.found.append(f"[ERROR] {what} [json-pointer:{self.at}{'/' + where if where else ''}]")

    def under(self, where: str) -> "Problems":
        return Problems(self.found, f"{self.at}/{where}")


def text(found: Problems, value: Any, where: str, limit: int, *, plain: bool = False) -> None:
    """A text object of 1 to `limit` characters."""
    if not isinstance(value, dict) or value.get("type") not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
        return found.add(f"must be a {'plain_text' if plain else 'text'} object", where)
    if not isinstance(value.get("text"), str) or not 1 <= len(value["text"]) <= limit:
        found.add(f"must be 1 to {limit} characters", f"{where}/text")
    if value["type"] == "mrkdwn" and "emoji" in value:
        found.add("emoji is for plain_text only", where)
    if value["type"] == "plain_text" and "verbatim" in value:
        found.add("verbatim is for mrkdwn only", where)


def image(found: Problems, value: Json) -> None:
    if not isinstance(value.get("alt_text"), str) or not 1 <= len(value["alt_text"]) <= 2000:
        found.add("must be 1 to 2000 characters", "alt_text")
    if ("image_url" in value) == ("slack_file" in value):
        found.add("either image_url or slack_file is required")
    if len(value.get("image_url") or "") > 3000:
        found.add("longer than 3000 characters", "image_url")


def string(found: Problems, element: Json, name: str, limit: int, *, least: int = 1, required: bool = False) -> None:
    if name not in element:
        if required:
            found.add("required", name)
        return
    if not isinstance(element[name], str) or not least <= len(element[name]) <= limit:
        found.add(f"must be {least} to {limit} characters", name)


def check_accessory(found: Problems, element: Any) -> None:
    if isinstance(element, dict) and element.get("type") == "image":
        image(found, element)
    else:
        check_element(found, element)


def check_element(found: Problems, element: Any, *, inside: str = "actions") -> None:
    """Something to press or to choose from, in an actions block or beside a section."""
    if not isinstance(element, dict):
        return found.add("not an object")
    kind = element.get("type")
    string(found, element, "action_id", 255)
    string(found, element, "accessibility_label", 75)
    if "confirm" in element:
        confirm(found.under("confirm"), element["confirm"])
    if inside == "context_actions" and kind == "feedback_buttons":
        for name in ("positive_button", "negative_button"):
            _feedback(found.under(name), element.get(name))
    elif inside == "context_actions" and kind == "icon_button":
        text(found, element.get("text"), "text", 75, plain=True)
        string(found, element, "icon", 75, required=True)
        string(found, element, "value", 2000, least=0)
    elif inside == "actions" and kind in ("button", "workflow_button"):
        _button(found, element)
    elif inside == "actions" and kind == "overflow":
        options(found, element, "options", 1, 5)
    elif inside == "actions" and (kind in MENUS or kind in PICKERS):
        _choices(found, element)
    else:
        found.add(f"unsupported element: {kind}", "type")


def check_input_element(found: Problems, element: Any) -> None:
    if not isinstance(element, dict):
        return found.add("required")
    kind = element.get("type")
    string(found, element, "action_id", 255)
    if kind in MENUS or kind in PICKERS:
        return _choices(found, element)
    if kind not in TYPED:
        return found.add(f"unsupported element: {kind}", "type")
    if "placeholder" in element:
        text(found, element["placeholder"], "placeholder", 150, plain=True)
    if kind == "number_input" and not isinstance(element.get("is_decimal_allowed"), bool):
        found.add("required", "is_decimal_allowed")
    if kind == "plain_text_input":
        shortest, longest = element.get("min_length", 0), element.get("max_length", 3000)
        if not 0 <= shortest <= 3000 or not 1 <= longest <= 3000 or shortest > longest:
            found.add("min_length and max_length must be within 3000")
        initial = element.get("initial_value", "")
        if not isinstance(initial, str) or len(initial) > longest:
            found.add(f"longer than {longest} characters", "initial_value")


def confirm(found: Problems, value: Any) -> None:
    if not isinstance(value, dict):
        return found.add("not an object")
    text(found, value.get("title"), "title", 100, plain=True)
    text(found, value.get("text"), "text", 300)
    text(found, value.get("confirm"), "confirm", 30, plain=True)
    text(found, value.get("deny"), "deny", 30, plain=True)
    if value.get("style", "primary") not in ("primary", "danger"):
        found.add(f"unknown: {value['style']}", "style")


def options(found: Problems, element: Json, name: str, least: int, most: int) -> None:
    given = element.get(name)
    if not isinstance(given, list) or not least <= len(given) <= most:
        return found.add(f"must be {least} to {most} options", name)
    values: list[str] = []
    for n, option in enumerate(given):
        text(found, option.get("text"), f"{name}/{n}/text", 75, plain=element["type"] not in ("checkboxes", "radio_buttons"))
        string(found.under(f"{name}/{n}"), option, "value", 150, required=True)
        if "description" in option:
            text(found, option["description"], f"{name}/{n}/description", 75)
        values.append(option.get("value", ""))
    if len(set(values)) != len(values):
        found.add("the same value twice", name)


def _button(found: Problems, element: Json) -> None:
    text(found, element.get("text"), "text", 75, plain=True)
    string(found, element, "value", 2000, least=0)
    string(found, element, "url", 3000)
    if element.get("style", "primary") not in ("primary", "danger"):
        found.add(f"unknown: {element['style']}", "style")


def _feedback(found: Problems, value: Any) -> None:
    if not isinstance(value, dict):
        return found.add("required")
    text(found, value.get("text"), "text", 75, plain=True)
    string(found, value, "value", 2000, required=True)
    string(found, value, "accessibility_label", 75)


def _choices(found: Problems, element: Json) -> None:
    kind = element["type"]
    if "placeholder" in element:
        if kind in ("checkboxes", "radio_buttons", "datetimepicker"):
            found.add("not allowed here", "placeholder")
        else:
            text(found, element["placeholder"], "placeholder", 150, plain=True)
    if kind in ("static_select", "multi_static_select"):
        if "option_groups" in element:
            groups = element["option_groups"]
            if "options" in element or not 1 <= len(groups) <= 100:
                found.add("must be 1 to 100 groups, without options", "option_groups")
            for n, group in enumerate(groups):
                text(found, group.get("label"), f"option_groups/{n}/label", 75, plain=True)
                options(found.under(f"option_groups/{n}"), {"type": kind, **group}, "options", 1, 100)
        else:
            options(found, element, "options", 1, 100)
    elif kind in ("checkboxes", "radio_buttons"):
        options(found, element, "options", 1, 10)
    elif kind == "datepicker" and "initial_date" in element:
        try:
            date.fromisoformat(element["initial_date"])
        except ValueError:
            found.add("must be YYYY-MM-DD", "initial_date")
    known = [option for group in element.get("option_groups") or [element] for option in group.get("options") or ()]
    for initial in [*(element.get("initial_options") or ()), *([element["initial_option"]] if "initial_option" in element else [])]:
        if initial not in known:
            found.add("not one of the options", "initial_option")
