import csv
import io
import json
import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from connectors.chat.markdown import words
from connectors.ports.chat import Action, Attachment, Author, Citation, Feedback, Field, Progress, Reply, ReplyKind, RequestRef, Step
from connectors.slack import render as rendering
from connectors.slack.buttons import ButtonValue, read_press
from connectors.slack.render import Rendered
from tests.connectors.slack.replies import LIVE, assert_message, replies, shown
from tests.connectors.slack.support import WORDING

render = partial(rendering.render, wording=WORDING)
answer_markdown = partial(rendering.answer_markdown, wording=WORDING)
answer_tail = partial(rendering.answer_tail, wording=WORDING)

SOURCES = "[1] Travel policy, Hotels, updated 3 months ago\n[2] Expenses, updated 2 years ago, so check whether it still holds"
CITATIONS = (
    Citation(1, "Travel policy", "travel.md", "Hotels", url="https://kb.acme.example/travel"),
    Citation(2, "Expenses", "expenses.md"),
)
REQUEST = RequestRef("FOY-12", "leave.book", "awaiting_approval")


def reply(text: str = "Hello", kind: ReplyKind = ReplyKind.ANSWER, **more: Any) -> Reply:
    return Reply("r1", kind, text, **more)


def only(one: Reply) -> Rendered:
    (part,) = render(one)
    assert part.rendered is not None
    assert_message(part.rendered.text, part.rendered.blocks)
    return part.rendered


def block(rendered: Rendered, kind: str) -> dict[str, Any]:
    return next(one for one in rendered.blocks if one["type"] == kind)


def said(rendered: Rendered) -> str:
    return "\n".join(shown(rendered.blocks))


