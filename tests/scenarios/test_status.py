"""What happened is told also when the directory is away for a moment: the event waits, it is not passed over."""

import pytest

from bot.changes import Changes
from bot.status import _Telling
from connectors.errors import Retry
from connectors.ports.people import Person
from specialists.request import EventKind, Request, noted
from tests.scenarios.company import Company


async def away(person_id: str) -> Person | None:
    raise Retry("directory_unavailable")


async def test_an_event_waits_for_the_directory(company: Company) -> None:
    await company.say("dana", "my account is locked")
    people, reader = company.app.people, company.app.status
    person = await people.by_email("dana@acme.example")
    assert person is not None
    (request,) = await company.app.requests.recent_of(person.id)
    last = (await company.app.requests.events_of(request.id))[-1]
    before = await reader._cursor()
    people.get = away  # type: ignore[method-assign]
    with pytest.raises(Retry):
        await reader._tell(request.id, last.seq + 1, [last.event])
    assert await reader._cursor() == before


async def stuck(company: Company) -> Request:
    """Something of Dana's that is over and could not be taken back, told by fulfilment."""
    await company.say("dana", "my account is locked")
    person = await company.app.people.by_email("dana@acme.example")
    assert person is not None
    (request,) = await company.app.requests.recent_of(person.id)
    data = {"grant_id": "g1", "action": "undo_grant", "code": "end_lost"}
    async with company.app.sessions.begin() as session:
        await company.app.requests.save(session, noted(request, EventKind.GRANT_STUCK, company.app.clock(), data))
    return request


async def test_what_could_not_be_taken_back_is_handed_to_staff(company: Company) -> None:
    request = await stuck(company)
    await company.app.status.read()
    (handoff,) = await company.app.desk.board.handoffs.of_conversation(request.conversation_id)
    assert (handoff.reason, handoff.assignment_group, handoff.request_id) == ("not_taken_back", "it-support", request.id)
    packet = await company.app.desk.board.packet(Changes(), handoff)
    assert packet.summary is not None
    assert [one.code for one in packet.summary.tried if one.outcome == "failed"] == ["end_lost"]


async def test_staff_hear_of_it_also_when_the_person_is_gone(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    request, changes = await stuck(company), Changes()

    async def gone(person_id: str) -> Person | None:
        return None

    monkeypatch.setattr(company.app.people, "get", gone)
    events = [one.event for one in await company.app.requests.events_of(request.id) if one.event.kind is EventKind.GRANT_STUCK]
    await _Telling(company.app.status, changes).tell(request.id, events)
    (post,) = changes.posts
    assert post.address == company.app.desk.room("it-support")
    assert request.case in post.reply.text
    assert "end_lost" in post.reply.text
