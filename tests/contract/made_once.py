"""Files that take longer to make than most tests take to run, made once a process and copied after that."""

from pathlib import Path

from connectors.sandbox.connector import SandboxCompany
from tests.contract.cases import FakeClock

_made: dict[str, bytes] = {}


async def company_file(path: Path) -> None:
    """The sandbox company as it is at the start of FakeClock."""
    if "company" not in _made:
        company = SandboxCompany(path, FakeClock())
        await company.open()
        await company.close()
        _made["company"] = path.read_bytes()
    path.write_bytes(_made["company"])
