"""Each of Slack's rules for blocks and views refuses what breaks it, and lets the longest that is allowed pass."""

from typing import Any

import pytest

from tests.fakes.slack.blocks import characters, check_message, check_view

Json = dict[str, Any]


def plain(length: int = 4) -> Json:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int = 4) -> Json:
    return {"type": "mrkdwn", "text": "x" * length}


def button(length: int = 4, **more: Any) -> Json:
    return {"type": "button", "text": plain(length), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def section(length: int = 4, **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(length), **more}


def option(text: int = 4, value: str = "v") -> Json:
    return {"text": plain(text), "value": value}


def options(count: int) -> list[Json]:
    return [option(value=str(n)) for n in range(count)]


def select(*given: Json, **more: Any) -> Json:
    return {"type": "static_select", "options": list(given), **more}


def confirm(title: int = 4, text: int = 4, yes: int = 4, no: int = 4) -> Json:
    return {"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain(no)}


def table(rows: int, columns: int, text: str = "x") -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": text}] * columns for _ in range(rows)]}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def feedback(**more: Any) -> Json:
    one = {"text": plain(), "value": "up"}
    return {
        "type": "context_actions",
        "elements": [{"type": "feedback_buttons", "positive_button": one, "negative_button": {**one, **more}}],
    }


MESSAGES: list[tuple[str, list[Json], list[Json]]] = [
    ("section", [section(3000)], [section(3001)]),
    ("section empty", [section(1)], [section(0)]),
    ("section nothing", [{"type": "section", "fields": [mrkdwn()]}], [{"type": "section"}]),
    ("fields", [section(fields=[mrkdwn(2000)] * 10)], [section(fields=[mrkdwn()] * 11)]),
    ("field", [section(fields=[mrkdwn(2000)])], [section(fields=[mrkdwn(2001)])]),
    ("header", [{"type": "header", "text": plain(150)}], [{"type": "header", "text": plain(151)}]),
    ("header is plain", [{"type": "header", "text": plain()}], [{"type": "header", "text": mrkdwn()}]),
    ("markdown", [{"type": "markdown", "text": "x" * 12_000}], [{"type": "markdown", "text": "x" * 12_001}]),
    ("markdown together", [{"type": "markdown", "text": "x" * 6_000}] * 2, [{"type": "markdown", "text": "x" * 6_001}] * 2),
    ("context", [{"type": "context", "elements": [mrkdwn()] * 10}], [{"type": "context", "elements": [mrkdwn()] * 11}]),
    ("context empty", [{"type": "context", "elements": [mrkdwn()]}], [{"type": "context", "elements": []}]),
    ("actions", [actions(*[button()] * 25)], [actions(*[button()] * 26)]),
    ("actions empty", [actions(button())], [actions()]),
    ("button", [actions(button(75))], [actions(button(76))]),
    ("button is plain", [actions(button())], [actions({"type": "button", "text": mrkdwn()})]),
    ("value", [actions(button(value="x" * 2000))], [actions(button(value="x" * 2001))]),
    ("style", [actions(button(style="danger"))], [actions(button(style="default"))]),
    ("action_id", [actions(button(action_id="x" * 255))], [actions(button(action_id="x" * 256))]),
    (
        "action_id unique",
        [actions(button(action_id="a"), button(action_id="b")), actions(button(action_id="a"))],
        [actions(button(action_id="a"), button(action_id="a"))],
    ),
    ("accessibility_label", [actions(button(accessibility_label="x" * 75))], [actions(button(accessibility_label="x" * 76))]),
    ("block_id", [section(block_id="x" * 255)], [section(block_id="x" * 256)]),
    ("block_id unique", [section(block_id="a"), section(block_id="b")], [section(block_id="a"), section(block_id="a")]),
    ("confirm title", [actions(button(confirm=confirm(title=100)))], [actions(button(confirm=confirm(title=101)))]),
    ("confirm text", [actions(button(confirm=confirm(text=300)))], [actions(button(confirm=confirm(text=301)))]),
    ("confirm yes", [actions(button(confirm=confirm(yes=30)))], [actions(button(confirm=confirm(yes=31)))]),
    ("confirm no", [actions(button(confirm=confirm(no=30)))], [actions(button(confirm=confirm(no=31)))]),
    ("option text", [actions(select(option(75)))], [actions(select(option(76)))]),
    ("option value", [actions(select(option(value="x" * 150)))], [actions(select(option(value="x" * 151)))]),
    (
        "options",
        [actions(select(*[option(value=str(n)) for n in range(100)]))],
        [actions(select(*[option(value=str(n)) for n in range(101)]))],
    ),
    ("options twice", [actions(select(option()))], [actions(select(option(), option()))]),
    ("initial_option", [actions(select(option(), initial_option=option()))], [actions(select(option(), initial_option=option(5)))]),
    ("placeholder", [actions(select(option(), placeholder=plain(150)))], [actions(select(option(), placeholder=plain(151)))]),
    ("blocks", [section()] * 50, [section()] * 51),
    ("table rows", [table(100, 1)], [table(101, 1)]),
    ("table columns", [table(1, 20)], [table(1, 21)]),
    ("table cells", [table(1, 1)], [table(1, 1, "")]),
    ("table characters", [table(10, 1, "x" * 1000)], [table(10, 1, "x" * 1001)]),
    ("one table", [table(1, 1)], [table(1, 1), table(1, 1)]),
    ("even rows", [table(2, 2)], [{"type": "table", "rows": [*table(1, 2)["rows"], *table(1, 1)["rows"]]}]),
    (
        "alt_text",
        [{"type": "image", "image_url": "https://x.example/a.png", "alt_text": "A"}],
        [{"type": "image", "image_url": "https://x.example/a.png"}],
    ),
    ("feedback", [feedback()], [feedback(text=plain(76))]),
    ("feedback outside", [feedback()], [actions(*feedback()["elements"])]),
    ("plan", [{"type": "plan", "title": "P", "tasks": []}], [{"type": "plan", "title": ""}]),
    (
        "task",
        [{"type": "task_card", "task_id": "1", "title": "T", "status": "complete"}],
        [{"type": "task_card", "task_id": "1", "title": "T", "status": "done"}],
    ),
    ("card", [{"type": "card", "body": mrkdwn(200)}], [{"type": "card", "body": mrkdwn(201)}]),
    ("alert", [{"type": "alert", "text": mrkdwn(), "level": "info"}], [{"type": "alert", "text": mrkdwn(), "level": "bad"}]),
    ("null", [section()], [section(accessory=None)]),
    ("unknown", [{"type": "divider"}], [{"type": "paragraph", "text": "x"}]),
    (
        "rich_text",
        [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]}],
        [{"type": "rich_text", "elements": []}],
    ),
]


