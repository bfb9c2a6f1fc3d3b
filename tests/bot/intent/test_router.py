"""The router's table: what follows from what was meant."""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.conversation.model import AwaitsChoice, AwaitsConfirmation, AwaitsHandoffAnswer, AwaitsSlot, AwaitsSolved
from bot.intent.model import (
    Answer,
    AskAgain,
    Beneficiary,
    Cancel,
    Choose,
    Confirm,
    DeclineHuman,
    Fill,
    Fulfil,
    HandOff,
    OfferHuman,
    Recognition,
    Say,
    Solved,
    Status,
    Step,
    Undo,
    Wish,
)
from bot.intent.router import route
from specialists.request import SlotValue
from specialists.skill import SkillSpec

from .conftest import open_request, recalling

Specs = Mapping[str, SkillSpec]
EDITOR = {"role": SlotValue("editor", "editor", "answer")}
PENDING = open_request("r1", "grant_access", "FOY-1", missing=("role",), application="figma")


def said(*wishes: Wish, text: str = "some words", **more: Any) -> Recognition:
    return Recognition(text, more.pop("language", "en"), wishes, **more)


def skill(name: str, confidence: float = 0.95, text: str = "some words", **more: Any) -> Wish:
    return Wish("skill", text, confidence, skill=name, **more)


def act(name: Any, text: str = "some words", confidence: float = 0.95, **more: Any) -> Wish:
    return Wish(name, text, confidence, **more)


QUESTION = act("question", "how long is parental leave?")


@pytest.mark.parametrize(
    ("recognition", "recall", "expected"),
    [
        # nothing to understand
        (said(text=""), recalling(), [Say("empty")]),
        (said(text="🙃"), recalling(), [Say("only_symbols")]),
        (said(text="x" * 5000), recalling(), [Say("too_long")]),
        (said(text="> quoted only"), recalling(), [Say("quoted")]),
        # sensitive goes first and alone, whatever else was said
        (said(skill("unlock_account"), sensitive="harassment"), recalling(), [HandOff("sensitive", "some words", sensitive="harassment")]),
        (said(text="x" * 5000, sensitive="health"), recalling(), [HandOff("sensitive", "x" * 5000, sensitive="health")]),
        # wishes
        (said(skill("unlock_account")), recalling(), [Fulfil("unlock_account", {}, 0.95, "some words")]),
        (said(skill("reset_password", 0.7)), recalling(), [Fulfil("reset_password", {}, 0.7, "some words")]),
        (
            said(skill("reset_password", beneficiary=Beneficiary("Omar", "p2"))),
            recalling(),
            [Fulfil("reset_password", {}, 0.95, "some words", Beneficiary("Omar", "p2"))],
        ),
        (
            said(skill("request_hardware", candidates={"item": ("A", "B")})),
            recalling(),
            [Fulfil("request_hardware", {}, 0.95, "some words", candidates={"item": ("A", "B")})],
        ),
        (said(skill("unlock_account", 0.5)), recalling(), [OfferHuman("low_confidence", "some words")]),
        (said(skill("unlock_account", 0.5, "is it locked?")), recalling(), [Answer("is it locked?")]),
        (said(skill("unlock_account", 0.5)), recalling(misses=1), [HandOff("second_miss", "some words")]),
        (
            said(skill("unlock_account", 0.5, alternatives=(("reset_password", 0.4),))),
            recalling(),
            [Choose(("unlock_account", "reset_password"), "some words")],
        ),
        (
            said(skill("unlock_account", 0.9, alternatives=(("reset_password", 0.1),))),
            recalling(),
            [Fulfil("unlock_account", {}, 0.9, "some words")],
        ),
        (
            said(skill("unlock_account", text="one"), skill("check_pto_balance", text="two")),
            recalling(),
            [Fulfil("unlock_account", {}, 0.95, "one"), Fulfil("check_pto_balance", {}, 0.95, "two")],
        ),
        (said(*(skill("request_hardware", text=str(n), unknown={"item": str(n)}) for n in range(6))), recalling(), 4),
        # once, however often it is said
        (said(*(skill("unlock_account", 0.9 + n / 100, str(n)) for n in range(4))), recalling(), 1),
        (said(act("greeting"), skill("unlock_account")), recalling(), [Fulfil("unlock_account", {}, 0.95, "some words")]),
        # questions
        (said(QUESTION), recalling(), [Answer("how long is parental leave?")]),
        (
            said(act("question", "and in Germany?")),
            recalling(question="how long is leave?"),
            [Answer("and in Germany?", "how long is leave?")],
        ),
        (said(act("question", "and in Germany?")), recalling(), [Answer("and in Germany?")]),
        (said(QUESTION), recalling(question="something else"), [Answer("how long is parental leave?")]),
        # status, cancel, undo, people, courtesies
        (said(act("status", case="FOY-12")), recalling(), [Status("FOY-12")]),
        (said(act("status")), recalling(), [Status(None)]),
        (
            said(act("status", skill="request_hardware")),
            recalling(requests=(open_request("r1", "grant_access", "FOY-1"), open_request("r2", "request_hardware", "FOY-2"))),
            [Status("FOY-2")],
        ),
        (said(act("cancel")), recalling(), [Say("nothing_to_cancel")]),
        (said(act("cancel")), recalling(requests=(PENDING,)), [Cancel(None)]),
        (said(act("cancel", case="FOY-1")), recalling(requests=(PENDING,)), [Cancel("r1", "grant_access")]),
        (said(act("undo", case="FOY-3")), recalling(), [Undo("FOY-3")]),
        (said(act("human")), recalling(), [HandOff("asked", "some words")]),
        (said(act("greeting")), recalling(), [Say("greeting")]),
        (said(act("thanks")), recalling(), [Say("thanks")]),
        (said(act("help")), recalling(), [Say("help")]),
        # unclear
        (said(act("unclear")), recalling(), [OfferHuman("low_confidence", "some words")]),
        (said(act("unclear")), recalling(misses=1), [HandOff("second_miss", "some words")]),
        (said(act("unclear"), language="de"), recalling(), [Say("language")]),
        (said(act("question", "wie lange?", 0.4), language="de"), recalling(), [Say("language")]),
        (said(skill("unlock_account", 0.4), language="de"), recalling(), [Say("language")]),
        (said(skill("unlock_account", 0.9), language="de"), recalling(), [Fulfil("unlock_account", {}, 0.9, "some words")]),
    ],
)
def test_without_an_open_question(specs: Specs, recognition: Recognition, recall: Any, expected: list[Step] | int) -> None:
    steps = route(recognition, recall, specs)
    assert len(steps) == expected if isinstance(expected, int) else list(steps) == expected


