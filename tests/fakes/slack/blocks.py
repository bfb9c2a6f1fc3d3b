"""Slack's rules for blocks and views. Pure: a list of what is wrong, each with the place it is at; empty when all is well.

Limits are Slack's documented ones; `slack_sdk` checks few of them.
"""

from collections.abc import Callable, Iterator
from typing import Any

from tests.fakes.slack.elements import Problems, check_accessory, check_element, check_input_element, image, text
from tests.fakes.slack.state import Json

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MESSAGE_CHARACTERS = 13_200
MARKDOWN_CHARACTERS = 12_000
TABLE_ROWS, TABLE_COLUMNS, TABLE_CHARACTERS = 100, 20, 10_000

EVERYWHERE = frozenset(("message", "modal", "home"))
SURFACES: dict[str, frozenset[str]] = {
    "section": EVERYWHERE, "divider": EVERYWHERE, "header": EVERYWHERE, "image": EVERYWHERE, "actions": EVERYWHERE, "context": EVERYWHERE,
    "rich_text": EVERYWHERE, "input": EVERYWHERE, "video": EVERYWHERE, "markdown": frozenset(("message",)),
    "table": frozenset(("message",)), "context_actions": frozenset(("message",)), "plan": frozenset(("message",)),
    "task_card": frozenset(("message",)), "file": frozenset(("message",)), "card": frozenset(("message",)),
    "carousel": frozenset(("message",)), "container": frozenset(("message",)), "alert": frozenset(("message", "modal")),
}  # fmt: skip


def check_message(blocks: Any) -> list[str]:
    problems = _check(blocks, "message", MESSAGE_BLOCKS)
    if problems:
        return problems
    markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if markdown > MARKDOWN_CHARACTERS:
        problems.append(f"markdown blocks hold {markdown} characters together, more than {MARKDOWN_CHARACTERS}")
    if sum(block["type"] == "table" for block in blocks) > 1:
        problems.append("only_one_table_allowed")
    return problems


def characters(blocks: list[Json]) -> int:
    """All characters that a message's blocks show."""
    return sum(len(words) for words in strings(blocks))


def strings(node: Any) -> Iterator[str]:
    """The words in blocks, in the order in which they are read."""
    if isinstance(node, list):
        for each in node:
            yield from strings(each)
    elif isinstance(node, dict):
        if node.get("type") in ("emoji", "user", "channel"):
            yield str(node.get("name") or node.get("user_id") or node.get("channel_id"))
        for name, value in node.items():
            if isinstance(value, str):
                if name in ("text", "alt_text", "title", "details", "output") or (name == "value" and node.get("type") == "raw_number"):
                    yield value
            elif name not in ("confirm", "initial_option", "initial_options"):
                yield from strings(value)


def check_view(view: Any) -> list[str]:
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        return ["a view is an object whose type is modal or home"]
    problems = _check(view.get("blocks"), view["type"], VIEW_BLOCKS)
    found = Problems(problems, "/view")
    if view["type"] == "modal":
        text(found, view.get("title"), "title", 24, plain=True)
        for name in ("submit", "close"):
            if name in view:
                text(found, view[name], name, 24, plain=True)
        if "submit" not in view and any(block.get("type") == "input" for block in view.get("blocks") or ()):
            found.add("submit is required when there are inputs", "submit")
    else:
        for name in ("title", "submit", "close"):
            if name in view:
                found.add(f"a home view has no {name}", name)
    for name, limit in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if len(view.get(name) or "") > limit:
            found.add(f"longer than {limit} characters", name)
    known = {"type", "title", "submit", "close", "blocks", "private_metadata", "callback_id", "external_id", "clear_on_close",
             "notify_on_close", "submit_disabled"}  # fmt: skip
    for name in sorted(set(view) - known):
        found.add("unknown field", name)
    return problems


