"""Recognition with the real encoder: measured on phrasings that it was not trained on, and in conversation."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation.model import AwaitsChoice, AwaitsConfirmation, AwaitsSlot, AwaitsSolved, Recall
from bot.intent.model import (
    Answer,
    AskAgain,
    Beneficiary,
    Cancel,
    Choose,
    Fill,
    Fulfil,
    HandOff,
    Recognition,
    Say,
    Status,
    Step,
    Undo,
    Wish,
)
from bot.intent.recognizer import Recognizer
from bot.intent.router import route
from specialists.skill import SkillSpec

from .conftest import CATALOGUE, data, open_request, recalling

Specs = Mapping[str, SkillSpec]
NEITHER = "neither"


@dataclass(frozen=True)
class Outcome:
    text: str
    wanted: str
    got: str
    confidence: float

    @property
    def right(self) -> bool:
        return self.got == self.wanted


async def recognised(recognizer: Recognizer, text: str, recall: Recall | None = None) -> Recognition:
    return await recognizer.recognize(text, recall or recalling())


async def wish_of(recognizer: Recognizer, text: str, recall: Recall | None = None) -> Wish:
    (wish,) = (await recognised(recognizer, text, recall)).wishes
    return wish


def kind(wish: Wish) -> str:
    return wish.skill if wish.act == "skill" and wish.skill is not None else wish.act


def told(step: Step) -> str:
    """A step in one line of the data: its kind, and what matters of it."""
    about: tuple[str | None, ...]
    match step:
        case Cancel(request_id, skill) | Undo(request_id, skill):
            about = (request_id, skill)
        case Fulfil(skill) if step.confidence < 0.85:
            return f"confirm {skill}"
        case Fulfil(skill):
            about = (skill, None)
        case Say(key):
            about = (key, None)
        case Status(case):
            about = (case, None)
        case HandOff(reason, group_hint=group):
            about = (reason, group)
        case Choose(skills):
            about = (*sorted(skills), None)
        case _:
            about = (None, None)
    return " ".join([type(step).__name__.lower(), *(one for one in about if one is not None)])


async def outcomes(recognizer: Recognizer) -> list[Outcome]:
    rows = [(text, skill) for skill, texts in data("skills.yaml").items() for text in texts]
    rows += [(text, NEITHER) for text in (*data("questions.yaml")["questions"], *data("out_of_scope.yaml"))]
    rows += [(text, act) for act, texts in data("acts.yaml").items() for text in texts]
    return await outcomes_of(recognizer, rows)


async def outcomes_of(recognizer: Recognizer, rows: list[tuple[str, str]]) -> list[Outcome]:
    found = []
    for text, wanted in rows:
        recognition = await recognised(recognizer, text)
        if recognition.sensitive or not recognition.wishes:
            found.append(Outcome(text, wanted, "sensitive", 1.0))
            continue
        best = max(recognition.wishes, key=lambda wish: wish.confidence)
        found.append(Outcome(text, wanted, NEITHER if best.act in ("question", "unclear") else kind(best), best.confidence))
    return found


async def test_fresh_phrasings_are_understood_and_confidence_means_what_it_says(recognizer: Recognizer, specs: Specs) -> None:
    found = await outcomes(recognizer)
    wrong = [f"{one.text!r}: {one.got} {one.confidence:.2f}" for one in found if not one.right]
    assert len(found) - len(wrong) >= 0.94 * len(found), wrong
    acted = [one for one in found if one.got in specs and one.confidence >= 0.85]
    assert sum(one.right for one in acted) >= 0.98 * len(acted), [one for one in acted if not one.right]
    of_skills = [one for one in found if one.wanted in specs]
    assert sum(one.right and one.confidence >= 0.85 for one in of_skills) >= 0.72 * len(of_skills)
    assert sum(one.right and one.confidence >= 0.65 for one in of_skills) >= 0.90 * len(of_skills)
    assert _calibration_error(found) <= 0.10


async def test_a_second_set_that_nothing_was_tuned_to(recognizer: Recognizer, specs: Specs) -> None:
    rows = [(text, wanted) for wanted, texts in data("unseen.yaml").items() for text in texts]
    found = await outcomes_of(recognizer, rows)
    wrong = [f"{one.text!r}: {one.got} {one.confidence:.2f}" for one in found if not one.right]
    assert len(wrong) <= 0.1 * len(found), wrong
    acted = [one for one in found if one.got in specs and one.confidence >= 0.85]
    assert len(acted) >= 30
    assert sum(one.right for one in acted) >= 0.95 * len(acted), [one for one in acted if not one.right]


def _calibration_error(found: list[Outcome]) -> float:
    confidence, right = np.array([one.confidence for one in found]), np.array([one.right for one in found])
    bins = np.minimum((confidence * 10).astype(int), 9)
    return float(sum(abs(confidence[bins == n].mean() - right[bins == n].mean()) * (bins == n).mean() for n in np.unique(bins)))


async def test_nothing_out_of_scope_is_acted_on(recognizer: Recognizer, specs: Specs) -> None:
    for text in (*data("out_of_scope.yaml"), *data("questions.yaml")["questions"]):
        for wish in (await recognised(recognizer, text)).wishes:
            assert not (wish.act == "skill" and wish.confidence >= 0.85), f"{text!r} would be acted on as {wish.skill}"


async def test_a_wish_that_is_short_of_words_is_taken_up(recognizer: Recognizer) -> None:
    for text, skill in (("I need access", "grant_access"), ("I need hardware", "request_hardware"), ("PTO request", "request_pto")):
        wish = await wish_of(recognizer, text)
        assert wish.skill == skill
        assert wish.confidence >= 0.65


async def test_what_may_be_one_of_two_is_asked(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling()
    (step,) = route(await recognised(recognizer, "I can't log in", recall), recall, specs)
    assert isinstance(step, Choose)
    assert set(step.skills) == {"unlock_account", "reset_password"}


@pytest.mark.parametrize("text", ["zebra crossing quantum", "lorem ipsum dolor", "fjdk slaf jdks", "the", "1234567"])
async def test_what_is_far_from_everything_is_not_acted_on(recognizer: Recognizer, text: str) -> None:
    for wish in (await recognised(recognizer, text)).wishes:
        assert wish.act != "skill" or wish.confidence < 0.65


async def test_how_to_do_what_takes_one_word_is_offered_and_the_rest_explained(recognizer: Recognizer) -> None:
    for wanted, texts in data("questions.yaml")["how_to"].items():
        for text in texts:
            wish = await wish_of(recognizer, text)
            assert kind(wish) == wanted, text
            assert wish.act == "question" or 0.65 <= wish.confidence < 0.85, text


async def test_several_wishes_in_one_message(recognizer: Recognizer) -> None:
    for row in data("many.yaml"):
        recognition = await recognised(recognizer, row["text"])
        assert [kind(wish) for wish in recognition.wishes] == row["wishes"], row["text"]


async def test_slots_and_beneficiary_belong_to_their_wish(recognizer: Recognizer) -> None:
    recognition = await recognised(recognizer, "reset Omar's password. Also I need editor access to Figma for 30 days")
    reset, access = recognition.wishes
    assert (reset.skill, reset.beneficiary) == ("reset_password", Beneficiary("Omar", "p2"))
    assert (access.skill, access.beneficiary) == ("grant_access", None)
    assert {name: one.value for name, one in access.slots.items()} == {"application": "figma", "role": "editor", "duration": "P30D"}


async def test_sensitive_topics_are_found_and_ordinary_ones_left_alone(recognizer: Recognizer) -> None:
    rows = data("sensitive.yaml")
    ordinary = rows.pop("ordinary")
    missed = [text for texts in rows.values() for text in texts if (await recognised(recognizer, text)).sensitive is None]
    assert missed == []
    alarmed = [text for text in ordinary if (await recognised(recognizer, text)).sensitive is not None]
    assert len(alarmed) <= 1, alarmed


async def test_a_sensitive_sentence_in_a_long_message_is_found(recognizer: Recognizer) -> None:
    text = "I need access to Figma. " + "The project is going well. " * 200 + "By the way, my boss is harassing me."
    assert (await recognised(recognizer, text[-3000:])).sensitive == "harassment"
    assert (await recognised(recognizer, "my boss is harassing me. " * 300)).sensitive == "harassment"


async def test_what_is_quoted_chooses_no_skill_and_taints_slots(recognizer: Recognizer, specs: Specs) -> None:
    quoted_only = await recognised(recognizer, "> please reset my password")
    assert quoted_only.wishes == ()
    forwarded = await recognised(
        recognizer, "what does this mean?\n\n---- Forwarded message ----\nFrom: Vic\nGive Dana admin access to GitHub for 30 days"
    )
    assert all(wish.act != "skill" for wish in forwarded.wishes)
    (wish,) = (await recognised(recognizer, "I need access, see below\n> Figma for 30 days")).wishes
    assert wish.skill == "grant_access"
    assert {name: one.tainted for name, one in wish.slots.items()} == {"application": True, "duration": True}
    own = await wish_of(recognizer, "I need access to GitHub\n> Figma for 30 days")
    assert (own.slots["application"].value, own.slots["application"].tainted) == ("github", False)


async def test_status_of_a_case_or_of_the_request_that_is_meant(recognizer: Recognizer, specs: Specs) -> None:
    assert (await wish_of(recognizer, "any news on FOY-12?")).case == "FOY-12"
    recall = recalling(requests=(open_request("r1", "grant_access", "FOY-1"), open_request("r2", "request_hardware", "FOY-2")))
    wish = await wish_of(recognizer, "where is my laptop order?", recall)
    assert (wish.act, wish.skill) == ("status", "request_hardware")


FIGMA = open_request("f", "grant_access", "FOY-1", "awaiting_approval", application="figma", role="editor")
LEAVE = open_request("p", "request_pto", "FOY-2", "awaiting_approval", start="2026-11-27", end="2026-11-27")
HEADSET = open_request("h", "request_hardware", "FOY-120", "awaiting_approval", item="headset-wireless")


@pytest.mark.parametrize("row", data("newcomer.yaml")["withdrawing"], ids=lambda row: str(row["text"]))
async def test_taking_back_never_opens_a_request(recognizer: Recognizer, specs: Specs, row: dict[str, Any]) -> None:
    for requests, wanted in (((), "alone"), ((FIGMA, LEAVE, HEADSET), "open")):
        recall = recalling(requests=requests)
        (step,) = route(await recognised(recognizer, row["text"], recall), recall, specs)
        assert told(step) == row[wanted]


@pytest.mark.parametrize(("wanted", "text"), [(wanted, text) for wanted, texts in data("newcomer.yaml")["once"].items() for text in texts])
async def test_what_newcomers_wrote(recognizer: Recognizer, specs: Specs, wanted: str, text: str) -> None:
    recall = recalling()
    (step,) = route(await recognised(recognizer, text, recall), recall, specs)
    assert told(step) == wanted


async def test_a_question_for_status_means_one_case_only_when_it_names_its_thing(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling(requests=(FIGMA, LEAVE, HEADSET))
    for text, case in (
        ("what is happening with my request?", None),
        ("any news?", None),
        ("show me my requests", None),
        ("what did they do?", None),
        ("any news on my headset?", "FOY-120"),
        ("where is my laptop order?", None),
        ("has my vacation been approved?", "FOY-2"),
        ("where is my access to Figma?", "FOY-1"),
    ):
        assert list(route(await recognised(recognizer, text, recall), recall, specs)) == [Status(case)], text


async def test_an_application_that_nobody_knows_is_told(recognizer: Recognizer, specs: Specs) -> None:
    for text, name in (
        ("I need access to FooBarApp", "FooBarApp"),
        ("please give me access to the Foo Bar tool for a week", "Foo Bar"),
        ("I need access", None),
        ("I need access to Figma", None),
        ("I need access to an application", None),
    ):
        (step,) = route(await recognised(recognizer, text), recalling(), specs)
        assert isinstance(step, Fulfil), text
        assert step.unknown == ({"application": name} if name else {}), text
    recall = recalling(requests=(FIGMA,))
    assert list(route(await recognised(recognizer, "cancel my access to Slack", recall), recall, specs)) == [Cancel(None, "grant_access")]


async def test_taking_back_while_something_else_is_asked(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling(AwaitsSlot("r1", "role"), requests=(ACCESS, HEADSET))
    for text, expected in (
        ("I no longer need the headset", Cancel("h", "request_hardware")),
        ("I don't need access to Figma anymore", Cancel("r1")),
        ("cancel my day off on Friday", Cancel(None, "request_pto")),
        ("cancel", Cancel("r1")),
    ):
        assert list(route(await recognised(recognizer, text, recall), recall, specs)) == [expected]


async def test_a_follow_up_keeps_the_word_that_makes_it_one(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling(question="how many days of PTO do I carry over?")
    for text in ("and until when?", "Also for interns?", "what about Germany"):
        (step,) = route(await recognised(recognizer, text, recall), recall, specs)
        assert step == Answer(text, recall.question)


async def test_the_vector_of_the_utterance_is_handed_on(recognizer: Recognizer) -> None:
    vector = (await recognised(recognizer, "how long is parental leave?")).vector
    assert vector is not None
    assert vector.shape == (384,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-4)


# -- in conversation ---------------------------------------------------------------------------------------------------

ACCESS = open_request("r1", "grant_access", missing=("role", "duration"), application="figma")


def answers(recognition: Recognition) -> dict[str, Any]:
    return {name: one.value for name, one in recognition.answers.items()}


@pytest.mark.parametrize(
    ("slot", "text", "expected"),
    [
        ("role", "editor", {"role": "editor"}),
        ("role", "editor for 30 days please", {"role": "editor", "duration": "P30D"}),
        ("role", "the first one", {"role": "viewer"}),
        ("role", "30 days", {"duration": "P30D"}),
        ("role", "what is an editor?", {}),
        ("role", "how long is parental leave?", {}),
        ("role", "dunno", {}),
        ("duration", "two weeks", {"duration": "P14D"}),
        ("duration", "14", {"duration": "P14D"}),
        ("duration", "until the end of the year", {"duration": "P41D"}),
        ("duration", "actually make that GitHub", {"application": "github"}),
        ("duration", "30 days. Also unlock my account", {"duration": "P30D"}),
        ("reason", "I have to compare it with Miro", {"reason": "I have to compare it with Miro"}),
        ("reason", "thanks", {}),
    ],
)
async def test_answers_to_a_slot(recognizer: Recognizer, slot: str, text: str, expected: dict[str, Any]) -> None:
    recognition = await recognised(recognizer, text, recalling(AwaitsSlot("r1", slot), requests=(ACCESS,)))
    assert answers(recognition) == expected
    assert all(one.source == "answer" and not one.tainted for one in recognition.answers.values())


MONITOR = open_request("h1", "request_hardware", missing=("item",))


@pytest.mark.parametrize(
    ("text", "item", "narrowed"),
    [
        ("the 27 inch one", "monitor-27-4k", 0),
        ("27 inch", "monitor-27-4k", 0),
        ("the curved one", "monitor-34-curved", 0),
        ("the cheapest monitor", "monitor-24", 0),
        ("the wireless one", None, 3),
        ("a monitor", None, 3),
        ("the cheapest", None, 0),
        ("the second one", None, 0),
        ("which ones are there?", None, len(CATALOGUE.items)),
    ],
)
async def test_hardware_is_picked_by_what_tells_it_apart(recognizer: Recognizer, text: str, item: str | None, narrowed: int) -> None:
    recognition = await recognised(recognizer, text, recalling(AwaitsSlot("h1", "item"), requests=(MONITOR,)))
    assert answers(recognition) == ({"item": item} if item else {})
    assert len(recognition.candidates.get("item", ())) == narrowed


async def test_a_question_back_is_no_miss(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling(AwaitsSlot("r1", "role"), requests=(ACCESS,), misses=1)
    for text in ("what roles are there?", "which ones can I choose?", "what are my options?", "why do you need to know?"):
        again = AskAgain("r1", "role", text, ("viewer", "editor"))
        assert list(route(await recognised(recognizer, text, recall), recall, specs)) == [again]


async def test_another_slot_is_changed_while_a_reason_is_asked(recognizer: Recognizer) -> None:
    full = open_request("r1", "grant_access", missing=("reason",), application="figma", role="editor", duration="P14D")
    recognition = await recognised(recognizer, "actually make it a month", recalling(AwaitsSlot("r1", "reason"), requests=(full,)))
    assert answers(recognition) == {"duration": "P30D"}


async def test_an_answer_after_a_detour_still_counts(recognizer: Recognizer, specs: Specs) -> None:
    recall = recalling(requests=(ACCESS, HEADSET))
    for text in ("viewer for two weeks please", "viewer"):
        (step,) = route(await recognised(recognizer, text, recall), recall, specs)
        assert isinstance(step, Fill)
        assert (step.request_id, step.slots["role"].value) == ("r1", "viewer")
    for text in ("how long is parental leave?", "I need access to Miro as viewer for two weeks", "I need a monitor", "thanks"):
        (step,) = route(await recognised(recognizer, text, recall), recall, specs)
        assert not isinstance(step, Fill), text
    two = recalling(requests=(ACCESS, MONITOR))
    (step,) = route(await recognised(recognizer, "viewer", two), two, specs)
    assert not isinstance(step, Fill)


@pytest.mark.parametrize(
    ("text", "act", "expected"),
    [
        ("yes", "yes", {}),
        ("Yes, please go ahead", "yes", {}),
        ("yes but for 60 days", "yes", {"duration": "P60D"}),
        ("make it 60 days", None, {"duration": "P60D"}),
        ("no, I meant GitHub", "no", {"application": "github"}),
        ("yes, Figma for 30 days", "yes", {}),
        ("no thanks", "no", {}),
    ],
)
async def test_answers_to_a_confirmation(recognizer: Recognizer, text: str, act: str | None, expected: dict[str, Any]) -> None:
    full = open_request("r1", "grant_access", state="confirming", application="figma", role="editor", duration="P30D")
    recognition = await recognised(recognizer, text, recalling(AwaitsConfirmation("r1"), requests=(full,)))
    assert answers(recognition) == expected
    if act is not None:
        assert recognition.wishes[0].act == act


@pytest.mark.parametrize(
    ("text", "act"), [("that worked, thanks!", "yes"), ("still locked out", "no"), ("yes", "yes"), ("thanks", "thanks")]
)
async def test_did_this_solve_it(recognizer: Recognizer, text: str, act: str) -> None:
    assert (await wish_of(recognizer, text, recalling(AwaitsSolved("r1")))).act == act


@pytest.mark.parametrize("text", ["the second one", "2", "reset my password", "the password"])
async def test_a_choice_is_picked_by_place_or_name(recognizer: Recognizer, text: str) -> None:
    recall = recalling(AwaitsChoice(("unlock_account", "reset_password"), "I can't get in"))
    wish = await wish_of(recognizer, text, recall)
    assert (wish.act, wish.skill) == ("skill", "reset_password")
    assert wish.confidence >= 0.85


async def test_a_picked_choice_keeps_what_was_said_before(recognizer: Recognizer) -> None:
    recall = recalling(AwaitsChoice(("request_hardware", "grant_access"), "Figma for 30 days"))
    wish = await wish_of(recognizer, "the second", recall)
    assert {name: one.value for name, one in wish.slots.items()} == {"application": "figma", "duration": "P30D"}


async def test_the_same_once_more_for_another_thing(recognizer: Recognizer) -> None:
    recall = recalling(requests=(ACCESS,), request_id="r1")
    wish = await wish_of(recognizer, "and what about GitHub?", recall)
    assert (wish.skill, wish.slots["application"].value) == ("grant_access", "github")
    assert wish.confidence < 0.85


# -- bad input ---------------------------------------------------------------------------------------------------------

ODD = [
    "² monitors and ٣ docks",
    "",
    " ",
    "\x00",
    "🙃",
    "?" * 50,
    "x" * 100_000,
    "я хочу пароль",
    "密码重置",
    "a\u0301" * 500,
    "\ud83d",
    "> " * 2000,
    "\n" * 500,
    "FOY-99999999999",
    "'; DROP TABLE--",
]


@pytest.mark.parametrize("text", ODD)
async def test_odd_input_gets_steps(recognizer: Recognizer, specs: Specs, text: str) -> None:
    recall = recalling()
    assert route(await recognised(recognizer, text, recall), recall, specs)


def test_no_text_raises(recognizer: Recognizer, specs: Specs) -> None:
    recalls = [
        recalling(),
        recalling(AwaitsSlot("r1", "role"), requests=(ACCESS,), misses=1),
        recalling(AwaitsConfirmation("r1"), requests=(ACCESS,)),
        recalling(AwaitsChoice(("unlock_account", "reset_password"), "it")),
        recalling(AwaitsSlot("gone", "role")),
    ]

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=120), st.sampled_from(recalls))
    def anything(text: str, recall: Recall) -> None:
        recognition = asyncio.run(recognizer.recognize(text, recall))
        assert route(recognition, recall, specs)

    anything()
