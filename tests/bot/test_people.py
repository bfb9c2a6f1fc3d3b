"""Who somebody is: by the platform's word and the directory's, and where they are to be reached."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from bot.database import Sessions
from bot.people import REMEMBERED, PeopleStore, Recent, Unresolved
from connectors.errors import NeedsHuman, Retry
from connectors.memory.channel import MemoryChannel
from connectors.ports.chat import Profile, Standing
from connectors.ports.messages import Reader
from connectors.ports.people import DirectoryPerson, ExternalId, Person

DANA = DirectoryPerson("e1", "Dana Whitfield", "dana@acme.example", "UTC", "en", groups=frozenset({"everybody"}))
OMAR = DirectoryPerson("e2", "Omar Haddad", "omar@acme.example", "UTC", "en")
ACCOUNT = "entra:tenant:object"
U_DANA = ExternalId("chat", "team", "u1")
ON_WEB = ExternalId("web", "local", "dana@acme.example")


class FakeDirectory:
    """People by their address."""

    def __init__(self, *entries: DirectoryPerson) -> None:
        self.entries = list(entries)
        self.accounts: dict[str, str] = {}
        """Keys by the directory's own ids of accounts."""
        self.away = False

    async def get(self, key: str) -> DirectoryPerson | None:
        return next((entry for entry in self._there() if entry.key == key), None)

    async def by_email(self, email: str) -> DirectoryPerson | None:
        found = [entry for entry in self._there() if entry.email == email.lower()]
        if len(found) > 1:
            raise NeedsHuman("ambiguous")
        return found[0] if found else None

    async def by_account(self, account: str) -> DirectoryPerson | None:
        key = self.accounts.get(account)
        return next((entry for entry in self._there() if entry.key == key), None)

    async def find(self, text: str, *, limit: int = 5) -> Sequence[DirectoryPerson]:
        return []

    async def members(self, group: str) -> Sequence[DirectoryPerson]:
        return [entry for entry in self._there() if group in entry.groups]

    def _there(self) -> list[DirectoryPerson]:
        if self.away:
            raise Retry("directory_away")
        return self.entries


