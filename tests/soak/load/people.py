"""Whom the sandbox company's directory knows: the people who write in the harness."""

from pathlib import Path

from connectors.ports.records import utcnow
from connectors.sandbox import facts
from connectors.sandbox.connector import SandboxCompany


async def addresses(file: Path) -> list[str]:
    """Of everybody who works there, the same in every company that is made anew."""
    company = SandboxCompany(file, utcnow)
    await company.open()
    try:
        found = [await company.people.get(f"e{number}") for number in range(2001, 2001 + facts.HEADCOUNT - len(facts.NAMED))]
    finally:
        await company.close()
    return [person.email for person in found if person is not None and person.active and not person.guest]
