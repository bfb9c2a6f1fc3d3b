"""The contract of `connectors.ports.systems.Devices`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.errors import Refused, Retry
from tests.contract.cases import DevicesCase
from tests.contract.implementations import DEVICES


@pytest.fixture(params=DEVICES)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DevicesCase]:
    async with DEVICES[request.param](tmp_path) as made:
        yield made


async def test_each_device_has_a_tag_of_its_own(case: DevicesCase) -> None:
    devices = await case.port.of(case.person)
    assert case.kind in {device.kind for device in devices}
    assert len({device.tag for device in devices}) == len(devices)
    assert [device.tag for device in devices] == sorted(device.tag for device in devices)
    assert all(device.model for device in devices)


async def test_an_unknown_person_is_refused(case: DevicesCase) -> None:
    with pytest.raises(Refused):
        await case.port.of("nobody")


async def test_an_outage_is_worth_another_try(case: DevicesCase) -> None:
    await case.unreachable()
    with pytest.raises(Retry):
        await case.port.of(case.person)