def _check(blocks: Any, surface: str, limit: int) -> list[str]:
    if not isinstance(blocks, list):
        return ["blocks is not an array"]
    problems: list[str] = []
    if surface != "message" and not blocks:
        problems.append("no blocks")
    if len(blocks) > limit:
        problems.append(f"{len(blocks)} blocks, more than {limit} (msg_too_many_blocks)")
    ids: set[str] = set()
    for n, block in enumerate(blocks):
        check_block(Problems(problems, f"/blocks/{n}"), block, surface, ids)
    return problems


def check_block(found: Problems, block: Any, surface: str, ids: set[str]) -> None:
    if not isinstance(block, dict):
        return found.add("not an object")
    kind = block.get("type")
    if not isinstance(kind, str) or surface not in SURFACES.get(kind, ()):
        return found.add(f"unsupported block type in a {surface}: {kind}", "type")
    for name, value in block.items():
        if value is None:
            found.add("null", name)
    block_id = block.get("block_id")
    if block_id is not None:
        if not isinstance(block_id, str) or not 1 <= len(block_id) <= 255:
            found.add("must be 1 to 255 characters", "block_id")
        elif block_id in ids:
            found.add(f"used twice: {block_id}", "block_id")
        else:
            ids.add(block_id)
    checks: dict[str, Callable[[Problems, Json], None]] = {
        "section": _section, "header": lambda f, b: text(f, b.get("text"), "text", 150, plain=True), "image": _image, "context": _context,
        "actions": _actions, "context_actions": _context_actions, "input": _input, "markdown": _markdown, "table": _table,
        "rich_text": _rich_text, "plan": _plan, "task_card": _task, "alert": _alert, "card": _card,
    }  # fmt: skip
    if kind in checks:
        checks[kind](found, block)
    elif kind in ("container", "carousel"):
        _nest(found, block, surface, ids, "child_blocks" if kind == "container" else "elements")
    actions = [element["action_id"] for element in interactive(block) if element.get("action_id")]
    for twice in sorted({action for action in actions if actions.count(action) > 1}):
        found.add(f"action_id used twice in one block: {twice}")


def interactive(block: Json) -> list[Json]:
    """The elements of a block that somebody can press or fill in."""
    several = [*(block.get("elements") or ()), *(block.get("actions") or ())] if block.get("type") in (
        "actions", "context_actions", "card") else []  # fmt: skip
    single = [block[name] for name in ("accessory", "element") if isinstance(block.get(name), dict)]
    return [element for element in [*several, *single] if isinstance(element, dict)]


def _section(found: Problems, block: Json) -> None:
    if "text" not in block and not block.get("fields"):
        found.add("text or fields is required")
    if "text" in block:
        text(found, block["text"], "text", 3000)
    fields = block.get("fields", [])
    if len(fields) > 10:
        found.add("more than 10 fields", "fields")
    for n, field in enumerate(fields):
        text(found, field, f"fields/{n}", 2000)
    if "accessory" in block:
        check_accessory(found.under("accessory"), block["accessory"])


def _image(found: Problems, block: Json) -> None:
    image(found, block)
    if "title" in block:
        text(found, block["title"], "title", 2000, plain=True)


def _context(found: Problems, block: Json) -> None:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= 10:
        found.add(f"{len(elements)} elements, must be 1 to 10", "elements")
    for n, element in enumerate(elements):
        if element.get("type") == "image":
            image(found.under(f"elements/{n}"), element)
        else:
            text(found, element, f"elements/{n}", 3000)


def _actions(found: Problems, block: Json) -> None:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= 25:
        found.add(f"{len(elements)} elements, must be 1 to 25", "elements")
    for n, element in enumerate(elements):
        check_element(found.under(f"elements/{n}"), element)


def _context_actions(found: Problems, block: Json) -> None:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= 5:
        found.add(f"{len(elements)} elements, must be 1 to 5", "elements")
    for n, element in enumerate(elements):
        if element.get("type") not in ("feedback_buttons", "icon_button"):
            found.add(f"unsupported element: {element.get('type')}", f"elements/{n}")
        else:
            check_element(found.under(f"elements/{n}"), element, inside="context_actions")


