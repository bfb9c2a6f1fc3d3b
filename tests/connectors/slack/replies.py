"""Replies of any shape, with what is hard to show in them; and whether what is shown of them is allowed."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from connectors.ports.chat import (
    Action,
    Attachment,
    Author,
    Citation,
    Feedback,
    Field,
    Form,
    FormField,
    Item,
    Progress,
    Prompt,
    Reply,
    ReplyKind,
    RequestRef,
    Section,
    Step,
)
from connectors.slack.limits import text_size
from tests.fakes.slack.blocks import check_message, check_view

LIVE = re.compile(r"<[!@#]|&lt;[!@#]|@(channel|here|everyone)\b", re.IGNORECASE)
NASTY = (
    *("<!channel>", "<!here|x>", "@channel", "@Everyone", "<@U123>", "<#C1|general>", "<!subteam^S1>", "&lt;!here&gt;", "&#64;here"),
    *("[a](http://x.example/@here)", "![p](https://evil.example/p.png)", "[bank.example](https://evil.example)", "<https://x.example>"),
    *("`@here`", "```\n<!channel>\n```", "\n", "\n\n", "# ", "- ", "1. ", "> ", "**", "*", "_", "~~", "[1]", "[1]: http://r.example\n"),
    *("| a | b |\n|---|---|\n| 1 | @here |\n", "<b>", "\\", "&amp;", "\u202e", "\ud800", "\x00", "😀", "–", " ", "a", "@", "here", "word "),
)


def texts(most: int = 12) -> st.SearchStrategy[str]:
    piece = st.sampled_from((*NASTY, *NASTY, *NASTY, "long " * 40, "long " * 3_000, "x" * 3_500)) | st.text(max_size=8)
    return st.lists(piece, max_size=most).map("".join)


short = texts(3)
actions = st.builds(
    Action,
    id=short,
    label=short,
    style=st.sampled_from(("primary", "danger", "plain")),
    needs_text=st.sampled_from(("no", "optional", "required")),
    prompt=short,
    confirm=short,
    opens_form=st.booleans(),
)
some_actions = st.one_of(st.lists(actions, max_size=3), st.lists(actions, min_size=30, max_size=30)).map(tuple)
steps = st.builds(Step, title=short, status=st.sampled_from(("pending", "running", "done", "failed", "undone")))
citations = st.builds(
    Citation,
    n=st.integers(-1, 2_000),
    title=short,
    source=short,
    section=short,
    url=st.none()
    | short
    | st.sampled_from(("https://kb.example/1", "javascript:alert(1)", "http://[", "https://kb.example/" + "x" * 3000)),
    updated=st.none() | st.just(datetime(2026, 3, 4, tzinfo=UTC)),
)
fields = st.builds(
    FormField,
    name=short,
    label=short,
    kind=st.sampled_from(("text", "long_text", "choice", "date", "number")),
    required=st.booleans(),
    choices=st.one_of(
        st.lists(st.tuples(short, short), max_size=4).map(tuple), st.just(tuple((f"v{n}", f"Choice {n}") for n in range(250)))
    ),
    value=short | st.sampled_from(("2026-12-01", "12.5", "v7", "NaN")),
    hint=short,
)
forms = st.builds(Form, title=short, submit=actions, fields=st.lists(fields, max_size=4).map(tuple), text=short)
items = st.builds(Item, text=short, actions=st.lists(actions, max_size=2).map(tuple))
sections = st.builds(Section, title=short, items=st.lists(items, max_size=30).map(tuple), actions=some_actions)
replies = st.builds(
    Reply,
    id=short,
    kind=st.sampled_from(ReplyKind),
    text=texts(),
    citations=st.lists(citations, max_size=14).map(tuple),
    request=st.none() | st.builds(RequestRef, case=short, skill=short, state=short),
    actions=some_actions,
    progress=st.none()
    | st.builds(Progress, title=short, ball=short, specialist=short, steps=st.lists(steps, max_size=30).map(tuple), next_step=short),
    fields=st.lists(st.builds(Field, label=short, value=texts()), max_size=14).map(tuple),
    transcript=st.lists(short, max_size=40).map(tuple),
    author=st.none() | st.builds(Author, name=short),
    only_for=st.none() | st.just("U1"),
    files=st.lists(st.builds(Attachment, id=short, name=short, mime=short, size=st.integers(0, 9)), max_size=3).map(tuple),
    feedback=st.none() | st.builds(Feedback, up=actions, down=actions),
    form=st.none() | forms,
    sections=st.lists(sections, max_size=6).map(tuple),
    prompts=st.lists(st.builds(Prompt, title=short, text=short), max_size=6).map(tuple),
)


def shown(node: object, name: str = "") -> Iterator[str]:
    """Everything that people read in blocks; neither ids nor values."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from shown(value, key)
    elif isinstance(node, (list, tuple)):
        for one in node:
            yield from shown(one, name)
    elif isinstance(node, str) and name not in ("value", "action_id", "block_id", "private_metadata", "callback_id", "type"):
        yield node


def assert_message(text: str, blocks: tuple[dict[str, Any], ...]) -> None:
    """As Slack takes it, calling nobody."""
    assert 1 <= len(text) <= 4_000
    assert text.strip()
    assert check_message(list(blocks)) == []
    assert 1 <= len(blocks) <= 50
    assert text_size(blocks) <= 12_000
    for block in blocks:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
    for words in (text, *shown(blocks)):
        words.encode()
        assert not LIVE.search(words), words


def assert_view(view: dict[str, Any]) -> None:
    assert check_view(view) == []
    View(**view).validate_json()
    for words in shown(view):
        words.encode()
        assert not LIVE.search(words), words
