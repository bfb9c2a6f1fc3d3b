"""Tells the owners of limits that 80 or 100 % of one is spent: a specialist's manager, and service owners of people and conversations.

Once for each limit and percentage, whichever process tells; all that is new together, in the owner's own chat. It says whose and how much,
and nothing of what was said. A single conversation is told of, too: no ordinary one comes near its limit, so something is wrong there.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.changes import Changes, Post, Saver
from bot.database import Sessions
from bot.held import HeldPosts
from bot.language.budgets import FULL, Scope, Spent, millionths, money_share, share, token_share
from bot.language.settings import Limit, ModelSettings
from bot.language.usage import row_of
from bot.people import PeopleStore
from bot.quiet import News
from bot.words import Words
from connectors.errors import ConnectorError
from connectors.ports.chat import Channel, Reply, ReplyKind
from connectors.ports.messages import Messages
from connectors.ports.people import Person
from connectors.ports.records import Clock, new_id
from specialists.roster import Roster
from specialists.store import Conflict

log = structlog.get_logger()
AT_ONCE = 50
"""Limits that one round tells of."""
NAMED = 10
"""Of them those that one notice names; of the rest it says how many there are."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A percentage that its owner has not been told of."""

    scope: Scope
    spent: Spent
    percent: int
    told: int


@dataclass(frozen=True, slots=True)
class _Owned:
    """`owners`: by id, who are to be told."""

    reached: Reached
    owners: Mapping[str, Person]


@dataclass(frozen=True, slots=True)
class LimitNotices:
    """`owners`: directory groups of the service owners."""

    sessions: Sessions
    settings: ModelSettings
    people: PeopleStore
    roster: Roster
    owners: Sequence[str]
    channels: Mapping[str, Channel]
    held: HeldPosts
    saver: Saver
    messages: Messages
    clock: Clock

    async def tell(self) -> None:
        """A round: everybody who owns a limit that is newly reached is told once of all of theirs. Limits that have an owner in common
        are told in one transaction; what keeps these back keeps no others."""
        groups: list[list[_Owned]] = []
        for one in await self._reached():
            try:
                owned = _Owned(one, {owner.id: owner for owner in await self._owners_of(one.scope)})
            except ConnectorError as error:
                _not_told(error)
                continue
            if not owned.owners:
                log.warning("limit_has_no_owner", limit=one.scope.limit, of=one.scope.of)
            with_it = [group for group in groups if any(other.owners.keys() & owned.owners.keys() for other in group)]
            groups = [group for group in groups if group not in with_it] + [[*(other for group in with_it for other in group), owned]]
        for group in groups:
            try:
                await self._tell(group)
            except (Conflict, ConnectorError) as error:
                _not_told(error)

    async def _tell(self, group: Sequence["_Owned"]) -> None:
        reached = [one.reached for one in group]

        async def keep(session: AsyncSession) -> None:
            s = t.model_spent.c
            for one in reached:
                row = update(t.model_spent).where(*row_of(one.scope), s.told == one.told, s.reached == one.percent)
                if (await session.execute(row.values(told=one.percent).returning(s.told))).one_or_none() is None:
                    raise Conflict("another process told them")

        changes = Changes(inside=[keep])
        for owner in {owner.id: owner for one in group for owner in one.owners.values()}.values():
            theirs = [one.reached for one in group if owner.id in one.owners]
            try:
                address = await self.people.address(owner, self.channels)
            except LookupError:
                log.warning("limit_owner_has_no_chat", owner=owner.id)
                continue
            reply = Reply(new_id(), ReplyKind.NOTICE, await self._worded(owner, theirs))
            until = await self.held.wait(address, owner.id, News.BUDGET)
            changes.posts.append(Post(address, reply, None, owner.id, until))
        await self.saver.save(changes)
        log.info("limits_told", owners=len(changes.posts), limits=len(reached))

    async def _reached(self) -> Sequence[Reached]:
        s = t.model_spent.c
        # In no order, which would cost the index.
        untold = select(t.model_spent).where(s.told < s.reached).limit(AT_ONCE)
        async with self.sessions() as session:
            rows = sorted((await session.execute(untold)).all(), key=lambda row: (row.limit, row.of, row.period))
        return [Reached(Scope(row.limit, row.of, row.period), Spent(row.tokens, row.cost), row.reached, row.told) for row in rows]

    async def _owners_of(self, scope: Scope) -> Sequence[Person]:
        """Its manager for a specialist; else, and where that is nobody, the service owners."""
        specialist = self.roster.specialists.get(scope.of) if scope.limit == "specialist_month" else None
        manager = await self.people.one_at(specialist.manager) if specialist is not None else None
        if manager is not None and manager.active:
            return [manager]
        members = {person.id: person for group in self.owners for person in await self.people.members(group)}
        return [person for person in members.values() if person.active]

    async def _worded(self, owner: Person, reached: Sequence[Reached]) -> str:
        words = Words.for_person(self.messages, owner)
        lines = [await self._line(words, one) for one in reached[:NAMED]]
        if len(reached) > NAMED:
            lines.append(words("limit.more", count=len(reached) - NAMED))
        full = any(one.percent == FULL for one in reached)
        return "\n".join([words("limit.head"), "", *lines, "", words("limit.full") if full else words("limit.near")])

    async def _line(self, words: Words, one: Reached) -> str:
        limit = self.settings.limits.of(one.scope.limit)
        spent, most = amounts(words, one.spent, limit, self.settings.currency)
        name = await name_of(one.scope, self.sessions, self.people, self.roster, words)
        used = share(one.spent, limit)
        line = words(f"limit.{one.scope.limit}", name=name, period=one.scope.period, spent=spent, most=most, percent=int(100 * used))
        return f"{line} {words('limit.too_little')}" if one.percent == FULL and used < 1 else line


def _not_told(error: Exception) -> None:
    log.info("limits_not_told", error=type(error).__name__)  # the next round tells


def amounts(words: Callable[..., str], spent: Spent, limit: Limit, currency: str) -> tuple[str, str]:
    """What is spent and what may be, of tokens and money whichever is further."""
    if limit.tokens is not None and token_share(spent, limit) >= money_share(spent, limit):
        return words("limit.tokens", count=spent.tokens), words("limit.tokens", count=limit.tokens)
    both = (money(spent.cost), money(millionths(limit)))
    spent_, most = (words("limit.money", amount=amount, currency=currency) for amount in both)
    return spent_, most


def money(cost: int) -> str:
    """Millionths as an amount: to the cent, and less than one as exactly as it is."""
    amount = Decimal(cost) / 1_000_000
    return f"{amount:.2f}" if cost == 0 or amount >= Decimal("0.01") else f"{amount.normalize():f}"


async def name_of(scope: Scope, sessions: Sessions, people: PeopleStore, roster: Roster, words: Callable[..., str]) -> str:
    """Whose limit it is: a person for a conversation, too."""
    if scope.limit == "specialist_month":
        specialist = roster.specialists.get(scope.of)
        return specialist.display_name if specialist is not None else words("limit.front_door")
    return await named(await _person_of(scope, sessions), people.name) or words("limit.somebody")


async def named(person_id: str | None, name: Callable[[str], Awaitable[str]]) -> str:
    return await name(person_id) if person_id is not None else ""


async def _person_of(scope: Scope, sessions: Sessions) -> str | None:
    if scope.limit == "person_day":
        return scope.of
    async with sessions() as session:
        found = select(t.conversation.c.person_id).where(t.conversation.c.id == scope.of)
        return (await session.execute(found)).scalar_one_or_none()
