"""Whatever is typed, pressed or uploaded: a clear answer, nothing lost, no traceback."""

import pytest

from connectors.ports.chat import ReplyKind
from tests.scenarios.company import Company, email

STRANGE = {
    "nothing": "",
    "blank": "  \n\t ",
    "a hundred thousand characters": "please help me " * 6_700,
    "emoji": "🔥🔥🔥",
    "another script": "パスワードを忘れました",
    "right to left": "لقد نسيت كلمة المرور",
    "control characters": "unlock\x00 my \x1b[31maccount\x07 please\u202e",
    "markup": "<script>alert(1)</script> <!channel> [x](javascript:alert(1))",
    "a template": "{0} {name!r} %s ${HOME} {{7*7}}",
    "a surrogate's replacement": "\ufffd\ufffd",
    "sql": "'; DROP TABLE request; --",
    "only punctuation": "???!!!",
    "a huge number": "I need access to Figma for 99999999999999999999 days",
    "an impossible date": "book time off from 31 February to 45 March",
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE.keys())
async def test_it_is_answered(company: Company, text: str) -> None:
    await company.say("dana", text)
    said = await company.news("dana")
    assert said
    for one in said:
        assert one.reply.text.strip()
        assert "Traceback" not in one.reply.text
        assert one.reply.kind is not ReplyKind.NOTICE or "went wrong" not in one.reply.text


async def test_a_slot_that_does_not_parse_is_asked_again(company: Company) -> None:
    await company.say("omar", "I need editor access to Figma")
    await company.say("omar", "whenever the moon is full")
    (asked,) = [one for one in await company.news("omar") if "couldn't read" in one.reply.text]
    assert asked.reply.request is not None
    assert asked.reply.request.state == "gathering"


async def test_a_stranger_gets_a_sentence(company: Company) -> None:
    await company.say("stranger@elsewhere.example", "unlock my account")
    from connectors.web import store

    async with company.app.sessions() as session:
        (said,) = await store.changes(session, ["stranger@elsewhere.example"], 0, limit=10)
    assert said.reply is not None
    assert said.reply.kind is ReplyKind.REFUSAL


@pytest.mark.parametrize("action", ["nonsense", "AAAA", "'; DROP TABLE approval; --"])
async def test_a_button_that_nobody_made_does_nothing(company: Company, action: str) -> None:
    await company.press_id("dana", action)
    (said,) = await company.news("dana")
    assert "isn't known" in said.reply.text


async def test_an_expired_approval_is_told(company: Company) -> None:
    await company.say("dana", "I need editor access to Figma for 30 days")
    reply, address, action = await company.offered("priya", "approve")
    assert reply.request is not None
    await company.later(days=4)
    await company.news("priya")
    await company.press_id("priya", action, thread=address.thread)
    texts = [one.reply.text for one in await company.news("priya")]
    assert any("ran out" in text or "in time" in text for text in texts), texts
    person = await company.app.people.by_email(email("dana"))
    assert person is not None
    assert [request.state.value for request in await company.app.requests.recent_of(person.id)] == ["expired"]


async def test_nobody_else_can_use_a_button(company: Company) -> None:
    await company.say("dana", "I need editor access to Figma for 30 days")
    _, _, approve = await company.offered("priya", "approve")
    for somebody in ("dana", "omar", "sam"):
        await company.news(somebody)
        await company.press_id(somebody, approve)
        refusal = (await company.news(somebody))[-1]
        assert refusal.reply.kind is ReplyKind.REFUSAL
    _, _, cancel = await company.offered("dana", "cancel")
    await company.press_id("omar", cancel)
    assert (await company.news("omar"))[-1].reply.kind is ReplyKind.REFUSAL


async def test_a_second_click_changes_nothing(company: Company) -> None:
    await company.say("dana", "I need editor access to Figma for 30 days")
    _, address, approve = await company.offered("priya", "approve")
    await company.press_id("priya", approve, thread=address.thread)
    await company.news("priya")
    await company.press_id("priya", approve, thread=address.thread)
    assert "approved that already" in (await company.news("priya"))[-1].reply.text
    assert company.app.company is not None
    assert len(await company.app.company.effects("access.grant")) == 1
