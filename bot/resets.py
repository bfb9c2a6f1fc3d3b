"""Password resets where the identity store sends no links itself: the link, and what becomes of the password that is chosen behind it.

A password passes from the page to `Passwords.set_password` and is kept, logged and told nowhere.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.reset import Opened, Outcome
from bot.database import Sessions
from bot.reset_links import Claim, Link, ResetLinks, Standing
from bot.words import Words
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ports.calls import Call, as_json, recording
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import People, Person
from connectors.ports.records import Clock, Json, new_id
from connectors.ports.systems import Account, Effect, EnrolledChannel, Passwords
from specialists.audit import Audit

log = structlog.get_logger()

LONGEST: Final = timedelta(minutes=10)
"""A link never lasts longer, whoever asks."""
LONGEST_CALL: Final = 30.0
"""Seconds for setting a password; shorter than the lease of an attempt."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What came of asking the store. `because`: the code where it was not set, or where nobody knows; None when it was set."""

    state: Outcome
    because: str | None = None
    reference: str = ""


@dataclass(slots=True)
class OwnResets:
    """Implements `connectors.ports.systems.Accounts` over a store of passwords, and what stands behind the page /reset/{token}."""

    passwords: Passwords
    enrolled: EnrolledChannel | None
    """None: nobody can be reached outside the chat, so no link can be sent."""
    sessions: Sessions
    people: People
    audit: Audit
    messages: Messages
    reader: Reader
    """Who reads where nobody knows whose link it is."""
    clock: Clock
    secret: bytes
    base_url: str
    on_set: Callable[[], None] = lambda: None
    """A password was set, and the person is to be told: `settle` does that."""
    links: ResetLinks = field(init=False)

    def __post_init__(self) -> None:
        self.links = ResetLinks(self.sessions)

    # -- Accounts -----------------------------------------------------------------------------------------------------

    async def account(self, person_key: str) -> Account:
        account = await self.passwords.account(person_key)
        link = await self.links.live(person_key)
        ends = link.expires_at if link is not None and self.clock() < link.expires_at else None
        enrolled = await self.enrolled.address(person_key) if self.enrolled is not None else None
        return replace(account, enrolled=enrolled, reset_link_expires_at=ends)

    async def unlock(self, person_key: str, *, key: str) -> Effect:
        return await self.passwords.unlock(person_key, key=key)

    async def send_reset_link(self, person_key: str, *, lifetime: timedelta, key: str) -> Effect:
        """The token comes from the key, so that a repetition after a crash or a lost answer sends the same link, and is sent once."""
        first = await self.links.of_key(person_key, key)
        if first is not None and first.sent_at is not None:
            return _effect(first, changed=False)
        if not timedelta(0) < lifetime <= LONGEST:
            raise Refused("bad_lifetime", str(lifetime))
        if (await self.passwords.account(person_key)).status == "disabled":
            raise Refused("account_disabled", person_key)
        if self.enrolled is None or await self.enrolled.address(person_key) is None:
            raise Refused("not_enrolled", person_key)
        person = await self._person(person_key)
        words = self._words(person)
        token = self._token(person_key, key)
        link = await self.links.begin(person_key, key, token, self.clock() + lifetime)
        try:
            sent = await self.enrolled.send(
                person_key,
                subject=words("reset.mail.subject"),
                text=words("reset.mail.text", person=person.first_name, lifetime=lifetime),
                link=f"{self.base_url.rstrip('/')}/reset/{token}",
                key=f"{key}:mail",
            )
        except OutcomeUnknown:
            raise
        except ConnectorError:
            if first is None:
                await self.links.drop(link)
            raise
        return _effect(await self.links.sent(link, self.clock()), changed=sent.changed)

    async def withdraw_reset_link(self, person_key: str, *, reference: str = "", key: str) -> Effect:
        link, now = await self.links.withdraw(person_key, key, reference)
        if link is None:
            await self.passwords.account(person_key)  # refuses somebody whom the store does not know
            return Effect(f"account:{person_key}", changed=False)
        return Effect(link.reference, now, {"used_at": link.used_at.isoformat()} if link.used_at is not None else {})

    # -- the page -----------------------------------------------------------------------------------------------------

    async def look(self, token: str) -> Opened:
        """What the link is now. Changes nothing: mail scanners look too."""
        link = await self.links.of_token(token)
        if link is None:
            return self._opened("unknown")
        try:
            person = await self.people.by_key(link.person_key)
        except ConnectorError:
            person = None  # the page can be shown without; setting a password says that it cannot be done now
        standing = link.standing(self.clock())
        return replace(self._opened(standing, link, person), shortest=await self._shortest(link) if standing == "open" else None)

    async def choose(self, token: str, password: str) -> Opened:
        """Sets the password, through one open link once. An attempt that sets none gives the link back."""
        link = await self.links.of_token(token)
        if link is None:
            return self._opened("unknown")
        person: Person | None = None
        try:
            person = await self.people.by_key(link.person_key)
            if link.doubtful(self.clock()):
                link = await self._resolve(link)
            standing = link.standing(self.clock())
            if standing != "open":
                return self._opened(standing, link, person)
            if person is None:
                return self._opened("refused", link, person, "unknown_person")
            if person.privileged:  # since the link was sent
                return self._opened("refused", link, person, "privileged")
            account = await self.passwords.account(link.person_key)
            before = account.password_changed_at
            claim = Claim(new_id(), person.id, before if link.claimed_at is None else link.changed_before)
            if not await self.links.claim(link, claim, self.clock()):
                return self._opened((await self.links.of(link.id)).standing(self.clock()), link, person)
        except Refused as refused:
            return self._opened("refused", link, person, refused.code)
        except ConnectorError as error:
            log.warning("reset_not_possible_now", link=link.id, code=error.code)
            return self._opened("later", link, person)
        with recording() as calls:
            attempt = await self._set(link, before, password)
        if attempt.state == "changed":
            await self._finish(link, claim, attempt.reference, calls)
            self.on_set()
        else:
            await self._give_back(link, claim, attempt, calls)
        shortest = await self._shortest(link) if attempt.state == "refused" else None
        return replace(self._opened(attempt.state, link, person, attempt.because), shortest=shortest)

    async def _shortest(self, link: Link) -> int | None:
        """What the page says of the rules; None where they cannot be read now: it says less then."""
        try:
            return await self.passwords.shortest(link.person_key)
        except ConnectorError as error:
            log.info("reset_rules_not_read", link=link.id, code=error.code)
            return None

    async def _set(self, link: Link, before: datetime | None, password: str) -> _Attempt:
        try:
            async with asyncio.timeout(LONGEST_CALL):
                effect = await self.passwords.set_password(link.person_key, password)
            return _Attempt("changed", reference=effect.reference)
        except OutcomeUnknown as error:
            code = error.code
        except Retry as error:
            return _Attempt("later", error.code)
        except ConnectorError as error:
            return _Attempt("refused", error.code)
        except Exception as error:
            # Its text and its variables may hold the password: the type is all that leaves here.
            log.error("reset_broke", link=link.id, error=type(error).__name__)
            code = "broke"
        return _Attempt("changed") if await self._was_changed(link, before) else _Attempt("doubtful", code)

    async def _was_changed(self, link: Link, before: datetime | None) -> bool:
        """By the store's own clock, so that two clocks need not agree; two passwords within one tick of it, often a second, look like one.

        False also when that cannot be read now.
        """
        try:
            async with asyncio.timeout(LONGEST_CALL):
                return (await self.passwords.account(link.person_key)).password_changed_at != before
        except (ConnectorError, TimeoutError):
            return False

    # -- what crashes and lost answers left behind ------------------------------------------------------------------------

    async def settle(self) -> None:
        """Looks what became of attempts whose end nobody saw, tells the persons whose passwords were set, forgets old links."""
        for link in await self.links.doubtful(self.clock()):
            try:
                await self._resolve(link)
            except ConnectorError as error:
                log.warning("reset_not_settled", link=link.id, code=error.code)
        for link in await self.links.untold():
            await self._tell(link)
        await self.links.forget(self.clock())

    async def _resolve(self, link: Link) -> Link:
        """Whether the doubtful attempt set a password after all. Raises ConnectorError when that cannot be read.

        What is not there yet may still come about: the link can be used again, and the doubt stays until nothing can come any more.
        """
        claim = Claim(link.claim or "", link.claimed_by or "", link.changed_before)
        account = await self.passwords.account(link.person_key)
        if account.password_changed_at != link.changed_before:
            await self._finish(link, claim, link.reference, ())
        elif self.clock() < link.in_doubt_until():
            await self.links.release(claim.id, known=False)
        elif link.changed_before is not None:
            await self.links.release(claim.id, known=True)
        else:  # a store that tells no times says nothing by telling none again
            data = {"code": "no_password_time", "link": link.reference, "calls": []}

            async def audited(session: AsyncSession) -> None:
                await self._record(session, "password_set_unknown", link, claim.by, data)

            log.warning("reset_never_known", link=link.id)
            await self.links.release(claim.id, known=True, also=audited)
        return await self.links.of(link.id)

    async def _tell(self, link: Link) -> None:
        try:
            person = await self._person(link.person_key)
            words = self._words(person)
            subject = words("reset.changed.subject")
            text = words("reset.changed.text", person=person.first_name, at=link.used_at)
            if self.enrolled is None:
                raise Refused("not_enrolled")
            await self.enrolled.send(link.person_key, subject=subject, text=text, key=f"{link.id}:changed")
        except Retry as error:
            log.warning("reset_not_told", link=link.id, code=error.code)
            return
        except ConnectorError as error:
            log.error("reset_cannot_be_told", link=link.id, code=error.code)
        await self.links.told(link, self.clock())

    # -- rows and words -------------------------------------------------------------------------------------------------

    async def _finish(self, link: Link, claim: Claim, reference: str, calls: Sequence[Call]) -> None:
        data = {"reference": reference or link.reference, "link": link.reference, "calls": as_json(calls)}

        async def audited(session: AsyncSession) -> None:
            await self._record(session, "password_set", link, claim.by, data)

        await self.links.finish(claim.id, self.clock(), audited)

    async def _give_back(self, link: Link, claim: Claim, attempt: _Attempt, calls: Sequence[Call]) -> None:
        data = {"code": attempt.because, "link": link.reference, "calls": as_json(calls)}
        event = {"refused": "password_set_refused", "doubtful": "password_set_unknown"}.get(attempt.state, "password_not_set")

        async def audited(session: AsyncSession) -> None:
            await self._record(session, event, link, claim.by, data)

        # An earlier attempt may still come about, whatever became of this one.
        known = attempt.state != "doubtful" and link.claimed_at is None
        await self.links.release(claim.id, known=known, also=audited)

    async def _record(self, session: AsyncSession, event: str, link: Link, person_id: str, data: Mapping[str, Json]) -> None:
        await self.audit.append(
            session,
            kind="outcome",
            event=event,
            actor_id=person_id,
            subject_id=person_id,
            request_id=link.request_id,
            data={"person": person_id, **data},
        )

    def _opened(
        self, state: Standing | Outcome, link: Link | None = None, person: Person | None = None, because: str | None = None
    ) -> Opened:
        words = self._words(person)
        until = link.expires_at if link is not None else None
        return Opened(state, words, because, person.first_name if person else "", person.email if person else "", until)

    async def _person(self, person_key: str) -> Person:
        person = await self.people.by_key(person_key)
        if person is None:
            raise Refused("unknown_person", person_key)
        return person

    def _words(self, person: Person | None) -> Words:
        return Words.for_person(self.messages, person) if person is not None else Words(self.messages, self.reader)

    def _token(self, person_key: str, key: str) -> str:
        return hmac.new(self.secret, f"reset:{person_key}:{key}".encode(), hashlib.sha256).hexdigest()


def _effect(link: Link, *, changed: bool) -> Effect:
    return Effect(link.reference, changed, {"expires_at": link.expires_at.isoformat()})