@settings(max_examples=30, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(replies)
def test_any_reply_is_shown_within_the_limits_and_calls_nobody(one: Reply) -> None:
    parts = render(one)
    assert parts[0].rendered is not None
    for part in parts:
        if part.rendered is not None:
            assert_message(part.rendered.text, part.rendered.blocks)
        else:
            assert part.file is not None
            assert part.file.content
    streamed = answer_markdown(one)
    assert len(streamed) <= 12_000
    assert not LIVE.search(streamed)


def test_the_sources_stand_below_instead_of_in_the_text() -> None:
    rendered = only(reply(f"Up to 120 € a night [1].\n\n{SOURCES}", citations=CITATIONS))
    assert block(rendered, "markdown")["text"] == "Up to 120 € a night [[1]](https://kb.acme.example/travel)."
    (line,) = block(rendered, "context")["elements"]
    assert line["text"].split("\n") == [
        "[1] <https://kb.acme.example/travel|Travel policy, Hotels, updated 3 months ago> (kb.acme.example)",
        "[2] Expenses, updated 2 years ago, so check whether it still holds",
    ]
    assert SOURCES.split("\n")[0] in rendered.text


def test_sources_that_the_text_does_not_word_are_worded_here() -> None:
    cited = (Citation(3, "VPN", "vpn.md", "Set-up", updated=datetime(2026, 2, 3, tzinfo=UTC)),)
    assert block(only(reply("Use it [3].", citations=cited)), "context")["elements"][0]["text"] == "[3] VPN, Set-up, 2026-02-03"


def test_a_source_cannot_be_a_mention_or_lead_elsewhere_than_it_says() -> None:
    cited = (
        Citation(1, "<!channel> & <https://bank.example|bank>", "x", url="https://evil.example/>|x"),
        Citation(2, "T", "x", url="javascript:x"),
    )
    line = block(only(reply("[1] [2]", citations=cited)), "context")["elements"][0]["text"]
    assert line.count("<") == 1
    assert line.split("\n")[0].endswith("(evil.example)")
    assert "javascript" not in said(only(reply("[2]", citations=cited)))


def test_more_sources_than_are_shown_are_counted() -> None:
    cited = tuple(Citation(n, f"Article {n}", "x") for n in range(1, 15))
    assert block(only(reply("x", citations=cited)), "context")["elements"][0]["text"].endswith("… and 4 more")


def test_a_button_carries_its_action_and_what_has_to_be_known_of_it() -> None:
    approve = Action("opaque", "Approve", "primary", "optional", "Reason")
    rendered = only(reply(kind=ReplyKind.APPROVAL, request=REQUEST, actions=(approve, Action("id2", "Deny", "danger", confirm="Really?"))))
    first, second = block(rendered, "actions")["elements"]
    assert read_press(first["value"]) == ButtonValue("opaque", "Approve", "optional", "Reason")
    assert (first["action_id"], first["style"], first["accessibility_label"]) == ("press_text.0", "primary", "Approve, FOY-12")
    assert (second["action_id"], second["confirm"]["text"]["text"], second["confirm"]["deny"]["text"]) == ("press.1", "Really?", "Cancel")
    form = only(reply(actions=(Action("id3", "Fill in", opens_form=True),)))
    assert block(form, "actions")["elements"][0]["action_id"] == "press_form.0"


def test_what_is_no_value_of_ours_is_no_press() -> None:
    for value in ("", "x", "[]", "3", '{"b":1}', '{"a":1}', '{"a":"x","t":"maybe"}', "[" * 3000):
        assert read_press(value) is None


def test_an_overlong_prompt_is_left_out_of_the_value_but_the_id_never_torn() -> None:
    value = ButtonValue.of(Action("i" * 1_900, "L" * 75, prompt='"' * 500)).packed()
    pressed = read_press(value)
    assert len(value) <= 2_000
    assert pressed is not None
    assert pressed.action == "i" * 1_900
    assert json.loads(ButtonValue.of(Action("i" * 3_000, "L")).packed()) == {"a": ""}


def test_feedback_is_slacks_own_pair_of_buttons() -> None:
    rendered = only(
        reply(feedback=Feedback(Action("up", "Helpful"), Action("down", "Not helpful", needs_text="optional", prompt="What was wrong?")))
    )
    (pair,) = block(rendered, "context_actions")["elements"]
    pressed = read_press(pair["negative_button"]["value"])
    assert pressed == ButtonValue("down", "Not helpful", "optional", "What was wrong?")
    assert pair["positive_button"]["text"]["text"] == "Helpful"


def test_the_live_card_says_in_words_who_has_the_ball_and_what_is_done() -> None:
    steps = (
        Step("Check the balance", "done"),
        Step("Ask Priya Nair", "running"),
        Step("Book it", "pending"),
        Step("Old", "undone"),
        Step("Bad", "failed"),
    )
    progress = Progress("Holiday", "Approval: Priya Nair, since 14:05", "People team", steps, "You hear by Friday")
    rendered = only(reply("**FOY-12** Holiday. Approval", ReplyKind.PROGRESS, request=REQUEST, progress=progress))
    words = said(rendered)
    for expected in (
        "FOY-12 · Holiday",
        "Approval: Priya Nair",
        "✓ ",
        "(done)",
        "(now)",
        "(not yet)",
        "(failed)",
        "(undone)",
        "Next: You hear by Friday",
    ):
        assert expected in words
    assert "markdown" not in {one["type"] for one in rendered.blocks}
    assert rendered.text == "FOY-12 Holiday. Approval"


def test_many_steps_are_counted() -> None:
    progress = Progress("T", "B", "", tuple(Step(f"Step {n}", "done") for n in range(33)))
    assert "… and 13 more" in said(only(reply(kind=ReplyKind.PROGRESS, progress=progress)))


def test_an_exact_argument_is_shown_letter_by_letter() -> None:
    exact = "grant(scope=*all*, group=_ops_, note=`x`, to=<b>)"
    rendered = only(reply(kind=ReplyKind.APPROVAL, request=REQUEST, fields=(Field("Exactly", exact), Field("Note", ""))))
    label, value, _, empty = block(rendered, "section")["fields"]
    assert label == {"type": "mrkdwn", "text": "*Exactly*"}
    assert (value["type"], value["text"], empty["text"]) == ("plain_text", exact, "–")


def test_a_long_argument_stands_below_its_label_and_says_what_is_missing() -> None:
    rendered = only(
        reply(kind=ReplyKind.APPROVAL, request=REQUEST, fields=(Field("Exactly", "x" * 9_000), *[Field("Also", "y" * 190)] * 9))
    )
    words = said(rendered)
    assert "cut here: " in words
    assert re.search(r"… and \d more", words)


def test_a_transcript_keeps_its_newest_lines() -> None:
    lines = tuple(f"Dana: line {n}" for n in range(50))
    words = said(only(reply(kind=ReplyKind.HANDOFF, request=REQUEST, transcript=lines, actions=(Action("a", "Claim"),))))
    assert "Earlier lines left out: 30" in words
    assert "Dana: line 49" in words
    assert "Dana: line 29\n" not in words


def test_a_card_is_one_message_however_long_its_text() -> None:
    rendered = only(reply("word " * 9_000, ReplyKind.HANDOFF, request=REQUEST, actions=(Action("a", "Claim"),)))
    assert "… cut here: " in block(rendered, "markdown")["text"]
    assert block(rendered, "actions")


def test_a_long_answer_goes_on_in_the_next_message_with_the_buttons_last() -> None:
    text = "\n\n".join(f"Paragraph {n} " + "word " * 300 for n in range(14))
    first, last = (part.rendered for part in render(reply(text, citations=CITATIONS, actions=(Action("a", "Ask a person"),))))
    assert first is not None
    assert last is not None
    assert [one["type"] for one in first.blocks] == ["markdown"]
    assert [one["type"] for one in last.blocks] == ["markdown", "context", "actions"]
    assert "Paragraph 0 " in said(first)
    assert "Paragraph 13 " in said(last)


def test_what_is_longer_than_a_few_messages_goes_as_a_file() -> None:
    text = "\n\n".join("word " * 500 for _ in range(40))
    message, file = render(reply(text, actions=(Action("a", "Ask a person"),)))
    assert message.rendered is not None
    assert file.file is not None
    assert file.file.content == text
    assert file.file.name in said(message.rendered)
    assert message.rendered.blocks[-1]["type"] == "actions"


def test_a_table_of_many_rows_is_divided_with_its_header_again() -> None:
    text = "| a | b |\n|---|---|\n" + "\n".join(f"| {n} | x |" for n in range(150))
    parts = [part.rendered for part in render(reply(text))]
    assert len(parts) == 2
    for part in parts:
        assert part is not None
        assert said(part).startswith("| a | b |\n| --- | --- |\n")


def test_a_table_that_slack_cannot_show_becomes_a_file_without_formulas() -> None:
    columns = [f"c{n}" for n in range(25)]
    text = f"Here:\n\n|{'|'.join(columns)}|\n|{'-|' * 25}\n|{'|'.join(['=cmd()'] * 25)}|\n"
    message, file = render(reply(text))
    assert file.file is not None
    assert message.rendered is not None
    assert list(csv.reader(io.StringIO(file.file.content))) == [columns, ["'=cmd()"] * 25]
    assert "The table of 1 rows is in the file table-1.csv" in words(said(message.rendered)).replace("\\", "")


def test_staff_are_named_and_files_listed() -> None:
    rendered = only(reply("Done <@U1>", ReplyKind.HANDOFF, author=Author("Sam Ortiz"), files=(Attachment("1", "a.png", "image/png", 1),)))
    assert rendered.text.startswith("Sam Ortiz: Done")
    assert "Files: a.png" in said(rendered)


def test_what_is_streamed_has_the_rest_below() -> None:
    one = reply(f"Yes [1].\n\n{SOURCES}", citations=CITATIONS, actions=(Action("a", "Ask a person"),))
    assert answer_markdown(one) == "Yes [[1]](https://kb.acme.example/travel)."
    assert [block["type"] for block in answer_tail(one)] == ["context", "actions"]


def test_an_empty_reply_still_says_something() -> None:
    assert only(reply("")).text.strip()
