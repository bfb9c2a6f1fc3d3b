"""The home page of one person: what it says, in which order, and which buttons stand under it."""

from datetime import UTC, datetime

from bot.bootstrap import HERE
from bot.buttons import Buttons, Verb
from bot.cards import RequestStory
from bot.forms import skill_id
from bot.front_page import HomeContent, greeting, home_page
from bot.words import Words
from connectors.ports.chat import Action, Field, Reply, ReplyKind, Section
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person
from connectors.ports.records import new_id
from specialists.loader import load_skills
from specialists.request import Request, RequestState, SlotValue

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SKILLS = load_skills()
MESSAGES = Messages.load([HERE / "messages.yaml"])
for skill in SKILLS.values():
    MESSAGES |= skill.messages
WORDS = Words(MESSAGES, Reader("en-US", "UTC"))
BUTTONS = Buttons(b"x" * 64)
DANA = Person(new_id(), "dana", "Dana Flores", "dana@acme.example", "UTC", "en-US", roles=frozenset({"employee"}))
GUEST = Person(new_id(), "gus", "Gus Guest", "gus@guest.example", "UTC", "en-US", guest=True)


def story(number: int, state: RequestState) -> RequestStory:
    slots = {"application": SlotValue("figma", "Figma")}
    request = Request(new_id(), number, str(number), "grant_access", "it", DANA.id, DANA.id, new_id(), 1.0, NOW, NOW, slots, state)
    return RequestStory(request, [], "Access specialist", {})


def page(content: HomeContent, *, forms: bool = True, notice: str = "") -> Reply:
    return home_page(content, WORDS, BUTTONS, "home-1", forms=forms, notice=notice)


def verbs(*actions: Action) -> list[Verb]:
    read = [BUTTONS.read(action.id) for action in actions]
    return [one.verb for one in read if one is not None]


def section(reply: Reply, title: str) -> Section:
    return next(one for one in reply.sections if one.title == title)


def test_it_says_that_it_is_an_ai() -> None:
    for reply in (page(HomeContent(DANA)), greeting(DANA, WORDS, "g"), page(HomeContent(GUEST)), greeting(GUEST, WORDS, "g")):
        assert "an AI" in reply.text


def test_open_requests_come_before_those_that_ended() -> None:
    content = HomeContent(DANA, [story(7, RequestState.AWAITING_APPROVAL)], [story(5, RequestState.DENIED)], ["**FOY-6** waits"])
    items = section(page(content), "My requests").items
    assert [item.text[:9] for item in items] == ["**FOY-7**", "**FOY-6**", "**FOY-5**"]
    assert [verbs(*item.actions) for item in items] == [[Verb.SHOW, Verb.CANCEL], [], [Verb.SHOW]]
    assert "has it: asked for approval" in items[0].text


def test_only_what_was_sent_asks_before_it_is_cancelled() -> None:
    sent, composed = story(7, RequestState.AWAITING_APPROVAL), story(8, RequestState.GATHERING)
    asked = [item.actions[1].confirm for item in section(page(HomeContent(DANA, [sent, composed])), "My requests").items]
    assert asked == ["Cancel FOY-7, Access to an application: Figma? Nothing has been done yet.", ""]


def test_approvals_come_first_with_their_exact_arguments() -> None:
    card = Reply("a", ReplyKind.APPROVAL, "Omar asks.", actions=(Action("x", "Approve"),), fields=(Field("Exactly", "grant(a=b)"),))
    first = page(HomeContent(DANA, approvals=[card])).sections[0]
    assert first.title == "Waiting for your approval"
    assert (first.items[0].text, first.items[0].actions) == ("Omar asks.\n- Exactly: grant(a=b)", card.actions)


def test_quick_actions_open_a_form_only_where_there_is_something_to_fill_in() -> None:
    specs = [SKILLS["unlock_account"].spec, SKILLS["grant_access"].spec]
    *starts, person = section(page(HomeContent(DANA, skills=specs)), "Quick actions").actions
    assert [one.opens_form for one in starts] == [False, True]
    assert BUTTONS.read(starts[1].id).subject == skill_id("grant_access")  # type: ignore[union-attr]
    assert verbs(person) == [Verb.WANT_PERSON]
    without = section(page(HomeContent(DANA, skills=specs), forms=False), "Quick actions").actions
    assert not any(one.opens_form for one in without)


def test_staff_see_what_they_have_and_others_no_such_part() -> None:
    titles = [one.title for one in page(HomeContent(DANA)).sections]
    assert titles == ["My requests", "Quick actions"]
    assert section(page(HomeContent(DANA, claimed=["**FOY-3** Omar"])), "Claimed by me").items[0].text == "**FOY-3** Omar"


def test_guests_are_offered_nothing() -> None:
    content = HomeContent(GUEST, [story(7, RequestState.RUNNING)], skills=[SKILLS["unlock_account"].spec])
    assert page(content).sections == ()
    assert greeting(GUEST, WORDS, "g").prompts == ()


def test_what_came_of_a_button_stands_on_top() -> None:
    assert page(HomeContent(DANA), notice="You denied FOY-7.").text.startswith("You denied FOY-7.\n\nHello Dana.")
    assert page(HomeContent(DANA)).text.startswith("Hello Dana.")


def test_at_most_four_things_to_begin_with() -> None:
    assert 0 < len(greeting(DANA, WORDS, "g").prompts) <= 4
