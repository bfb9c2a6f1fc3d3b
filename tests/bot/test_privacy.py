"""Who sees what, for everything that is said: the one rule by itself."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.conversation.model import Conversation
from bot.handoff.model import Handoff
from bot.privacy import WHISPERED_CHARS, Situation, Subject, Where, where
from connectors.ports.chat import Address, Attachment, Citation, Reply, ReplyKind, RequestRef
from specialists.request import Request, RequestState

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
HERE = Conversation("c1", Address("slack", "T1", "C1", "1.0"), "dana", NOW)
PLAIN = Request("r1", 12, "k1", "grant_access", "ada", "dana", "dana", "c1", 1.0, NOW, NOW)
PTO = replace(PLAIN, id="r2", number=13, skill="request_pto")
HANDOFF = Handoff("h1", 14, "c1", "dana", "asked", "it-support", NOW, NOW)
SAID = Reply("1", ReplyKind.NOTICE, "said")
ASKED, LATER, ALONE = Situation(True, True), Situation(True, False), Situation(False, True)


def shown(
    reply: Reply, about: tuple[Subject, ...] = (), situation: Situation = ASKED, *, personal: bool = False, lasting: bool = False
) -> Where:
    return where(reply, about, HERE, situation, {"request_pto"}, personal=personal, lasting=lasting)


@pytest.mark.parametrize("about", [(), (PLAIN,), (HANDOFF,), (HANDOFF, PLAIN)])
@pytest.mark.parametrize("situation", [ASKED, LATER, ALONE])
def test_what_is_nobodys_alone_is_said_where_it_was_asked(about: tuple[Subject, ...], situation: Situation) -> None:
    assert shown(SAID, about, situation) is Where.HERE


@pytest.mark.parametrize(
    "about",
    [
        (PTO,),
        (HANDOFF, PTO),
        (replace(PLAIN, state=RequestState.DECLINED),),
        (replace(PLAIN, conversation_id="c2"),),
        (PLAIN, replace(HANDOFF, conversation_id="c2")),
        (replace(HANDOFF, sensitive="harassment"),),
    ],
)
def test_what_it_is_about_makes_it_personal(about: tuple[Subject, ...]) -> None:
    assert shown(SAID, about) is Where.WHISPERED
    assert shown(SAID, about, LATER) is Where.OWN_ROOM
    assert shown(SAID, about, ALONE) is Where.HERE


@pytest.mark.parametrize(
    "reply",
    [
        replace(SAID, kind=ReplyKind.REFUSAL),
        replace(SAID, kind=ReplyKind.APPROVAL),
        replace(SAID, citations=(Citation(1, "Leave", "leave.md", restricted=True),)),
        replace(SAID, request=RequestRef("FOY-99", "grant_access", "done")),
    ],
)
def test_what_it_is_makes_it_personal(reply: Reply) -> None:
    assert shown(reply, (PLAIN,)) is Where.WHISPERED
    assert shown(reply, (PLAIN,), LATER) is Where.OWN_ROOM


def test_a_card_of_the_request_that_is_named_is_for_all() -> None:
    assert shown(replace(SAID, request=RequestRef(PLAIN.case, PLAIN.skill, "done")), (PLAIN,), lasting=True) is Where.HERE


def test_whoever_goes_on_in_their_own_room_is_answered_there() -> None:
    assert shown(SAID, (PLAIN,), Situation(shared=True, present=False, apart=True)) is Where.OWN_ROOM


def test_what_cannot_be_whispered_goes_to_their_own_room() -> None:
    assert shown(SAID, personal=True) is Where.WHISPERED
    assert shown(SAID, personal=True, lasting=True) is Where.OWN_ROOM
    assert shown(replace(SAID, files=(Attachment("f", "a.pdf", "application/pdf", 1),)), personal=True) is Where.OWN_ROOM
    assert shown(replace(SAID, text="x" * (WHISPERED_CHARS + 1)), personal=True) is Where.OWN_ROOM
