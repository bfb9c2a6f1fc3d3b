"""A system without keys and ends, as most are: a set of members that can be read."""

from collections.abc import Awaitable, Callable

from connectors.calling.ledger import Seen

Strike = Callable[[], Awaitable[None]]


async def nothing() -> None: ...


class Members:
    """`before` and `after` a change are where it can be struck. `holder`: what the system has for the person now."""

    def __init__(self) -> None:
        self.holder = ""
        self.members: set[str] = set()
        self.changes: list[str] = []
        self.before: Strike = nothing
        self.after: Strike = nothing

    async def look(self, who: str = "dana") -> Seen:
        return Seen(who in self.members, f"member:{who}", holder=self.holder)

    async def look_gone(self, who: str = "dana") -> Seen:
        return Seen(who not in self.members, f"member:{who}")

    async def add(self, who: str = "dana") -> None:
        await self.before()
        if who not in self.members:
            self.changes.append(f"+{who}")
        self.members.add(who)
        await self.after()

    async def remove(self, who: str = "dana") -> None:
        await self.before()
        if who in self.members:
            self.changes.append(f"-{who}")
        self.members.discard(who)
        await self.after()
