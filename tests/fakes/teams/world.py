"""Everything that was said and shown in the fake Teams. Nothing here talks to anybody."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

from connectors.sandbox import facts
from connectors.sandbox.people import TENANT, object_id
from tests.fakes.teams.state import CARD, BotError, FakeFile, Json, Person, Refusal, Room, Sent, Shown, Team

OTHER_TENANT = "0b1dd2a6-1d1c-4c3c-9c7d-0e4f6f6a9b11"
STAFF = {
    "dana": (facts.DANA, "Dana Whitfield"), "omar": (facts.OMAR, "Omar Khalil"), "priya": (facts.PRIYA, "Priya Nair"),
    "sam": (facts.SAM, "Sam Okoye"), "kim": (facts.KIM, "Kim Larsen"), "vic": (facts.VIC, "Vic Sterling"),
    "noor": (facts.NOOR, "Noor Haddad"),
}  # fmt: skip


class World:
    """Times are the fake's own clock: `advance` moves it on."""

    tenant = TENANT
    app_id = "5e1c7a34-29b8-4f0e-8f43-9a3b1c6d2e70"
    app_password = "the-app-password"
    bot_id = f"28:{app_id}"
    bot_name = "Foyer"

    def __init__(self) -> None:
        self.base = ""
        self.refusals: list[Refusal] = []
        self.deliveries: list[Sent] = []
        self.calls: list[tuple[str, str, Json]] = []
        """(kind of call, conversation id or path, body) of every call with a good token, before it was judged."""
        self.people: dict[str, Person] = {}
        self.teams: dict[str, Team] = {}
        self.rooms: dict[str, Room] = {}
        """By conversation id."""
        self.said: dict[str, dict[str, Shown]] = {}
        self.files: dict[str, FakeFile] = {}
        self.uploads: dict[str, bytes] = {}
        """What was put to upload addresses, by name."""
        self.consented: set[str] = set()
        """Ids of teams and chats where resource-specific consent was granted."""
        self.page_size = 200
        self.now: Callable[[], float] = time.time
        """Seconds since 1970, before what `advance` adds."""
        self._offset = 0.0
        self._last_ms = 0
        self._numbers = count(1)
        for key, (directory, name) in STAFF.items():
            self.add_person(key, name, account=object_id(directory))
        self.add_person("guest", "Marta Kowalska", account=object_id(facts.MARTA), email="marta@partner.example", role="guest")
        self.add_person("outsider", "Eve Other", email="eve@other.example", tenant=OTHER_TENANT)
        staff = set(STAFF)
        team = self.add_team("acme", "Acme", staff)
        self.add_channel("general", "General", team)
        self.add_channel("support", "Support", team)
        self.add_channel("partner", "Partners", self.add_team("partners", "Partners", {"dana", "guest"}))
        self.add_group("group", "Launch", {"dana", "omar", "priya"})

    def clock(self) -> float:
        """Seconds since 1970."""
        return self.now() + self._offset

    def advance(self, seconds: float) -> None:
        self._offset += seconds

    def new_ms(self) -> str:
        self._last_ms = max(self._last_ms + 1, int(self.clock() * 1000))
        return str(self._last_ms)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):08x}"

    def add_person(
        self, key: str, name: str, *, account: str | None = None, email: str = "", tenant: str = "", role: str = "user", mail: bool = True
    ) -> Person:
        """`mail` False: an account without a mailbox; Teams tells no address of it."""
        address = email or f"{key}@acme.example"
        person = Person(
            key, name, f"29:1{key}-{self.new_id('')}", account or object_id(f"teams-{key}"), address if mail else "", address,
            tenant or self.tenant,
        )  # fmt: skip
        if role == "guest":
            person.role = "guest"
            person.upn = f"{address.replace('@', '_')}#EXT#@acme.example"
        self.people[key] = person
        return person

    def add_team(self, key: str, name: str, members: set[str]) -> Team:
        team = Team(f"19:{key}-{self.new_id('')}@thread.tacv2", object_id(f"group-{key}"), name, set(members))
        self.teams[key] = team
        return team

    def add_channel(self, key: str, name: str, team: Team, *, shared: bool = False) -> Room:
        """The first one of a team has the team's own id, as the channel General has."""
        first = not any(room.team is team for room in self.rooms.values())
        id = team.id if first else f"19:{key}-{self.new_id('')}@thread.tacv2"
        return self._add(Room(key, id, "channel", self.tenant, name, team.members, team, shared=shared))

    def add_group(self, key: str, name: str, members: set[str]) -> Room:
        return self._add(Room(key, f"19:{key}-{self.new_id('')}@thread.v2", "groupChat", self.tenant, name, set(members)))

    def _add(self, room: Room) -> Room:
        self.rooms[room.id] = room
        return room

    def personal(self, key: str) -> Room:
        """This person's chat with the bot, which exists without being installed."""
        found = next((room for room in self.rooms.values() if room.kind == "personal" and room.key == key), None)
        person = self.people[key]
        return found or self._add(Room(key, f"a:1{self.new_id(key)}", "personal", person.tenant, "", {key}))

    def room(self, name: str) -> Room:
        """By what tests call it, by a person's key (their chat with the bot), or by its conversation id."""
        if name in self.people:
            return self.personal(name)
        for room in self.rooms.values():
            if name in (room.key, room.id):
                return room
        raise KeyError(name)

    def room_id(self, name: str) -> str:
        """The room of an Address: `user:<object id>` or the conversation id."""
        room = self.room(name)
        return f"user:{self.people[room.key].object_id}" if room.kind == "personal" else room.id

    def conversation_id(self, name: str, thread: str | None = None) -> str:
        id = self.room(name).id
        return f"{id};messageid={thread}" if thread else id

    def reachable(self, key: str) -> bool:
        """Whether the bot may open a chat with this person: installed for them, or in a team or chat of theirs."""
        return self.personal(key).installed or any(
            room.installed and key in room.members for room in self.rooms.values() if room.kind != "personal"
        )

    def person_of(self, id: str) -> Person | None:
        """By the id that Teams has for them, or their object id."""
        return next((person for person in self.people.values() if id in (person.user_id, person.object_id)), None)

    def key_of(self, id: str) -> str | None:
        person = self.person_of(id)
        return person.key if person else None

    def put(self, message: Shown) -> Shown:
        self.said.setdefault(message.room.id, {})[message.id] = message
        return message

    def get(self, room: Room, id: str) -> Shown | None:
        message = self.said.get(room.id, {}).get(id)
        return None if message is None or message.deleted else message

    def at(self) -> datetime:
        """The present; later than all before."""
        return datetime.fromtimestamp(int(self.new_ms()) / 1000, UTC)

    def violation(self, method: str, error: BotError, payload: object) -> None:
        self.refusals.append(Refusal(method, error.status, error.code, error.message, payload))

    def fill(self, message: Shown, activity: Json) -> None:
        """What a bot says, as people see it."""
        message.text = activity.get("text") or ""
        message.text_format = activity.get("textFormat") or "markdown"
        message.summary = activity.get("summary") or ""
        message.attachments = list(activity.get("attachments") or [])
        message.entities = [entity for entity in activity.get("entities") or [] if entity.get("type") != "streaminfo"]
        message.channel_data = dict(activity.get("channelData") or {})
        message.card = next((one["content"] for one in message.attachments if one["contentType"] == CARD), None)
        message.seen.clear()

    def messages(self, room: str, thread: str | None = None) -> list[Shown]:
        """Oldest first, without the deleted ones. A person's key means their chat with the bot."""
        every = [message for message in self.said.get(self.room(room).id, {}).values() if not message.deleted]
        return [message for message in every if thread is None or message.thread == thread]

    def by_bot(self, room: str, thread: str | None = None) -> list[Shown]:
        return [message for message in self.messages(room, thread) if message.by is None]

    def shown(self, person: str) -> list[Shown]:
        """What the bot shows in this person's own chat now."""
        return self.by_bot(person)
