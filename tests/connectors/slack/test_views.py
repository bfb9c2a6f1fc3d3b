from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from connectors.ports.chat import Action, Address, Form, FormField, Item, Prompt, Reply, ReplyKind, RequestRef, Section
from connectors.slack import views
from connectors.slack.buttons import ButtonValue
from connectors.slack.views import Sent, prompts, read_view
from tests.connectors.slack.replies import assert_view, replies, shown
from tests.connectors.slack.support import WORDING

form_view = partial(views.form_view, wording=WORDING)
home_view = partial(views.home_view, wording=WORDING)
loading_view = partial(views.loading_view, wording=WORDING)
text_view = partial(views.text_view, wording=WORDING)

HERE = Address("slack", "T1", "C1", "17.1")
SUBMIT = Action("send-id", "Send request", "primary")
FORM = Form(
    "Book a holiday",
    SUBMIT,
    (
        FormField("from", "First day", "date", value="2026-12-01", hint="The first day you are away"),
        FormField("days", "Days", "number", value="2.5"),
        FormField("kind", "Kind", "choice", choices=(("paid", "Paid"), ("unpaid", "Unpaid")), value="unpaid"),
        FormField("note", "Note", "long_text", required=False),
    ),
    "Your balance is **12 days**.",
)


def view_of(form: Form) -> dict[str, Any]:
    view = form_view(Reply("r", ReplyKind.FORM, "", form=form), where=HERE)
    assert_view(view)
    return view


def words(view: dict[str, Any]) -> str:
    return "\n".join(shown(view))


