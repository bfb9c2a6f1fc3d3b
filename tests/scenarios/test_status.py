"""What happened is told also when the directory is away for a moment: the event waits, it is not passed over."""

import pytest

from connectors.errors import Retry
from connectors.ports.people import Person
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