@pytest.mark.parametrize(("good", "bad"), [(good, bad) for _, good, bad in MESSAGES], ids=[name for name, _, _ in MESSAGES])
def test_each_rule_refuses(good: list[Json], bad: list[Json]) -> None:
    assert check_message(good) == []
    assert check_message(bad)


def form(**more: Any) -> Json:
    return {"type": "modal", "title": plain(), "submit": plain(), "close": plain(), "blocks": [typed()], **more}


def typed(**more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": {"type": "plain_text_input", "action_id": "a", **more}}


def picked(date: str) -> Json:
    return typed(type="datepicker", initial_date=date)


def home(**more: Any) -> Json:
    return {"type": "home", "blocks": [section()], **more}


VIEWS: list[tuple[str, Json, Json]] = [
    ("title", form(title=plain(24)), form(title=plain(25))),
    ("submit", form(submit=plain(24)), form(submit=plain(25))),
    ("close", form(close=plain(24)), form(close=plain(25))),
    ("submit required", form(), {name: value for name, value in form().items() if name != "submit"}),
    ("private_metadata", form(private_metadata="x" * 3000), form(private_metadata="x" * 3001)),
    ("callback_id", form(callback_id="x" * 255), form(callback_id="x" * 256)),
    ("blocks", form(blocks=[section()] * 100), form(blocks=[section()] * 101)),
    ("label", form(blocks=[{**typed(), "label": plain(2000)}]), form(blocks=[{**typed(), "label": plain(2001)}])),
    ("hint", form(blocks=[{**typed(), "hint": plain(2000)}]), form(blocks=[{**typed(), "hint": mrkdwn()}])),
    ("placeholder", form(blocks=[typed(placeholder=plain(150))]), form(blocks=[typed(placeholder=plain(151))])),
    ("max_length", form(blocks=[typed(max_length=3000)]), form(blocks=[typed(max_length=3001)])),
    ("initial_value", form(blocks=[typed(initial_value="x" * 3000)]), form(blocks=[typed(initial_value="x" * 3001)])),
    ("number", form(blocks=[typed(type="number_input", is_decimal_allowed=True)]), form(blocks=[typed(type="number_input")])),
    (
        "date",
        form(blocks=[typed(type="datepicker", initial_date="2026-11-20")]),
        form(blocks=[typed(type="datepicker", initial_date="20.11.")]),
    ),
    ("no button as input", form(), form(blocks=[typed(type="button")])),
    ("no markdown in a modal", form(blocks=[section()]), form(blocks=[{"type": "markdown", "text": "x"}])),
    ("no table at home", home(), home(blocks=[table(1, 1)])),
    ("no title at home", home(), home(title=plain())),
    ("unknown field", form(), form(footer="x")),
    ("no blocks", home(), home(blocks=[])),
]


@pytest.mark.parametrize(("good", "bad"), [(good, bad) for _, good, bad in VIEWS], ids=[name for name, _, _ in VIEWS])
def test_each_rule_of_views_refuses(good: Json, bad: Json) -> None:
    assert check_view(good) == []
    assert check_view(bad)


def test_characters_are_those_that_are_shown() -> None:
    assert characters([section(10), actions(button(5, value="x" * 100)), {"type": "markdown", "text": "xxx"}]) == 18


def test_what_is_wrong_names_its_place() -> None:
    assert check_message([section(), actions(button(76))]) == [
        "[ERROR] must be 1 to 75 characters [json-pointer:/blocks/1/elements/0/text/text]"
    ]
