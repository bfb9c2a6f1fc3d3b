import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from connectors.ports.chat import (
    Action,
    Attachment,
    Author,
    Citation,
    Feedback,
    Field,
    Form,
    FormField,
    Progress,
    Prompt,
    Reply,
    ReplyKind,
    RequestRef,
    Step,
)
from connectors.teams import render as rendering
from connectors.teams.render import Part
from tests.connectors.slack.replies import replies
from tests.connectors.slack.support import WORDING
from tests.connectors.teams.replies import check_card, check_part, nodes, of_type, shown, words
from tests.e2e.slack_pictures import examples

render = partial(rendering.render, wording=WORDING)
card_of = partial(rendering.card_of, wording=WORDING)
form_card = partial(rendering.form_card, wording=WORDING)

SOURCES = "[1] Travel policy, Hotels, updated 3 months ago\n[2] Expenses, updated 2 years ago, so check whether it still holds"
CITATIONS = (
    Citation(1, "Travel policy", "travel.md", "Hotels", url="https://kb.acme.example/travel"),
    Citation(2, "Expenses", "expenses.md"),
)
REQUEST = RequestRef("FOY-12", "leave.book", "awaiting_approval")
EVIL = (
    "<at>Dana</at> [bank](https://evil.example) ![p](https://evil.example/p.png) <img src=https://evil.example/p.png> "
    "**x** _y_ `z` {{DATE(2026-12-24T00:00:00Z)}} {{TIME(2026-12-24T00:00:00Z)}} # 1. - > | ~~s~~ @everyone"
)


def reply(text: str = "Hello", kind: ReplyKind = ReplyKind.ANSWER, **more: Any) -> Reply:
    return Reply("r1", kind, text, **more)


def only(one: Reply) -> Part:
    (part,) = render(one)
    check_part(part)
    return part


def card(one: Reply) -> dict[str, Any]:
    part = only(one)
    assert part.text == ""
    assert part.card is not None
    return part.card