def _input(found: Problems, block: Json) -> None:
    text(found, block.get("label"), "label", 2000, plain=True)
    if "hint" in block:
        text(found, block["hint"], "hint", 2000, plain=True)
    check_input_element(found.under("element"), block.get("element"))


def _markdown(found: Problems, block: Json) -> None:
    if not isinstance(block.get("text"), str) or not block["text"]:
        found.add("must be a string that is not empty", "text")
    elif len(block["text"]) > MARKDOWN_CHARACTERS:
        found.add(f"longer than {MARKDOWN_CHARACTERS} characters", "text")


def _table(found: Problems, block: Json) -> None:
    rows = block.get("rows")
    if not isinstance(rows, list) or not 1 <= len(rows) <= TABLE_ROWS:
        return found.add(f"must be 1 to {TABLE_ROWS} rows", "rows")
    for n, row in enumerate(rows):
        if not isinstance(row, list) or not 1 <= len(row) <= TABLE_COLUMNS:
            found.add(f"must have 1 to {TABLE_COLUMNS} cells", f"rows/{n}")
            continue
        if len(row) != len(rows[0]):
            found.add(f"has {len(row)} cells, the first row {len(rows[0])}", f"rows/{n}")
        for m, cell in enumerate(row):
            if cell.get("type") not in ("raw_text", "raw_number", "rich_text"):
                found.add(f"unsupported cell: {cell.get('type')}", f"rows/{n}/{m}")
            elif cell["type"] == "raw_text" and not cell.get("text"):
                found.add("a cell must have at least 1 character", f"rows/{n}/{m}")
    if sum(len(words) for words in strings(rows)) > TABLE_CHARACTERS:
        found.add(f"cells hold more than {TABLE_CHARACTERS} characters", "rows")
    if len(block.get("column_settings") or ()) > TABLE_COLUMNS:
        found.add(f"more than {TABLE_COLUMNS}", "column_settings")


def _rich_text(found: Problems, block: Json) -> None:
    for n, element in enumerate(block.get("elements") or ()):
        if element.get("type") not in ("rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"):
            found.add(f"unsupported element: {element.get('type')}", f"elements/{n}")
    if not block.get("elements"):
        found.add("required", "elements")


def _plan(found: Problems, block: Json) -> None:
    if not isinstance(block.get("title"), str) or not block["title"]:
        found.add("required", "title")
    for n, task in enumerate(block.get("tasks") or ()):
        if task.get("type") != "task_card":
            found.add(f"not a task_card: {task.get('type')}", f"tasks/{n}")
        else:
            _task(found.under(f"tasks/{n}"), task)


def _task(found: Problems, block: Json) -> None:
    for name in ("task_id", "title"):
        if not isinstance(block.get(name), str) or not block[name]:
            found.add("required", name)
    if block.get("status") not in ("pending", "in_progress", "complete", "error"):
        found.add(f"unknown: {block.get('status')}", "status")
    for name in ("details", "output"):
        if name in block and block[name].get("type") != "rich_text":
            found.add("must be rich_text", name)


def _alert(found: Problems, block: Json) -> None:
    text(found, block.get("text"), "text", 3000)
    if block.get("level", "default") not in ("default", "info", "warning", "error", "success"):
        found.add(f"unknown: {block['level']}", "level")


def _card(found: Problems, block: Json) -> None:
    if not any(name in block for name in ("hero_image", "title", "actions", "body")):
        found.add("hero_image, title, actions or body is required")
    for name, limit in (("title", 150), ("subtitle", 150), ("body", 200)):
        if name in block:
            text(found, block[name], name, limit)
    for name in ("hero_image", "icon"):
        if name in block:
            image(found.under(name), block[name])
    for n, element in enumerate(block.get("actions") or ()):
        check_element(found.under(f"actions/{n}"), element)


def _nest(found: Problems, block: Json, surface: str, ids: set[str], name: str) -> None:
    children = block.get(name) or []
    if not 1 <= len(children) <= 10:
        found.add(f"{len(children)} blocks, must be 1 to 10", name)
    for n, child in enumerate(children):
        check_block(found.under(f"{name}/{n}"), child, surface, ids)
