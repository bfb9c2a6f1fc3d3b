"""The contract of `connectors.ports.systems.EnrolledChannel`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from tests.contract.cases import EnrolledCase
from tests.contract.implementations import ENROLLED


@pytest.fixture(params=ENROLLED)
async def enrolled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EnrolledCase]:
    async with ENROLLED[request.param](tmp_path) as made:
        yield made


class TestEnrolledChannel:
    async def test_masks_the_address(self, enrolled: EnrolledCase) -> None:
        shown = await enrolled.port.address(enrolled.person)
        assert shown is not None
        assert "•" in shown
        assert await enrolled.port.address(enrolled.not_enrolled) is None

    async def test_tells_addresses_apart_without_telling_them(self, enrolled: EnrolledCase) -> None:
        told = await enrolled.port.fingerprint(enrolled.person)
        assert told is not None
        assert "@" not in told
        assert told == await enrolled.port.fingerprint(enrolled.person)
        assert told != await enrolled.port.fingerprint(enrolled.other)
        assert await enrolled.port.fingerprint(enrolled.not_enrolled) is None

    async def test_reaches_the_person_once_a_key(self, enrolled: EnrolledCase) -> None:
        for _ in range(2):
            effect = await enrolled.port.send(enrolled.person, subject="Confirm", text="Is it you?", link="http://x.example/1", key="k1")
        assert not effect.changed
        assert await enrolled.received(enrolled.person) == 1
        assert (await enrolled.port.send(enrolled.person, subject="Confirm", text="Is it you?", key="k2")).changed
        assert await enrolled.received(enrolled.person) == 2

    async def test_is_refused_for_somebody_who_is_not_enrolled(self, enrolled: EnrolledCase) -> None:
        with pytest.raises(Refused) as raised:
            await enrolled.port.send(enrolled.not_enrolled, subject="Confirm", text="Is it you?", key="k1")
        assert raised.value.code == "not_enrolled"

    async def test_refuses_an_unknown_person(self, enrolled: EnrolledCase) -> None:
        for asked in (enrolled.port.address("nobody"), enrolled.port.send("nobody", subject="Confirm", text="Is it you?", key="k1")):
            with pytest.raises(Refused) as raised:
                await asked
            assert raised.value.code == "unknown_person"

    async def test_refuses_a_key_of_somebody_else(self, enrolled: EnrolledCase) -> None:
        await enrolled.port.send(enrolled.person, subject="Confirm", text="Is it you?", key="k1")
        with pytest.raises(Refused) as raised:
            await enrolled.port.send(enrolled.other, subject="Confirm", text="Is it you?", key="k1")
        assert raised.value.code == "key_reused"
        assert await enrolled.received(enrolled.other) == 0

    async def test_a_repetition_after_a_lost_answer_is_the_same_message(self, enrolled: EnrolledCase) -> None:
        await enrolled.answer_lost()
        with pytest.raises(OutcomeUnknown):
            await enrolled.port.send(enrolled.person, subject="Confirm", text="Is it you?", key="k1")
        await enrolled.port.send(enrolled.person, subject="Confirm", text="Is it you?", key="k1")
        assert await enrolled.received(enrolled.person) == 1

    async def test_an_unreachable_system_has_no_effect(self, enrolled: EnrolledCase) -> None:
        await enrolled.unreachable()
        with pytest.raises(Retry) as raised:
            await enrolled.port.send(enrolled.person, subject="Confirm", text="Is it you?", key="k1")
        assert not isinstance(raised.value, OutcomeUnknown)
        assert (await enrolled.port.send(enrolled.person, subject="Confirm", text="Is it you?", key="k1")).changed
        assert await enrolled.received(enrolled.person) == 1
