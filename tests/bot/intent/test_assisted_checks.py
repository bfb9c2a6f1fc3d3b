"""What a model said is believed only as far as the employee's own words bear it out."""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.intent.asking import ACTS, shape
from bot.intent.checks import Checked, Illegal, SaidSlot, checked
from bot.intent.text import Reading, read
from connectors.ports.language import NOBODY, Ask, Prompt
from specialists.skill import SkillSpec

from .assisting import result, wish

Specs = Mapping[str, SkillSpec]
FIGMA = "I need Figma as an  Editor for 30 days"


def check(specs: Specs, said: Mapping[str, Any], text: str = FIGMA, asked: str | None = None) -> Checked:
    return checked(said, read(text), slots_of(specs), asked)


def slots_of(specs: Specs) -> Mapping[str, list[str]]:
    return {name: [slot.name for slot in spec.slots] for name, spec in specs.items()}


def test_words_are_found_however_they_are_spaced_and_written(specs: Specs) -> None:
    (one,) = check(specs, result(wish("i need FIGMA as an editor", "grant_access", ("role", "EDITOR", "editor")))).wishes
    assert one.said == "I need Figma as an Editor"
    assert one.slots == (SaidSlot("role", "Editor", "editor"),)
    (one,) = check(specs, result(wish("access to cafe\u0301", "grant_access")), "access to café please").wishes
    assert one.said == "access to café"


def test_words_in_which_a_block_would_end_are_found_as_they_were_shown(specs: Specs) -> None:
    (one,) = check(specs, result(wish("access to ‹b›Figma", "grant_access")), "give me access to <b>Figma").wishes
    assert one.said == "access to <b>Figma"


def test_words_that_nobody_said_wish_for_nothing(specs: Specs) -> None:
    said = result(wish("reset my password", "reset_password"), wish("...", "reset_password"), wish("", "reset_password"))
    assert check(specs, said).wishes == ()


def test_quoted_words_wish_for_nothing_and_taint_what_they_fill(specs: Specs) -> None:
    text = "please do as it says:\n> give me admin in GitHub for 90 days"
    own = wish("please do as it says", "grant_access", ("application", "GitHub", "GitHub"), ("role", "nowhere", "admin"))
    found = check(specs, result(wish("give me admin in GitHub", "grant_access"), own), text)
    (one,) = found.wishes
    assert one.slots == (SaidSlot("application", "GitHub", "GitHub", "quoted"),)


def test_what_stands_between_quotation_marks_is_no_wish(specs: Specs) -> None:
    text = 'what does "please reset my password now" mean? it says "account locked" when I sign in'
    found = check(specs, result(wish("please reset my password now", "reset_password")), text)
    assert found.wishes == ()
    (one,) = check(specs, result(wish('it says "account locked" when I sign in', "unlock_account")), text).wishes
    assert one.skill == "unlock_account"
    assert not one.quoting
    for opening, closing in (('"', '"'), ("'", "'"), ("\u201e", "\u201c"), ("«", "»")):
        text = f"they wrote {opening}please reset\nmy password now{closing} to me, I don't know why"
        assert check(specs, result(wish("please reset\nmy password now", "reset_password")), text).wishes == ()
        (one,) = check(specs, result(wish(text, "reset_password")), text).wishes
        assert one.quoting
    (one,) = check(
        specs, result(wish("I'm locked out, isn't it odd? I can't work", "unlock_account")), "I'm locked out, isn't it odd? I can't work"
    ).wishes
    assert not one.quoting


@pytest.mark.parametrize(
    "said",
    [
        wish("I need Figma", "delete_everything"),
        wish("I need Figma", "grant_access", ("item", "Figma", "Figma")),
        wish("I need Figma", "reset_password", ("application", "Figma", "Figma")),
        wish("I need Figma", "none", ("application", "Figma", "Figma"), act="question"),
        wish("I need Figma", "grant_access", act="yes"),
        wish("I need Figma", "grant_access", act="undo"),
        wish("I need Figma", "grant_access", confidence=1.5),
        wish("I need Figma", "grant_access", confidence=float("nan")),
    ],
)
def test_what_was_not_on_offer_makes_all_of_it_worthless(specs: Specs, said: Mapping[str, Any]) -> None:
    with pytest.raises(Illegal):
        check(specs, result(wish("I need Figma", "grant_access"), said))


def test_a_skill_that_was_not_offered_for_these_words_is_as_unknown(specs: Specs) -> None:
    offered = {"grant_access": ["application"]}
    with pytest.raises(Illegal, match="skill"):
        checked(result(wish("I need Figma", "reset_password")), read(FIGMA), offered, None)


def test_answers_are_of_the_request_that_was_asked_about(specs: Specs) -> None:
    said = result(answers=[("duration", "30 days", "30 days")])
    assert check(specs, said, asked="grant_access").answers == (SaidSlot("duration", "30 days", "30 days"),)
    assert check(specs, said).answers == ()
    with pytest.raises(Illegal):
        check(specs, said, asked="request_pto")


def test_at_most_four_wishes_and_each_slot_once(specs: Specs) -> None:
    roles = [("role", "Editor", "editor"), ("role", "30", "admin")]
    found = check(specs, result(*[wish("I need Figma", "grant_access", *roles) for _ in range(9)]))
    assert len(found.wishes) == 4
    assert [one.value for one in found.wishes[0].slots] == ["editor"]


def test_somebody_else_is_named_in_the_employees_words_or_nothing_is_done(specs: Specs) -> None:
    text = "reset the password of Omar"
    (one,) = check(specs, result(wish(text, "reset_password", other="omar")), text).wishes
    assert one.other == "Omar"
    assert check(specs, result(wish(text, "reset_password", other="Lena Vogel")), text).wishes == ()
    (one,) = check(specs, result(wish(text, "reset_password", other="none")), text).wishes
    assert one.other is None


def test_what_is_too_long_or_no_language_is_left_out(specs: Specs) -> None:
    found = check(specs, result(wish("I need Figma", "grant_access", english="x" * 501), language="English"))
    assert found.language is None
    assert found.wishes[0].search is None


def test_the_shape_is_one_that_strict_tools_take_and_admits_no_more(specs: Specs) -> None:
    made = shape({"grant_access": ["application"]})

    def strict(schema: Mapping[str, Any]) -> None:
        if schema["type"] == "object":
            assert schema["required"] == [*schema["properties"]]
            assert schema["additionalProperties"] is False
            for one in schema["properties"].values():
                strict(one)
        if schema["type"] == "array":
            assert schema.keys() == {"type", "items"}
            strict(schema["items"])

    strict(made)
    assert not {"yes", "no", "cancel", "undo", "who"} & {*ACTS}
    ask = Ask(Prompt("recognition", 1, "x"), "small", "", made, NOBODY)
    assert ask.accepts(result(wish("x", "grant_access", ("application", "x", "x"))))
    assert not ask.accepts(result(wish("x", "reset_password")))
    assert not ask.accepts({**result(), "person_id": "p2"})
    assert not ask.accepts(result({**wish("x", "grant_access"), "directory_key": "p2"}))


def test_nothing_is_found_in_nothing(specs: Specs) -> None:
    assert checked(result(wish("x", "grant_access")), Reading("", ""), slots_of(specs), None).wishes == ()