@settings(max_examples=30, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(replies)
def test_any_reply_is_a_view_within_the_limits_that_calls_nobody(one: Reply) -> None:
    assert_view(form_view(one, where=HERE))
    assert_view(home_view(one))
    assert_view(loading_view(one.text))
    for action in one.actions[:2]:
        assert_view(text_view(ButtonValue.of(action), where=HERE))
    title, offered = prompts(one)
    assert 1 <= len(title) <= 150
    assert len(offered) <= 4


def test_a_form_has_an_input_for_every_field() -> None:
    view = view_of(FORM)
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    assert [block["element"]["type"] for block in inputs] == ["datepicker", "number_input", "static_select", "plain_text_input"]
    assert [block["optional"] for block in inputs] == [False, False, False, True]
    first, days, kind, note = inputs
    assert (first["element"]["initial_date"], first["hint"]["text"]) == ("2026-12-01", "The first day you are away")
    assert (days["element"]["initial_value"], days["element"]["is_decimal_allowed"]) == ("2.5", True)
    assert kind["element"]["initial_option"]["value"] == "unpaid"
    assert note["element"]["multiline"] is True
    assert (view["callback_id"], view["submit"]["text"]) == ("form_send", "Send request")
    assert "12 days" in words(view)


def test_a_sent_form_is_read_back() -> None:
    view = view_of(FORM)
    typed = (
        {"type": "datepicker", "selected_date": "2026-12-24"},
        {"type": "number_input", "value": "3"},
        {"type": "static_select", "selected_option": {"text": {"type": "plain_text", "text": "Paid"}, "value": "paid"}},
        {"type": "plain_text_input", "value": None},
    )
    inputs = [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
    view["state"] = {"values": {block: {"value": state} for block, state in zip(inputs, typed, strict=True)}}
    values = {"from": "2026-12-24", "days": "3", "kind": "paid", "note": ""}
    assert read_view(view) == Sent("send-id", "", values, "C1", "17.1")


def test_words_that_were_asked_for_are_read_back() -> None:
    view = text_view(ButtonValue("deny-id", "Deny", "required", "Reason"), where=HERE)
    assert_view(view)
    (asked,) = view["blocks"]
    assert (asked["label"]["text"], asked["optional"], view["submit"]["text"]) == ("Reason", False, "Deny")
    view["state"] = {"values": {"text": {"value": {"type": "plain_text_input", "value": "Too late in the year"}}}}
    assert read_view(view) == Sent("deny-id", "Too late in the year", {}, "C1", "17.1")
    assert text_view(ButtonValue("x", "Approve", "optional"))["blocks"][0]["optional"] is True


def test_what_is_no_view_of_ours_sends_nothing() -> None:
    good = text_view(ButtonValue("x", "Deny"))
    for view in (
        {},
        good,
        {**good, "state": {"values": {}}, "callback_id": "other"},
        {"private_metadata": "[]", "callback_id": "form_send"},
    ):
        assert read_view(view) is None


def test_a_refusal_on_a_form_only_shows_its_text() -> None:
    view = form_view(Reply("r", ReplyKind.REFUSAL, "You have **no days** left.", request=RequestRef("FOY-3", "leave.book", "denied")))
    assert_view(view)
    assert "submit" not in view
    assert view["title"]["text"] == "FOY-3"
    assert "no days" in words(view)


def test_many_choices_are_grouped_and_far_too_many_are_typed() -> None:
    many = tuple((f"v{n}", f"Choice {n}") for n in range(250))
    (block,) = view_of(Form("T", SUBMIT, (FormField("a", "A", "choice", choices=many, value="v249"),)))["blocks"]
    assert [group["label"]["text"] for group in block["element"]["option_groups"]] == ["1–100", "101–200", "201–250"]
    assert block["element"]["initial_option"]["value"] == "v249"
    (typed,) = view_of(Form("T", SUBMIT, (FormField("a", "A", "choice", choices=many * 5),)))["blocks"]
    assert typed["element"]["type"] == "plain_text_input"
    assert "There are 1250 to choose from" in typed["hint"]["text"]


def test_what_cannot_stand_in_a_field_is_left_out() -> None:
    view = view_of(Form("T", SUBMIT, (FormField("a", "A", "date", value="tomorrow"), FormField("b", "B", "number", value="many"))))
    assert [sorted(block["element"]) for block in view["blocks"]] == [["action_id", "type"], ["action_id", "is_decimal_allowed", "type"]]


def test_a_long_title_is_shown_whole_in_the_view() -> None:
    assert "A title that is much longer than Slack allows" in words(
        view_of(Form("A title that is much longer than Slack allows", SUBMIT, FORM.fields))
    )


def test_the_home_page_has_its_sections_with_their_buttons() -> None:
    page = Reply(
        "r",
        ReplyKind.HOME,
        "Hello **Dana**",
        actions=(Action("a", "Book a holiday", opens_form=True),),
        sections=(Section("My requests", (Item("**FOY-12** Holiday", (Action("b", "Show"),)),), (Action("c", "All"),)),),
    )
    view = home_view(page)
    assert_view(view)
    assert [block["type"] for block in view["blocks"]] == ["rich_text", "actions", "divider", "header", "rich_text", "actions", "actions"]
    ids = [element["action_id"] for block in view["blocks"] for element in block.get("elements", ()) if "action_id" in element]
    assert ids == ["press_form.0", "press.1", "press.2"]


def test_a_full_home_page_says_how_many_are_not_there() -> None:
    items = tuple(Item(f"FOY-{n}", (Action(str(n), "Show"),)) for n in range(90))
    view = home_view(Reply("r", ReplyKind.HOME, "Hello", sections=(Section("My requests", items),)))
    assert_view(view)
    assert len(view["blocks"]) <= 100
    shown_items = words(view).count("FOY-")
    assert f"… and {90 - shown_items} more" in words(view)


def test_a_picture_is_words_and_a_link_shows_its_host_in_a_view() -> None:
    view = home_view(Reply("r", ReplyKind.HOME, "![p](https://evil.example/p.png) [bank](https://evil.example) <!here> *x*"))
    assert_view(view)
    assert words(view).count("evil.example)") == 2
    assert "image" not in str(view)


def test_prompts_are_four_at_most() -> None:
    one = Reply("r", ReplyKind.GREETING, "How can I **help**?", prompts=tuple(Prompt(f"T{n}", f"say {n}") for n in range(6)))
    title, offered = prompts(one)
    assert title == "How can I help?"
    assert offered == [{"title": f"T{n}", "message": f"say {n}"} for n in range(4)]