class FakePlatform(MemoryChannel):
    """Says who somebody is as it is told, and counts how often it is asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.away = False
        self.asked = 0

    def knows(
        self, external_id: str, email: str | None, standing: Standing = "member", picture: str | None = None, account: str | None = None
    ) -> None:
        self.profiles[external_id] = Profile(external_id, external_id, standing, email, picture, account)

    async def profile(self, tenant: str, external_id: str) -> Profile | None:
        self._ask()
        return self.profiles.get(external_id)

    async def lookup(self, email: str) -> ExternalId | None:
        self._ask()
        return next((ExternalId(self.name, "team", p.external_id) for p in self.profiles.values() if p.email == email), None)

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise Retry("away")


class Office:
    def __init__(self, sessions: Sessions) -> None:
        self.now = datetime(2026, 11, 20, tzinfo=UTC)
        self.sessions = sessions
        self.directory = FakeDirectory(DANA, OMAR)
        self.chat = FakePlatform("chat")
        self.web = MemoryChannel("web")
        self.channels = {"web": self.web, "chat": self.chat}
        self.people = self.restarted()

    def restarted(self, remembered: int = REMEMBERED) -> PeopleStore:
        """As after a restart: nothing is remembered but the rows."""
        roles = {"employee": ["everybody"]}
        reader = Reader("en", "UTC")
        self.people = PeopleStore(self.sessions, self.directory, self.channels, roles, lambda: self.now, reader, remembered)
        return self.people

    async def known(self, sender: ExternalId) -> Person:
        found = await self.people.resolve(sender)
        assert isinstance(found, Person)
        return found

    async def writes(self, sender: ExternalId) -> Person:
        """As a turn does it."""
        found = await self.known(sender)
        self.now += timedelta(seconds=1)
        async with self.sessions.begin() as session:
            await self.people.saw(session, sender)
        return found

    async def room(self, person: Person) -> tuple[str, str]:
        address = await self.people.address(person, self.channels)
        return address.channel, address.room


@pytest.fixture
def office(sessions: Sessions) -> Office:
    return Office(sessions)


async def test_a_member_with_an_address_that_the_directory_knows_is_a_person(office: Office) -> None:
    office.chat.knows("u1", "Dana@acme.example")
    dana = await office.known(U_DANA)
    assert (dana.name, dana.roles) == ("Dana Whitfield", frozenset({"employee"}))
    assert await office.known(U_DANA) == dana


@pytest.mark.parametrize("standing", ["guest", "stranger", "bot", "gone"])
async def test_nobody_else_is_one_though_the_directory_knows_their_address(
    office: Office, standing: Literal["guest", "stranger", "bot", "gone"]
) -> None:
    office.chat.knows("u1", DANA.email, standing)
    assert await office.people.resolve(U_DANA) == Unresolved(standing)


async def test_whom_the_directory_or_the_platform_does_not_know_is_unknown(office: Office) -> None:
    office.chat.knows("u1", "nobody@acme.example")
    office.chat.knows("u2", None)
    for external_id in ("u1", "u2", "u3"):
        assert await office.people.resolve(ExternalId("chat", "team", external_id)) == Unresolved("unknown")


async def test_the_id_itself_is_never_taken_for_an_address(office: Office) -> None:
    office.chat.knows(DANA.email, "nobody@acme.example")
    assert await office.people.resolve(ExternalId("chat", "team", DANA.email)) == Unresolved("unknown")


async def test_an_address_of_several_is_nobodys(office: Office) -> None:
    office.directory.entries.append(replace(OMAR, key="e3", email=DANA.email))
    office.chat.knows("u1", DANA.email)
    assert await office.people.resolve(U_DANA) == Unresolved("ambiguous")


async def test_whoever_is_added_to_the_directory_is_known_at_once(office: Office) -> None:
    office.chat.knows("u1", "new@acme.example")
    assert await office.people.resolve(U_DANA) == Unresolved("unknown")
    office.directory.entries.append(replace(DANA, key="e3", email="new@acme.example"))
    assert (await office.known(U_DANA)).directory_key == "e3"


async def test_accounts_of_one_person_are_one_person(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    office.chat.knows("u2", DANA.email)
    here, there = await office.known(U_DANA), await office.known(ExternalId("chat", "team", "u2"))
    assert here.id == there.id == (await office.known(ON_WEB)).id


async def test_a_linked_member_who_becomes_a_guest_is_refused_within_minutes(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    await office.known(U_DANA)
    office.chat.knows("u1", DANA.email, "guest")
    office.now += timedelta(minutes=4)
    await office.known(U_DANA)
    assert office.chat.asked == 1
    office.now += timedelta(minutes=1)
    assert await office.people.resolve(U_DANA) == Unresolved("guest")
    office.chat.knows("u1", DANA.email)
    office.now += timedelta(minutes=5)
    await office.known(U_DANA)


async def test_a_link_outlives_an_address_that_the_directory_does_not_know(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    dana = await office.known(U_DANA)
    office.chat.knows("u1", "dana.married@acme.example")
    office.now += timedelta(minutes=5)
    assert (await office.known(U_DANA)).id == dana.id


async def test_an_account_that_was_given_to_somebody_else_goes_with_its_address(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    await office.known(U_DANA)
    office.chat.knows("u1", OMAR.email)
    office.now += timedelta(minutes=5)
    assert (await office.known(U_DANA)).name == OMAR.name
    assert (await office.known(U_DANA)).name == OMAR.name


async def test_an_account_of_the_directory_is_its_owners_whatever_its_address(office: Office) -> None:
    office.directory.accounts[ACCOUNT] = DANA.key
    office.chat.knows("u1", DANA.email)
    office.chat.knows("o1", "dwhitfield@acme.onmicrosoft.example", account=ACCOUNT)
    here, there = await office.known(U_DANA), await office.known(ExternalId("chat", "tenant", "o1"))
    assert here.id == there.id


async def test_what_the_directory_says_of_an_account_goes_before_an_address(office: Office) -> None:
    office.directory.accounts[ACCOUNT] = DANA.key
    office.chat.knows("u1", OMAR.email, account=ACCOUNT)
    assert (await office.known(U_DANA)).name == DANA.name


async def test_an_account_that_the_directory_does_not_know_is_known_by_its_verified_address(office: Office) -> None:
    office.chat.knows("u1", DANA.email, account=ACCOUNT)
    office.chat.knows("u2", None, account=ACCOUNT)
    assert (await office.known(U_DANA)).name == DANA.name
    assert await office.people.resolve(ExternalId("chat", "team", "u2")) == Unresolved("unknown")


async def test_an_account_with_somebodys_address_is_not_theirs_where_the_directory_knows_another(office: Office) -> None:
    office.directory.entries = [replace(DANA, accounts=frozenset((ACCOUNT,))), replace(OMAR, accounts=frozenset(("entra:tenant:omar",)))]
    office.directory.accounts |= {ACCOUNT: DANA.key, "entra:tenant:omar": OMAR.key}
    twin = ExternalId("chat", "team", "twin")
    office.chat.knows("twin", DANA.email, account="entra:tenant:twin")
    assert await office.people.resolve(twin) == Unresolved("unknown")
    person = await office.people.by_key(DANA.key)
    assert person is not None
    assert await office.room(person) == ("web", DANA.email)
    office.chat.knows("u2", OMAR.email, account="entra:tenant:omar")
    omar = ExternalId("chat", "team", "u2")
    assert (await office.known(omar)).name == OMAR.name
    office.chat.knows("u2", DANA.email, account="entra:tenant:another")
    office.now += timedelta(minutes=5)
    assert (await office.known(omar)).name == OMAR.name


async def test_an_account_that_was_taken_for_somebodys_is_nobodys_once_the_directory_knows_theirs(office: Office) -> None:
    office.chat.knows("twin", DANA.email, account="entra:tenant:twin")
    twin = ExternalId("chat", "team", "twin")
    assert (await office.known(twin)).name == DANA.name
    office.directory.entries = [replace(DANA, accounts=frozenset((ACCOUNT,)))]
    for minutes in (5, 1, 5):
        office.now += timedelta(minutes=minutes)
        assert await office.people.resolve(twin) == Unresolved("unknown")


async def test_an_account_of_elsewhere_says_nothing_against_an_address(office: Office) -> None:
    office.directory.entries = [replace(DANA, accounts=frozenset((ACCOUNT,)))]
    office.chat.knows("u1", DANA.email, account="entra:elsewhere:object")
    assert (await office.known(U_DANA)).name == DANA.name


async def test_a_name_links_nobody(office: Office) -> None:
    office.chat.profiles["u1"] = Profile("u1", DANA.name, "member", None, account=ACCOUNT)
    assert await office.people.resolve(U_DANA) == Unresolved("unknown")


async def test_a_guests_account_is_no_persons_though_the_directory_knows_it(office: Office) -> None:
    office.directory.accounts[ACCOUNT] = DANA.key
    office.chat.knows("u1", None, "guest", account=ACCOUNT)
    assert await office.people.resolve(U_DANA) == Unresolved("guest")


async def test_two_accounts_of_one_tenant_are_one_person(office: Office) -> None:
    office.directory.accounts |= {ACCOUNT: DANA.key, f"{ACCOUNT}-admin": DANA.key}
    office.chat.knows("u1", None, account=ACCOUNT)
    office.chat.knows("u2", None, account=f"{ACCOUNT}-admin")
    assert (await office.known(U_DANA)).id == (await office.known(ExternalId("chat", "team", "u2"))).id


async def test_an_account_that_the_directory_gives_to_somebody_else_moves(office: Office) -> None:
    office.directory.accounts[ACCOUNT] = DANA.key
    office.chat.knows("u1", DANA.email, account=ACCOUNT)
    assert (await office.known(U_DANA)).name == DANA.name
    office.directory.accounts[ACCOUNT] = OMAR.key
    office.now += timedelta(minutes=5)
    assert (await office.known(U_DANA)).name == OMAR.name


async def test_while_the_platform_is_away_who_is_linked_goes_on_as_they_were(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    office.chat.knows("u2", OMAR.email)
    await office.known(U_DANA)
    office.chat.away = True
    office.now += timedelta(minutes=10)
    await office.known(U_DANA)
    office.restarted()
    await office.known(U_DANA)
    with pytest.raises(Retry):
        await office.people.resolve(ExternalId("chat", "team", "u2"))


async def test_while_the_platform_is_away_a_guest_stays_one(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    await office.known(U_DANA)
    office.chat.knows("u1", DANA.email, "guest")
    office.now += timedelta(minutes=5)
    await office.people.resolve(U_DANA)
    office.chat.away = True
    office.now += timedelta(minutes=5)
    assert await office.people.resolve(U_DANA) == Unresolved("guest")


async def test_people_are_reached_where_they_wrote_last(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    dana = await office.writes(U_DANA)
    assert await office.room(dana) == ("chat", "u1")
    await office.writes(ON_WEB)
    assert await office.room(dana) == ("web", DANA.email)
    await office.writes(U_DANA)
    assert await office.room(dana) == ("chat", "u1")


async def test_who_never_wrote_is_looked_up_and_that_is_no_use(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    dana = await office.people.by_email(DANA.email)
    assert dana is not None
    assert await office.room(dana) == ("chat", "u1")
    assert await office.people.external_id(dana, "chat", "team") == "u1"
    await office.known(ON_WEB)
    assert await office.room(dana) == ("web", DANA.email), "signing in is a use, having been looked up is none"


async def test_who_is_a_guest_there_or_not_there_is_reached_in_the_web_chat(office: Office) -> None:
    dana, omar = await office.people.by_email(DANA.email), await office.people.by_email(OMAR.email)
    assert dana is not None
    assert omar is not None
    office.chat.knows("u1", DANA.email, "guest")
    assert await office.room(dana) == ("web", DANA.email)
    assert await office.people.external_id(dana, "chat", "team") is None
    assert await office.room(omar) == ("web", OMAR.email)
    asked = office.chat.asked
    assert await office.room(omar) == ("web", OMAR.email)
    assert office.chat.asked == asked, "it is not asked again and again for somebody whom it does not have"


async def test_who_left_the_platform_is_not_written_to_there(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    dana = await office.writes(U_DANA)
    office.chat.knows("u1", DANA.email, "gone")
    office.now += timedelta(minutes=5)
    assert await office.room(dana) == ("web", DANA.email)


async def test_a_platform_that_is_away_does_not_keep_anybody_from_being_told(office: Office) -> None:
    dana = await office.people.by_email(DANA.email)
    assert dana is not None
    office.chat.away = True
    assert await office.room(dana) == ("web", DANA.email)
    office.chat.away = False
    office.chat.knows("u1", DANA.email)
    assert await office.room(dana) == ("chat", "u1")


async def test_a_picture_is_that_of_the_account_used_last_that_has_one(office: Office) -> None:
    office.chat.knows("u1", DANA.email, picture="https://pictures.example/1")
    office.chat.knows("u2", DANA.email, picture="https://pictures.example/2")
    await office.writes(U_DANA)
    dana = await office.writes(ExternalId("chat", "team", "u2"))
    await office.writes(ON_WEB)
    assert await office.people.picture(dana) == "https://pictures.example/2"
    asked = office.chat.asked
    await office.people.picture(dana)
    assert office.chat.asked == asked
    office.chat.away = True
    office.now += timedelta(minutes=5)
    assert await office.people.picture(dana) == "https://pictures.example/2"


async def test_without_a_picture_there_is_none(office: Office) -> None:
    assert await office.people.picture(await office.known(ON_WEB)) is None


async def test_a_linked_person_goes_on_while_the_directory_is_asked_in_vain(office: Office) -> None:
    office.chat.knows("u1", DANA.email)
    await office.known(U_DANA)
    office.now += timedelta(minutes=5)
    await office.people.by_email(DANA.email)
    office.directory.away = True
    await office.known(U_DANA)


async def test_only_so_much_is_remembered(office: Office) -> None:
    office.restarted(remembered=2)
    for user in ("u1", "u2", "u3"):
        office.chat.knows(user, DANA.email)
        await office.known(ExternalId("chat", "team", user))
    asked = office.chat.asked
    await office.known(ExternalId("chat", "team", "u3"))
    assert office.chat.asked == asked
    await office.known(ExternalId("chat", "team", "u1"))
    assert office.chat.asked == asked + 1


def test_what_was_set_last_is_what_stays() -> None:
    recent: Recent[str, int] = Recent(2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        recent[key] = value
    assert recent == {"a": 3, "c": 4}


@pytest.mark.parametrize(
    ("change", "employed"),
    [({}, True), ({"active": False}, False), ({"guest": True}, False), ({"roles": frozenset({"staff"})}, False)],
)
def test_who_is_employed(change: dict[str, Any], employed: bool) -> None:
    dana = Person("p1", "e1", DANA.name, DANA.email, "UTC", "en", roles=frozenset({"employee"}))
    assert replace(dana, **change).employed is employed