@settings(max_examples=40, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(replies)
def test_any_reply_is_shown_within_the_limits_and_calls_nobody(one: Reply) -> None:
    parts = render(one)
    for part in parts:
        check_part(part)
    check_card(card_of(one))
    check_card(form_card(one))


# -- answers ---------------------------------------------------------------------------------------------------------------


def test_an_answer_is_text_with_its_label_and_its_sources_below() -> None:
    part = only(reply(f"Up to 120 € a night [1].\n\n{SOURCES}", citations=CITATIONS))
    assert part.card is None
    assert part.text == (
        "Up to 120 € a night [1].\n\n"
        "(1) [Travel policy, Hotels, updated 3 months ago](https://kb.acme.example/travel) (kb.acme.example)  \n"
        "(2) Expenses, updated 2 years ago, so check whether it still holds"
    )
    (entity,) = part.entities
    assert entity["additionalType"] == ["AIGeneratedContent"]
    assert [claim["position"] for claim in entity["citation"]] == [1, 2]


def test_sources_that_the_text_does_not_word_are_worded_here() -> None:
    cited = (Citation(3, "VPN", "vpn.md", "Set-up", updated=datetime(2026, 2, 3, tzinfo=UTC), restricted=True),)
    assert only(reply("Use it [3].", citations=cited)).text == "Use it [3].\n\n(3) VPN, Set-up, 2026-02-03"


def test_an_answer_of_nothing_cited_is_labelled_all_the_same() -> None:
    (entity,) = only(reply("I can help with that.")).entities
    assert entity["citation"] == []


def test_what_staff_wrote_is_theirs() -> None:
    part = only(reply("Hold the *power* key", ReplyKind.HANDOFF, author=Author("Sam *Ortiz*")))
    assert part.text == "**Sam \\*Ortiz\\***\n\nHold the *power* key"
    assert part.entities == ()
    assert only(reply("Hello", author=Author("Sam"))).entities == ()


def test_thumbs_are_on_what_asks_for_them() -> None:
    feedback = Feedback(Action("up", "Helpful"), Action("down", "Not helpful"))
    assert only(reply(feedback=feedback)).channel_data == {"feedbackLoop": {"type": "default"}}
    assert only(reply()).channel_data == {}


def test_buttons_of_an_answer_stand_in_a_card_below_its_text() -> None:
    part = only(reply("Hello", actions=(Action("p", "Ask a person"),)))
    assert part.text == "Hello"
    assert part.card is not None
    assert [one["type"] for one in part.card["body"]] == ["ActionSet"]


def test_a_small_table_is_a_table_of_a_card() -> None:
    part = only(reply("Offices:\n\n| Office | City |\n|---|---|\n| A | [Berlin](https://evil.example) |\n\nThat is all."))
    assert part.text == "Offices:\n\n*Table 1 stands below.*\n\nThat is all."
    (table,) = of_type(part.card, "Table")
    assert table["firstRowAsHeader"]
    assert [words(row) for row in table["rows"]] == ["Office\nCity", "A\nBerlin"]


def test_a_long_table_is_cut_and_says_so() -> None:
    part = only(examples.TABLE)
    (table,) = of_type(part.card, "Table")
    shown = len(table["rows"]) - 1
    assert 20 < shown <= 50
    assert words(part.card).endswith(f"… and {105 - shown} more")
    assert "file" not in part.text


def test_a_table_of_many_columns_shows_that_there_are_more() -> None:
    row = "| " + " | ".join(f"c{n}" for n in range(11)) + " |"
    (table,) = of_type(only(reply(f"{row}\n{'|---' * 11}|\n{row}")).card, "Table")
    assert [words(row).split("\n") for row in table["rows"]] == [[*(f"c{n}" for n in range(9)), "…"]] * 2


def test_a_table_that_there_is_no_room_for_is_counted() -> None:
    row = "| " + " | ".join(["€" * 300] * 10) + " |"
    part = only(reply(f"Prices:\n\n{row}\n{'|---' * 10}|\n{row}"))
    assert part.card is None
    assert re.fullmatch(r"Prices:\n\n\*… cut here: 6\d{3} more characters\*", part.text)


def test_a_long_answer_takes_up_to_three_messages_with_the_sources_at_the_end() -> None:
    text = "\n\n".join(f"Paragraph {n} [{1 + n % 2}]. " + "word " * 300 for n in range(12))
    feedback = Feedback(Action("up", "Helpful"), Action("down", "Not helpful"))
    parts = render(reply(text, citations=CITATIONS, actions=(Action("p", "Ask"),), feedback=feedback))
    assert len(parts) == 3
    for part in parts:
        check_part(part)
        assert len(part.entities) == 1
    assert [part.card is not None for part in parts] == [False, False, True]
    assert [bool(part.channel_data) for part in parts] == [True, False, False]
    assert [("(1) " in part.text) for part in parts] == [False, False, True]


def test_a_longer_answer_is_cut_and_says_how_much_is_missing() -> None:
    text = "\n\n".join("word " * 300 for _ in range(30))
    parts = render(reply(text))
    for part in parts:
        check_part(part)
    assert len(parts) == 3
    said, _, missing = parts[-1].text.rpartition("… cut here: ")
    shown = "".join(part.text for part in parts[:-1]) + said
    assert abs(shown.count("word") + int(missing.split()[0]) / 5 - 9_000) < 20
    assert all("cut here" not in part.text for part in parts[:-1])


def test_what_can_be_changed_in_place_is_one_message() -> None:
    part = only(reply("word " * 4_000, ReplyKind.NOTICE, request=REQUEST))
    assert "cut here" in part.text


def test_headings_are_bold_and_rules_are_gone_where_teams_shows_none() -> None:
    assert only(reply("## Hotels **now**\n\nYes\n\n---\n\nNo")).text == "**Hotels now**\n\nYes\n\nNo"


def test_text_calls_nobody_shows_no_picture_and_says_where_links_lead() -> None:
    text = only(reply(EVIL + "\n\n```\n<at>x</at> <img src=x>\n```")).text
    assert "[bank](https://evil.example) (evil.example)" in text
    assert "<i" not in text
    assert "![" not in text
    assert "<at" not in text.lower()


def test_a_form_has_one_button() -> None:
    shown = card(
        reply("", ReplyKind.FORM, form=Form("Leave", Action("s", "Send"), (FormField("why", "Why?"),)), actions=(Action("a", "A"),))
    )
    assert [one["title"] for one in nodes(shown) if str(one.get("type")).startswith("Action.") and "title" in one][:1] == ["Send"]
    assert "A" not in [one.get("title") for one in nodes(shown)]


def test_all_that_is_much_at_once_fits_in_one_message() -> None:
    table = '| " | b |\n|---|---|\n' + "\n".join(f'| "{n}" | {"x" * 60} |' for n in range(60))
    cited = tuple(Citation(n, '"' * 90, "s", snippet='"' * 300, url=f"https://kb.example/{'x' * 300}{n}") for n in range(1, 30))
    actions = tuple(Action(f"{n}" * 200, "Label " * 9, needs_text="required", prompt="Why? " * 90) for n in range(1, 20))
    for text in ('"' * 7_500, '" ' * 11_000, "short"):
        one = reply(f"{text}\n\n{table}\n\n{table}", citations=cited, actions=actions, fields=tuple([Field("A", '"' * 900)] * 20))
        for part in render(one):
            check_part(part)


# -- cards -----------------------------------------------------------------------------------------------------------------


def test_only_words_are_a_message_and_all_else_is_a_card() -> None:
    assert only(reply("Nothing was changed.", ReplyKind.NOTICE)).text == "Nothing was changed."
    assert only(reply("Which one?", ReplyKind.QUESTION, actions=(Action("a", "A"),))).card is not None
    assert only(reply("See\n\n| a |\n|---|\n| b |", ReplyKind.NOTICE)).text == ""


def test_the_live_card_says_every_state_in_words() -> None:
    states = ("pending", "running", "done", "failed", "undone")
    steps = tuple(Step(f"Step {state}", state) for state in states)  # type: ignore[arg-type]
    made = card(reply("x", ReplyKind.PROGRESS, request=REQUEST, progress=Progress("Book", "Priya has it", "leave", steps, "done then")))
    title, ball, *lines = made["body"]
    assert (title["style"], title["text"]) == ("heading", "FOY-12 · Book")
    assert ball["inlines"] == [{"type": "TextRun", "text": "Priya has it", "weight": "Bolder"}]
    assert ["".join(shown(one)) for one in lines] == [
        *("○  Step pending (not yet)", "▸  Step running (now)", "✓  Step done (done)", "✗  Step failed (failed)"),
        *("↶  Step undone (undone)", "Next: done then", "Handled by leave"),
    ]


def test_exact_arguments_are_shown_letter_by_letter() -> None:
    value = "grant_access(system=*figma*, role=[x](http://evil.example), why=<b>_a_</b>)"
    made = card(replace(examples.ASKED, fields=(Field("Exactly", value),)))
    run = next(one for one in of_type(made, "TextRun") if one["text"].startswith("grant"))
    assert run == {"type": "TextRun", "text": value}
    approve, deny = (one for one in nodes(made) if one["type"] == "Action.ShowCard")
    assert (approve["style"], deny["style"]) == ("positive", "destructive")
    assert of_type(deny, "Input.Text")[0]["isRequired"]


@pytest.mark.parametrize("where", ["text", "ball", "step", "field", "transcript", "author", "button", "source", "title"])
def test_nothing_that_people_wrote_is_read_as_formatting(where: str) -> None:
    """All that a client reads Markdown in is a heading, where every mark is escaped."""
    progress = Progress(EVIL, EVIL, EVIL, (Step(EVIL, "running"),), EVIL)
    told: dict[str, dict[str, Any]] = {
        "text": {"text": f"`{EVIL}`", "kind": ReplyKind.NOTICE, "actions": (Action("a", "A"),)},
        "ball": {"kind": ReplyKind.PROGRESS, "progress": progress},
        "title": {"kind": ReplyKind.PROGRESS, "progress": progress},
        "step": {"kind": ReplyKind.PROGRESS, "progress": progress},
        "field": {"kind": ReplyKind.APPROVAL, "fields": (Field(EVIL, EVIL),)},
        "transcript": {"kind": ReplyKind.HANDOFF, "transcript": (EVIL,)},
        "author": {"kind": ReplyKind.HANDOFF, "author": Author(EVIL), "transcript": ("x",)},
        "button": {"kind": ReplyKind.QUESTION, "actions": (Action("a", EVIL, needs_text="required", prompt=EVIL, confirm=EVIL),)},
        "source": {"kind": ReplyKind.NOTICE, "citations": (Citation(1, EVIL, EVIL),), "actions": (Action("a", "A"),)},
    }
    made = card(reply(**{"text": "Hello", **told[where]}))
    read = [one["text"].replace("\\[", "").replace("\\]", "") for one in of_type(made, "TextBlock")]
    assert not [one for one in read if "[" in one or "](" in one]
    assert of_type(made, "Action.OpenUrl") == []
    assert "Dana" in words(made)


def test_a_link_on_a_card_shows_its_host() -> None:
    made = card(
        reply("See [our bank](https://evil.example/login) ![secret](https://evil.example/p.png)", actions=(), kind=ReplyKind.GREETING)
    )
    assert "".join(one["text"] for one in of_type(made, "TextRun")) == "See our bank (evil.example) secret (evil.example)"
    (link,) = of_type(made, "Action.OpenUrl")
    assert link["url"] == "https://evil.example/login"


def test_a_handoff_card_has_the_newest_of_the_transcript() -> None:
    made = card(replace(examples.HANDOFF, transcript=tuple(f"Dana Kim: line {n} " + "x" * 100 for n in range(60))))
    assert "line 59" in words(made)
    assert "line 0 " not in words(made)
    assert "Earlier lines left out: " in words(made)
    assert [one["title"] for one in nodes(made["body"]) if one["type"] == "Action.ShowCard"][:2] == ["Reply to employee", "Note (internal)"]


def test_cards_that_are_too_long_keep_their_buttons_and_say_what_is_missing() -> None:
    fields = tuple(Field(f"Field {n}", "value " * 60) for n in range(60))
    made = card(replace(examples.ASKED, text="word " * 20_000, fields=fields, transcript=tuple("line" * 99 for _ in range(90))))
    said = words(made)
    assert "cut here" in said
    assert "… and " in said
    assert [one["title"] for one in made["body"][-1]["actions"]] == ["Approve", "Deny"]


def test_the_home_page_is_a_card_with_headings() -> None:
    made = card(examples.HOME)
    assert [one["text"] for one in of_type(made, "TextBlock")] == ["Waiting for your decision", "My requests"]
    inputs = [one["id"] for one in of_type(made, "Input.Text")]
    assert inputs == ["foyer.text", "foyer.1.text"]


def test_the_greeting_has_its_prompts() -> None:
    made = card(reply("I'm Foyer, an **AI**.", ReplyKind.GREETING, prompts=(Prompt("Holidays", "How many days?"),)))
    assert made["body"][0]["inlines"][1] == {"type": "TextRun", "text": "AI", "weight": "Bolder"}
    assert made["body"][-1]["actions"][0]["data"]["msteams"] == {"type": "imBack", "value": "How many days?"}


def test_files_are_named_where_they_are_sent() -> None:
    assert only(reply("Here", files=(Attachment("f", "plan_v*.pdf", "application/pdf", 9),))).text == "Here\n\nFiles: plan\\_v\\*.pdf"


def test_the_summary_says_what_a_card_says_first() -> None:
    assert only(examples.ASKED).summary == "FOY-12 Dana Kim asks for access to Figma as editor. You decide until 23 November, 14:05."
    assert only(examples.WAITING).summary.startswith("FOY-12 Approval")


def test_what_is_shown_for_a_pressed_card_is_all_of_it() -> None:
    made = card_of(reply("Nothing was changed.", ReplyKind.NOTICE))
    check_card(made)
    assert words(made["body"]) == "Nothing was changed."


# -- forms -----------------------------------------------------------------------------------------------------------------


def test_a_form_has_an_input_for_every_field() -> None:
    made = form_card(examples.FORM)
    check_card(made)
    inputs = [one for one in nodes(made) if one["type"].startswith("Input.")]
    assert [(one["type"], one["id"], one["label"], one.get("isRequired", False)) for one in inputs] == [
        ("Input.Date", "foyer.value.first", "First day", True),
        ("Input.Date", "foyer.value.last", "Last day", True),
        ("Input.ChoiceSet", "foyer.value.kind", "Kind", True),
        ("Input.Text", "foyer.value.note", "Note to the approver", False),
    ]
    assert inputs[0]["value"] == "2026-12-24"
    assert (inputs[2]["style"], inputs[2]["value"]) == ("compact", "paid")
    assert inputs[3]["isMultiline"]
    assert "Your manager reads it." in words(made)
    assert made["body"][0]["text"] == "Book a holiday"
    (send,) = made["body"][-1]["actions"]
    assert (send["type"], send["data"]) == ("Action.Submit", {"foyer": "f"})


def test_a_form_in_a_message_is_sent_as_a_press() -> None:
    made = card(examples.FORM)
    assert made["body"][0]["text"] == "Book a holiday"
    (send,) = of_type(made, "Action.Execute")
    assert send["data"] == {"foyer": "f"}


def test_what_stands_there_must_be_what_its_kind_takes() -> None:
    fields = (
        FormField("d", "Day", "date", value="tomorrow"),
        FormField("n", "Days", "number", value="2.5"),
        FormField("m", "Months", "number", value="NaN"),
        FormField("c", "Kind", "choice", choices=(("a", "A"),), value="b"),
        FormField("d", "Day again"),
    )
    day, days, months, kind = (one for one in nodes(form_card(reply(form=Form("F", Action("f", "Send"), fields)))) if "id" in one)
    assert [one.get("value") for one in (day, days, months, kind)] == [None, 2.5, None, None]


def test_a_choice_among_too_many_is_typed() -> None:
    choices = tuple((f"v{n}", f"Somebody with a long name, number {n}") for n in range(400))
    made = form_card(reply(form=Form("F", Action("f", "Send"), (FormField("who", "Who", "choice", choices=choices),))))
    assert of_type(made, "Input.Text")[0]["id"] == "foyer.value.who"
    assert "There are 400 to choose from" in words(made)


def test_a_form_that_was_refused_says_why() -> None:
    made = form_card(replace(examples.REFUSAL, actions=(Action("p", "Ask a person"), Action("n", "Note", needs_text="required"))))
    check_card(made)
    assert of_type(made, "Action.Execute") == []
    assert [one["data"] for one in of_type(made, "Action.Submit")] == [{"foyer": "p"}, {"foyer": "n"}]
    assert "2 days" in words(made)


def test_cards_are_json() -> None:
    for name, one in vars(examples).items():
        if isinstance(one, Reply):
            assert json.loads(json.dumps(card_of(one))) == card_of(one), name
