from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ports.chat import Action, Press, Prompt
from connectors.teams.buttons import Buttons, read
from tests.connectors.slack.support import WORDING
from tests.connectors.teams.replies import of_type, words


def rows(*actions: Action, room: int = 8_000) -> list[dict[str, Any]]:
    return Buttons(WORDING, room).rows(actions)


def button(action: Action) -> dict[str, Any]:
    ((one,),) = [row["actions"] for row in rows(action)]
    assert isinstance(one, dict)
    return one


def test_a_button_carries_the_id_for_new_clients_and_for_old_ones() -> None:
    made = button(Action("a1", "Undo", "danger"))
    assert (made["type"], made["verb"]) == ("Action.Execute", "press")
    assert made["style"] == "destructive"
    assert made["data"] == {"foyer": "a1"}
    assert made["fallback"] == {"type": "Action.Submit", "title": "Undo", "data": {"foyer": "a1"}, "style": "destructive"}
    assert button(Action("a1", "Yes", "primary"))["style"] == "positive"
    assert "style" not in button(Action("a1", "Show"))


def test_what_was_pressed_is_read_back() -> None:
    assert read(button(Action("a1", "Undo"))["data"]) == Press("a1")
    sent = {"foyer": "f", "foyer.value.first": "2026-12-24", "foyer.value.days": 3, "foyer.value.half": 0.5}
    assert read(sent) == Press("f", "", {"first": "2026-12-24", "days": "3", "half": "0.5"})


def test_what_was_entered_can_be_written_down() -> None:
    """A database takes neither NUL nor half a surrogate."""
    sent = {"foyer": "a\x001", "foyer.text": "x\ud800y", "foyer.value.wh\x00y": "be\x00cause"}
    assert read(sent) == Press("a1", "x\ufffdy", {"why": "because"})
    assert read({"foyer": "\x00"}) is None


def test_words_that_are_needed_are_asked_for_inside_the_card() -> None:
    made = button(Action("n", "Deny", "danger", "required", "Why not?"))
    assert (made["type"], made["title"], made["style"]) == ("Action.ShowCard", "Deny", "destructive")
    (asked,) = made["card"]["body"]
    assert (asked["id"], asked["label"], asked["isRequired"]) == ("foyer.text", "Why not?", True)
    assert asked["errorMessage"] == WORDING.required
    (send,) = made["card"]["actions"]
    assert (send["type"], send["style"]) == ("Action.Execute", "destructive")
    assert read({**send["data"], "foyer.text": "No budget"}) == Press("n", "No budget")


def test_words_that_may_be_left_out_are_not_required() -> None:
    asked = button(Action("y", "Approve", needs_text="optional"))["card"]["body"][0]
    assert asked["label"] == "Approve"
    assert "isRequired" not in asked


def test_several_that_ask_keep_their_words_apart() -> None:
    """Some clients refuse a card in which two inputs have one id, and some send all inputs of a card."""
    ((first, second),) = [row["actions"] for row in rows(*(Action(name, name, needs_text="required") for name in ("reply", "note")))]
    names = [one["card"]["body"][0]["id"] for one in (first, second)]
    assert names == ["foyer.text", "foyer.1.text"]
    typed = {"foyer.text": "to them", "foyer.1.text": "for us"}
    sent = [read({**one["card"]["actions"][0]["data"], **typed}) for one in (first, second)]
    assert sent == [Press("reply", "to them"), Press("note", "for us")]
    assert read({**second["card"]["actions"][0]["data"], "foyer.text": "for us"}) == Press("note", "for us")


def test_second_thoughts_are_asked_for_first() -> None:
    made = button(Action("u", "Cancel", "danger", confirm="Take the role away again?"))
    assert words(made["card"]["body"]) == "Take the role away again?"
    (does,) = made["card"]["actions"]
    assert (made["title"], does["title"], does["style"], does["data"]) == ("Cancel", "Yes", "destructive", {"foyer": "u"})
    assert "tooltip" not in does


def test_what_opens_a_form_opens_a_dialog() -> None:
    made = button(Action("h", "Book a holiday", opens_form=True))
    assert made["type"] == "Action.Submit"
    assert made["data"] == {"msteams": {"type": "task/fetch"}, "foyer": "h", "title": "Book a holiday"}


def test_a_prompt_is_said_by_pressing_it() -> None:
    ((made,),) = [row["actions"] for row in Buttons(WORDING, 8_000).prompts([Prompt("Holidays", "How many days do I have left?")])]
    assert made["data"] == {"msteams": {"type": "imBack", "value": "How many days do I have left?"}}
    assert (made["title"], made["tooltip"]) == ("Holidays", "How many days do I have left?")
    assert read(made["data"]) is None


def test_a_row_has_six_and_what_finds_no_room_is_counted() -> None:
    many = rows(*(Action(f"a{n}", f"Button {n}") for n in range(14)))
    assert [len(row["actions"]) for row in many] == [5, 5, 4]
    few = rows(*(Action(f"a{n}", f"Button {n}") for n in range(14)), room=1_000)
    assert len(of_type(few, "Action.Execute")) == 6
    assert words(few[-1]) == "… and 8 more"


def test_long_labels_take_more_rows() -> None:
    labels = ("Claim", "Reply to employee", "Note (internal)", "Assign", "Resolve", "Return to Foyer")
    assert [len(row["actions"]) for row in rows(*(Action(label, label) for label in labels))] == [4, 2]


def test_an_id_that_is_none_of_ours_has_no_button() -> None:
    assert words(rows(Action("x" * 501, "Press"))) == "… and 1 more"
    assert words(rows(Action("", "Press"))) == "… and 1 more"


def test_a_label_that_is_cut_is_whole_in_its_tooltip() -> None:
    label = "Give the role back to the person who had it before, and tell their manager"
    made = button(Action("x", label))
    assert made["title"].endswith("…")
    assert made["tooltip"] == label


@pytest.mark.parametrize("data", [{}, {"foyer": ""}, {"foyer": None}, {"foyer": ["a"]}, {"foyer": {}}, {"action": "a"}])
def test_what_is_none_of_our_buttons_is_nothing(data: dict[str, Any]) -> None:
    assert read(data) is None


@given(st.dictionaries(st.sampled_from(("foyer", "foyer.text", "foyer.input", "foyer.value.a", "foyer.value.", "x")), st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()), st.dictionaries(st.text(), st.text()),
)))  # fmt: skip
def test_anything_is_read(data: dict[str, Any]) -> None:
    press = read(data)
    if press is not None:
        assert isinstance(press.text, str)
        assert all(isinstance(value, str) for value in press.values.values())
