"""Lessons by themselves: masked, decided by two, split for good; and what a request's end says of how it was understood."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.intent.training import examples
from bot.teaching import kept
from bot.teaching.closed import FULFILLED, OPEN, UNWANTED, outcome_of
from bot.teaching.kept import Mark, Question
from bot.teaching.lessons import (
    KEPT,
    Lesson,
    LessonState,
    NotTaught,
    against,
    all_labels,
    label_of,
    proposed,
    reviewed,
    sameness,
    split,
)
from bot.teaching_cli import _line
from connectors.ports.people import Person
from specialists.loader import load_skills
from specialists.request import EventKind, RequestEvent

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SPECS = {name: skill.spec for name, skill in load_skills().items()}


def person(name: str, *roles: str) -> Person:
    return Person(name, name, name.title(), f"{name}@acme.example", "UTC", "en", roles=frozenset({"employee", *roles}))


KIM, INES, SAM = person("kim", "knowledge_admin"), person("ines", "service_owner"), person("sam", "staff")


def lesson(text: str, label: str = "unlock_account", minutes: int = 0) -> Lesson:
    return replace(
        proposed(text, label, "staff", SAM, NOW),
        state=LessonState.ACCEPTED,
        reviewed_at=NOW + timedelta(minutes=minutes),
    )


def test_what_identifies_people_is_left_out() -> None:
    said = "Dana Whitfield here, call +1 212 555 0199 or mail dana@acme.example about FOY-12, my badge is AB12345"
    kept_text = proposed(said, "other", "staff", SAM, NOW, names=("Dana Whitfield",)).text
    assert kept_text == "[name] here, call [number] or mail [address] about [case], my badge is [case]"
    assert proposed("two weeks from 2026-12-24 please", "request_pto", "staff", SAM, NOW).text == "two weeks from 2026-12-24 please"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("make my account work again Dana Whitfield 12345", "make my account work again [name] [number]"),
        ("omar's door code is 4711, (4711)", "[name]'s door code is [number], ([number])"),
        ("a loan of 1,500 or 12 345 euros", "a loan of [number] or [number] euros"),
        ("200 euros from 24.12. to 31.12.2026, 10:30-11:30", "200 euros from 24.12. to 31.12.2026, 10:30-11:30"),
        ("two weeks in 2027, from 12/24/2026 or 2026-12-24", "two weeks in 2027, from 12/24/2026 or 2026-12-24"),
    ],
)
def test_numbers_of_four_digits_and_names_as_they_are_written_are_left_out(said: str, text: str) -> None:
    assert proposed(said, "other", "admin", KIM, NOW, names=("Dana", "Whitfield", "omar")).text == text


def test_the_same_words_accepted_as_something_else_are_named() -> None:
    first, last = lesson("thaw me up"), lesson("Thaw me up!", "reset_password", minutes=5)
    new = proposed("thaw  me up", "other", "admin", KIM, NOW)
    assert against(new, [last, first]) == "reset_password"
    assert against(replace(new, label="reset_password"), [first, last]) is None
    assert against(new, [replace(first, state=LessonState.REJECTED), lesson("thaw you up")]) is None


def test_what_is_counted_reads_well() -> None:
    version = {"number": 1, "state": "active", "at": "2026-11-20T09:00", "accuracy": 1.0, "accuracy_before": 1.0, "calibration_error": 0.0}
    assert "1 lesson, 81 kept questions:" in _line({**version, "lessons": 1, "kept": 81})
    assert "2 lessons, 1 kept question:" in _line({**version, "lessons": 2, "kept": 1})


def test_secrets_are_left_out_and_nothing_but_marks_is_no_lesson() -> None:
    assert "hunter22" not in proposed("my password is hunter22", "reset_password", "staff", SAM, NOW).text
    with pytest.raises(NotTaught, match=r"lesson\.empty"):
        proposed("?!", "other", "staff", SAM, NOW)


def test_a_reviewer_other_than_the_proposer_accepts() -> None:
    one = proposed("thaw my user", "unlock_account", "admin", KIM, NOW)
    for by, why in ((SAM, "reviewers_only"), (KIM, "own")):
        with pytest.raises(NotTaught, match=why):
            reviewed(one, by, accepted=True, now=NOW)
    assert reviewed(one, KIM, accepted=False, now=NOW).state is LessonState.REJECTED
    accepted = reviewed(one, INES, accepted=True, now=NOW)
    assert (accepted.state, accepted.reviewed_by) == (LessonState.ACCEPTED, "ines")
    with pytest.raises(NotTaught, match="decided"):
        reviewed(accepted, INES, accepted=True, now=NOW)
    taken_back = reviewed(accepted, INES, accepted=False, now=NOW)
    assert taken_back.state is LessonState.REJECTED
    with pytest.raises(NotTaught, match="decided"):
        reviewed(taken_back, INES, accepted=True, now=NOW)


def test_about_every_fifth_is_kept_and_the_same_text_always_on_the_same_side() -> None:
    many = [lesson(f"please thaw machine {n} of mine") for n in range(400)]
    aside = sum(one.kept for one in many)
    assert 400 / KEPT * 0.7 < aside < 400 / KEPT * 1.3
    assert lesson("Please thaw my user!").kept == lesson("please  thaw my user").kept


def test_of_one_text_the_last_word_counts_and_nothing_kept_is_trained_on() -> None:
    first, second = lesson("thaw me up", "other"), lesson("Thaw me up!", "unlock_account", minutes=5)
    shipped = kept.shipped(SPECS)[0]
    gone = lesson("juggle my balls", "no_such_skill")
    waiting = replace(lesson("melt me"), state=LessonState.PROPOSED)
    found = split([second, first, lesson(shipped.text), gone, waiting], all_labels(SPECS), [shipped.text])
    assert [one.label for one in (*found.trained, *found.kept)] == ["unlock_account"]
    many = split([lesson(f"thaw thing {n}") for n in range(50)], all_labels(SPECS))
    assert not {one.text for one in many.kept} & {one.text for one in many.examples}


def test_no_kept_question_is_in_training() -> None:
    trained = {sameness(one.text) for one in examples(SPECS)}
    asked = kept.shipped(all_labels(SPECS))
    assert [one.text for one in asked if sameness(one.text) in trained] == []
    assert {one.label for one in asked} == set(all_labels(SPECS))


def test_a_label_is_typed_by_its_name_its_title_or_a_beginning() -> None:
    titles = {"unlock_account": "Unlock your account", "reset_password": "Reset your password", "question": "A question"}
    typed = ("unlock_account", "Unlock your account", "unlock acc", "RESET", "a question", "question", "u", "")
    expected = ["unlock_account", "unlock_account", "unlock_account", "reset_password", "question", "question", "unlock_account", None]
    assert [label_of(text, titles) for text in typed] == expected


def marks(*right: bool, taught: int = 0, confidence: float = 0.9) -> kept.Score:
    found = [
        Mark(Question(f"q{n}", "unlock_account", taught=n >= len(right) - taught), "unlock_account" if fine else "other", confidence)
        for n, fine in enumerate(right)
    ]
    return kept.scored(found)


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (marks(True, True, True, False), None),
        (marks(True, True, True, True), None),
        (marks(True, True, False, False), "recognition.refused.shipped"),
        (marks(True, False, True, True, taught=2), "recognition.refused.shipped"),  # kept lessons do not outvote what ships
        (marks(True, True, True, False, confidence=0.4), "recognition.refused.calibration"),
    ],
)
def test_what_is_worse_is_refused(candidate: kept.Score, why: str | None) -> None:
    serving = (
        marks(True, True, True, False)
        if not any(mark.question.taught for mark in candidate.marks)
        else marks(*[True] * 2, False, False, taught=2)
    )
    assert kept.compared(candidate, serving).why == why


def test_what_was_lost_is_named() -> None:
    assert kept.compared(marks(False, True), marks(True, False)).lost == ("q0",)


def test_both_kinds_of_none_of_these_are_the_same() -> None:
    assert Mark(Question("q", "question"), "other", 0.9).right
    assert not Mark(Question("q", "question"), "unlock_account", 0.9).right


def event(kind: EventKind, minutes: int, **data: str) -> RequestEvent:
    return RequestEvent(kind, NOW + timedelta(minutes=minutes), data)


K = EventKind
BEGUN = (event(K.OPENED, 0), event(K.SUBMITTED, 0))


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        (BEGUN, OPEN),
        ((*BEGUN, event(K.COMPLETED, 1)), FULFILLED),
        ((*BEGUN, event(K.COMPLETED, 1), event(K.RESOLVED, 2, how="confirmed")), FULFILLED),
        ((*BEGUN, event(K.COMPLETED, 1), event(K.RESOLVED, 2, how="reopened")), None),
        ((*BEGUN, event(K.COMPLETED, 1), event(K.UNDO_STARTED, 5)), UNWANTED),
        ((*BEGUN, event(K.COMPLETED, 1), event(K.UNDO_STARTED, 50)), FULFILLED),
        ((event(K.OPENED, 0), event(K.CANCELLED, 1, by="dana")), UNWANTED),
        ((event(K.OPENED, 0), event(K.CANCELLED, 1440)), None),  # it lapsed
        ((*BEGUN, event(K.DENIED, 3)), None),
        ((*BEGUN, event(K.FAILED, 3)), None),
        ((event(K.OPENED, 0), event(K.DECLINED, 0)), None),
    ],
)
def test_what_a_requests_end_says(events: tuple[RequestEvent, ...], outcome: str | None) -> None:
    assert outcome_of(events) == outcome