ASKED = AwaitsSlot("r1", "role")


@pytest.mark.parametrize(
    ("recognition", "expected"),
    [
        (said(act("unclear"), answers=EDITOR), [Fill("r1", EDITOR)]),
        (said(act("unclear"), text="dunno"), [AskAgain("r1", "role", "dunno")]),
        (said(act("unclear"), candidates={"role": ("A", "B")}), [AskAgain("r1", "role", "some words", ("A", "B"))]),
        (said(act("cancel")), [Cancel("r1")]),
        (said(act("human")), [HandOff("asked", "some words")]),
        (said(skill("unlock_account")), [Fulfil("unlock_account", {}, 0.95, "some words")]),
        (said(skill("unlock_account", 0.8), text="hm"), [AskAgain("r1", "role", "hm")]),
        (said(skill("grant_access"), answers=EDITOR), [Fill("r1", EDITOR)]),
        (said(skill("grant_access")), [AskAgain("r1", "role", "some words")]),
        (
            said(skill("grant_access"), skill("unlock_account"), answers=EDITOR),
            [Fill("r1", EDITOR), Fulfil("unlock_account", {}, 0.95, "some words")],
        ),
        (said(QUESTION), [Answer("how long is parental leave?")]),
        (said(act("question", "the one with the pen", 0.4)), [AskAgain("r1", "role", "some words")]),
        (said(act("status")), [Status(None)]),
        (said(act("thanks")), [Say("thanks")]),
    ],
)
def test_while_a_slot_is_asked_for(specs: Specs, recognition: Recognition, expected: list[Step]) -> None:
    assert list(route(recognition, recalling(ASKED, requests=(PENDING,)), specs)) == expected


@pytest.mark.parametrize(
    ("recognition", "expected"),
    [
        (said(act("yes")), [Confirm("r1", yes=True)]),
        (said(act("no")), [Confirm("r1", yes=False)]),
        (said(act("cancel")), [Confirm("r1", yes=False)]),
        (said(act("yes"), answers=EDITOR), [Fill("r1", EDITOR)]),
        (said(act("unclear"), answers=EDITOR), [Fill("r1", EDITOR)]),
        (said(skill("grant_access")), [Confirm("r1", yes=True)]),
        (said(skill("grant_access", 0.7)), [Fulfil("grant_access", {}, 0.7, "some words")]),
        (said(skill("unlock_account")), [Fulfil("unlock_account", {}, 0.95, "some words")]),
        (said(act("human")), [HandOff("asked", "some words")]),
        (said(QUESTION), [Answer("how long is parental leave?")]),
    ],
)
def test_while_a_request_is_to_be_confirmed(specs: Specs, recognition: Recognition, expected: list[Step]) -> None:
    assert list(route(recognition, recalling(AwaitsConfirmation("r1"), requests=(PENDING,)), specs)) == expected


@pytest.mark.parametrize(
    ("awaits", "recognition", "expected"),
    [
        (AwaitsHandoffAnswer("low_confidence", "it", "r1"), said(act("yes")), [HandOff("accepted", "it", request_id="r1")]),
        (AwaitsHandoffAnswer("low_confidence", "it"), said(act("human")), [HandOff("accepted", "it")]),
        (AwaitsHandoffAnswer("low_confidence", "it"), said(act("no")), [DeclineHuman()]),
        (AwaitsHandoffAnswer("low_confidence", "it"), said(skill("unlock_account")), [Fulfil("unlock_account", {}, 0.95, "some words")]),
        (AwaitsSolved("r1"), said(act("yes")), [Solved("r1", yes=True)]),
        (AwaitsSolved("r1"), said(act("no")), [Solved("r1", yes=False)]),
        (AwaitsSolved("r1"), said(act("thanks")), [Say("thanks")]),
        (AwaitsChoice(("unlock_account", "reset_password"), "it"), said(act("no")), [OfferHuman("low_confidence", "it")]),
        (AwaitsChoice(("unlock_account",), "it"), said(skill("unlock_account")), [Fulfil("unlock_account", {}, 0.95, "some words")]),
    ],
)
def test_other_open_questions(specs: Specs, awaits: Any, recognition: Recognition, expected: list[Step]) -> None:
    assert list(route(recognition, recalling(awaits), specs)) == expected


def test_an_older_question_is_still_answered(specs: Specs) -> None:
    recall = recalling(AwaitsSolved("r0"), ASKED, requests=(PENDING,))
    assert list(route(said(act("unclear"), answers=EDITOR), recall, specs)) == [Fill("r1", EDITOR)]
    assert list(route(said(act("yes")), recall, specs)) == [Solved("r0", yes=True)]
    assert list(route(said(QUESTION), recall, specs)) == [Answer("how long is parental leave?")]
