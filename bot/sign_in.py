"""The sandbox sign-in of the web chat: whoever sits at this machine chooses who they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.people import PeopleStore
from connectors.ports.people import Directory, DirectoryPerson
from connectors.web.session import Candidate, SignedIn

WELL_KNOWN = {
    "dana@acme.example": "Employee in the US; her account is locked",
    "omar@acme.example": "Employee in Germany",
    "priya@acme.example": "Manager of Dana and Omar: approves",
    "sam@acme.example": "IT support: picks up handoffs",
    "kim@acme.example": "Knowledge admin: uploads articles",
    "vic@acme.example": "Executive with a privileged account",
}


@dataclass(frozen=True, slots=True)
class SandboxSignIn:
    directory: Directory
    people_store: PeopleStore
    sandbox: bool
    """Whether the people are the sandbox company's, of whom something can be said."""

    async def people(self, text: str, *, limit: int = 20) -> Sequence[Candidate]:
        if text:
            return [self._candidate(entry) for entry in await self.directory.find(text, limit=limit)]
        known = [await self.directory.by_email(email) for email in WELL_KNOWN]
        return [self._candidate(entry) for entry in known if entry is not None]

    async def verify(self, email: str) -> SignedIn | None:
        person = await self.people_store.by_email(email)
        if person is None or not person.active:
            return None
        return SignedIn(person.email.lower(), person.name, person.roles, person.groups)

    def _candidate(self, entry: DirectoryPerson) -> Candidate:
        note = WELL_KNOWN.get(entry.email, "") if self.sandbox else ""
        return Candidate(entry.email, entry.name, entry.title, entry.attributes.get("country", ""), note)
