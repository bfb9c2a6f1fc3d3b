"""Foyer's own reset links: sent once a key, used once, and known for what they are after crashes and lost answers."""

import asyncio
from datetime import datetime, timedelta

import pytest
import structlog

from bot.reset_links import LEASE, Claim, Link, ResetLinks, Standing
from connectors.errors import ConnectorError, NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.records import new_id
from tests.bot.resets.rig import BETTER, DANA, GOOD, LEAVER, NOWHERE, OMAR, START, TEN_MINUTES, WEAK, Rig

MINUTE = timedelta(minutes=1)


class TestSending:
    async def test_the_link_leads_to_the_page_and_only_its_hash_is_kept(self, rig: Rig) -> None:
        effect = await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key="k1")
        (mail,) = rig.mailbox.mails.values()
        assert mail.link is not None
        assert mail.link.startswith("https://foyer.example/reset/")
        assert len(bytes.fromhex(rig.mailbox.links[0])) == 32
        assert "10 minutes" in mail.text
        assert rig.mailbox.links[0] not in f"{mail.text}{effect}{await rig.resets.account(DANA)}"

    async def test_a_repetition_after_a_crash_before_the_sending_sends_the_same_link_once(self, rig: Rig) -> None:
        rig.mailbox.failing.append(asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key="k1")
        assert (await rig.resets.account(DANA)).reset_link_expires_at is None  # nobody knows of a link that went out
        rig.clock.advance(MINUTE)
        effect = await rig.replica().send_reset_link(DANA, lifetime=TEN_MINUTES, key="k1")
        assert effect.changed
        assert len(rig.mailbox.links) == 1
        assert (await rig.resets.account(DANA)).reset_link_expires_at == rig.clock() + TEN_MINUTES

    async def test_a_repetition_after_a_crash_behind_the_sending_sends_nothing_more(self, rig: Rig) -> None:
        rig.mailbox.lost.append(asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key="k1")
        assert await rig.state(rig.mailbox.links[0]) == "open"  # the person has it already
        assert not (await rig.replica().send_reset_link(DANA, lifetime=TEN_MINUTES, key="k1")).changed
        assert len(rig.mailbox.links) == 1
        assert await rig.choose(rig.mailbox.links[0]) == "changed"

    async def test_a_link_that_may_have_gone_out_is_kept_though_the_next_try_certainly_did_not(self, rig: Rig) -> None:
        rig.mailbox.lost.append(OutcomeUnknown("connection_lost"))
        with pytest.raises(OutcomeUnknown):
            await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key="k1")
        rig.mailbox.failing.append(Retry("unreachable"))
        with pytest.raises(Retry):
            await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key="k1")
        assert await rig.choose(rig.mailbox.links[0]) == "changed"

    async def test_a_newer_link_withdraws_the_older_one(self, rig: Rig) -> None:
        first, second = await rig.link("k1"), await rig.link("k2")
        assert first != second
        assert (await rig.state(first), await rig.state(second)) == ("withdrawn", "open")
        assert await rig.choose(first) == "withdrawn"
        assert rig.passwords.chosen == []

    @pytest.mark.parametrize("error", [Retry("unreachable"), Refused("rejected")])
    async def test_what_was_certainly_not_sent_leaves_the_older_one_as_it_is(self, rig: Rig, error: ConnectorError) -> None:
        first = await rig.link("k1")
        rig.mailbox.failing.append(error)
        with pytest.raises(type(error)):
            await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key="k2")
        assert await rig.state(first) == "open"
        assert (await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key="k2")).changed
        assert await rig.state(first) == "withdrawn"

    async def test_the_links_of_two_people_are_apart(self, rig: Rig) -> None:
        dana, omar = await rig.link("k1"), await rig.link("k2", OMAR)
        assert (await rig.state(dana), await rig.state(omar)) == ("open", "open")
        with pytest.raises(Refused, match="key_reused"):
            await rig.resets.send_reset_link(OMAR, lifetime=TEN_MINUTES, key="k1")
        with pytest.raises(Refused, match="key_reused"):
            await rig.resets.withdraw_reset_link(DANA, key="k1")

    @pytest.mark.parametrize(("who", "code"), [(LEAVER, "account_disabled"), (NOWHERE, "not_enrolled"), ("nobody", "unknown_person")])
    async def test_refuses_whoever_cannot_have_one(self, rig: Rig, who: str, code: str) -> None:
        with pytest.raises(Refused, match=code):
            await rig.resets.send_reset_link(who, lifetime=TEN_MINUTES, key="k1")
        assert not rig.mailbox.mails

    @pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(minutes=-1), timedelta(minutes=11)])
    async def test_refuses_a_lifetime_that_is_none_or_too_long(self, rig: Rig, lifetime: timedelta) -> None:
        with pytest.raises(Refused, match="bad_lifetime"):
            await rig.resets.send_reset_link(DANA, lifetime=lifetime, key="k1")

    async def test_a_withdrawal_withdraws_one_link_once(self, rig: Rig) -> None:
        token = await rig.link("k1")
        first = await rig.resets.withdraw_reset_link(DANA, key="w1")
        newer = await rig.link("k2")
        again = await rig.resets.withdraw_reset_link(DANA, key="w1")
        assert (first.changed, again.changed, again.reference) == (True, False, first.reference)
        assert (await rig.state(token), await rig.state(newer)) == ("withdrawn", "open")
        with pytest.raises(Refused, match="key_reused"):
            await rig.resets.withdraw_reset_link(OMAR, key="w1")

    async def test_what_was_used_stays_and_says_when(self, rig: Rig) -> None:
        first = await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key="k1")
        rig.clock.advance(MINUTE)
        assert await rig.choose(rig.mailbox.links[-1]) == "changed"
        used = {"used_at": (START + MINUTE).isoformat()}
        rig.clock.advance(MINUTE)
        last = await rig.resets.withdraw_reset_link(DANA, key="w1")
        assert (last.reference, last.changed, last.detail) == (first.reference, False, used)
        newer = await rig.link("k2")
        for _ in range(2):
            effect = await rig.resets.withdraw_reset_link(DANA, reference=first.reference, key="w2")
            assert (effect.changed, effect.detail) == (False, used)
        assert await rig.state(newer) == "open"
        assert (await rig.resets.withdraw_reset_link(DANA, key="w3")).detail == {}


@pytest.mark.parametrize(
    ("state", "minutes", "standing"),
    [
        ("new", 0, "open"),
        ("new", 10, "expired"),
        ("open", 9, "open"),
        ("open", 10, "expired"),
        ("claimed", 0, "busy"),
        ("claimed", 10, "busy"),
        ("used", 0, "used"),
        ("used", 10, "used"),
        ("withdrawn", 0, "withdrawn"),
        ("withdrawn", 10, "withdrawn"),
    ],
)
def test_what_a_link_is(state: str, minutes: int, standing: Standing) -> None:
    link = Link("i", DANA, "k", None, state, START + TEN_MINUTES, None, None, None, None, None, None)
    assert link.standing(START + minutes * MINUTE) == standing
    assert not link.doubtful(START)


class TestChoosing:
    async def test_sets_the_password_once_and_tells_the_person(self, rig: Rig) -> None:
        token = await rig.link()
        assert await rig.choose(token) == "changed"
        assert await rig.choose(token, BETTER) == "used"
        assert rig.passwords.chosen == [(DANA, GOOD)]
        (event,) = await rig.audited("password_set")
        assert (event["actor"], event["subject"], event["person"]) == ("p-e1001", "p-e1001", "p-e1001")
        assert (event["reference"], event["request"]) == ("account:e1001", None)
        for _ in range(2):
            await rig.resets.settle()
        (notice,) = rig.mailbox.notices
        assert notice.person_key == DANA
        assert "new password was set" in notice.text
        assert (await rig.resets.account(DANA)).reset_link_expires_at is None

    async def test_a_link_is_of_no_use_to_whoever_became_privileged(self, rig: Rig) -> None:
        token = await rig.link()
        rig.people.privileged = True
        assert await rig.choose(token) == "refused"
        rig.people.privileged = False
        assert rig.passwords.chosen == []
        assert await rig.choose(token) == "changed"

    async def test_several_at_once_set_one_password(self, either: Rig) -> None:
        """From two processes; the first one that the store begins with holds on until all others had their answer."""
        token, done = await either.link(), asyncio.Event()
        either.passwords.before_set = done.wait
        other = either.replica()
        posts = [asyncio.create_task(which.choose(token, f"{GOOD} {n}")) for n, which in enumerate((either.resets, other) * 4)]
        _, waiting = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        while len(waiting) > 1:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        done.set()
        states = [opened.state for opened in await asyncio.gather(*posts)]
        assert sorted(states) == ["busy"] * 7 + ["changed"]
        assert len(either.passwords.chosen) == 1
        assert len(await either.audited("password_set")) == 1

    async def test_without_the_claim_several_would_be_set(self, rig: Rig) -> None:
        """The control of the test above."""

        class Unclaimed(ResetLinks):
            async def claim(self, link: Link, claim: Claim, now: datetime) -> bool:
                await super().claim(link, claim, now)
                return True

        token = await rig.link()
        rig.resets.links = Unclaimed(rig.sessions)
        await asyncio.gather(*(rig.resets.choose(token, f"{GOOD} {n}") for n in range(4)))
        assert len(rig.passwords.chosen) > 1

    @pytest.mark.parametrize(
        ("error", "state", "event"),
        [
            (Refused("password_used_before"), "refused", "password_set_refused"),
            (Refused("not_permitted"), "refused", "password_set_refused"),
            (NeedsHuman("ambiguous"), "refused", "password_set_refused"),
            (Retry("unreachable"), "later", "password_not_set"),
            (Retry("breaker_open"), "later", "password_not_set"),
            (OutcomeUnknown("timeout"), "doubtful", "password_set_unknown"),
            (ValueError(GOOD), "doubtful", "password_set_unknown"),
        ],
    )
    async def test_a_failure_leaves_the_link_open(self, rig: Rig, error: Exception, state: str, event: str) -> None:
        token = await rig.link()
        rig.passwords.fail_next(error, "set_password")
        opened = await rig.resets.choose(token, GOOD)
        assert opened.state == state
        assert opened.because == (error.code if isinstance(error, ConnectorError) and state != "later" else opened.because)
        assert await rig.state(token) == "open"
        (audited,) = [one for one in await rig.audited() if one["event"] != "reset_link_sent"]
        assert (audited["event"], audited["subject"]) == (event, "p-e1001")
        assert GOOD not in str(audited)
        assert await rig.choose(token, BETTER) == "changed"
        assert rig.passwords.chosen == [(DANA, BETTER)]

    async def test_what_came_of_a_link_belongs_to_the_request_that_sent_it(self, rig: Rig) -> None:
        request = new_id()
        await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key=f"{request}:0")
        token = rig.mailbox.links[-1]
        for error in (Refused("password_used_before"), Retry("unreachable"), OutcomeUnknown("timeout"), None):
            if error is not None:
                rig.passwords.fail_next(error, "set_password")
            await rig.choose(token)
        audited = [(one["event"], one["request"]) for one in await rig.audited()]
        events = ("password_set_refused", "password_not_set", "password_set_unknown", "password_set")
        assert audited == [(event, request) for event in events]

    async def test_the_store_is_down_before_anything_begins(self, rig: Rig) -> None:
        token = await rig.link()
        rig.passwords.fail_next(Retry("unreachable"), "account")
        assert await rig.choose(token) == "later"
        rig.people.down = Retry("unreachable")
        assert await rig.state(token) == "open"
        assert await rig.choose(token) == "later"
        rig.people.down = None
        assert await rig.choose(token) == "changed"

    async def test_a_lost_answer_is_a_change_when_the_store_shows_one(self, rig: Rig) -> None:
        token = await rig.link()
        rig.passwords.fail_next(OutcomeUnknown("connection_lost"), "set_password", after=True)
        assert await rig.choose(token) == "changed"
        assert await rig.state(token) == "used"
        assert len(await rig.audited("password_set")) == 1

    async def test_a_lost_answer_is_looked_at_again_when_the_store_cannot_be_read(self, rig: Rig) -> None:
        token = await rig.link()
        rig.passwords.fail_next(OutcomeUnknown("connection_lost"), "set_password", after=True)

        async def down() -> None:
            rig.passwords.fail_next(Retry("unreachable"), "account")

        rig.passwords.before_set = down
        assert await rig.choose(token) == "doubtful"
        assert await rig.state(token) == "open"
        rig.passwords.before_set = None
        assert await rig.choose(token, BETTER) == "used"  # it had worked: the link has had its password
        assert rig.passwords.chosen == [(DANA, GOOD)]
        assert len(await rig.audited("password_set")) == 1
        await rig.resets.settle()
        assert len(rig.mailbox.notices) == 1

    @pytest.mark.parametrize("how", ["withdrawn", "expired", "newer"])
    async def test_nothing_is_set_through_a_link_that_is_over(self, rig: Rig, how: str) -> None:
        token = await rig.link()
        match how:
            case "withdrawn":
                await rig.resets.withdraw_reset_link(DANA, key="w")
            case "expired":
                rig.clock.advance(TEN_MINUTES)
            case "newer":
                await rig.link("k2")
        assert await rig.choose(token) in ("withdrawn", "expired")
        assert await rig.choose("0" * 64) == "unknown"
        assert rig.passwords.chosen == []


class TestCrashes:
    async def test_between_the_claim_and_the_set_gives_the_link_back(self, rig: Rig) -> None:
        token = await rig.link()
        rig.passwords.fail_next(asyncio.CancelledError(), "set_password")
        with pytest.raises(asyncio.CancelledError):
            await rig.choose(token)
        await rig.replica().settle()
        assert await rig.state(token) == "busy"  # whoever has it may still be at it
        rig.clock.advance(LEASE)
        await rig.replica().settle()
        assert await rig.state(token) == "open"
        assert await rig.choose(token, BETTER) == "changed"
        assert rig.passwords.chosen == [(DANA, BETTER)]

    async def test_between_the_set_and_the_row_is_found_out_and_told(self, rig: Rig) -> None:
        token = await rig.link()
        rig.passwords.fail_next(asyncio.CancelledError(), "set_password", after=True)
        with pytest.raises(asyncio.CancelledError):
            await rig.choose(token)
        rig.clock.advance(LEASE)
        for _ in range(2):
            await rig.replica().settle()
        assert await rig.state(token) == "used"
        assert len(await rig.audited("password_set")) == 1
        assert len(rig.mailbox.notices) == 1

    async def test_two_that_find_it_out_at_once_write_it_once(self, either: Rig) -> None:
        token = await either.link()
        either.passwords.fail_next(asyncio.CancelledError(), "set_password", after=True)
        with pytest.raises(asyncio.CancelledError):
            await either.choose(token)
        link = await either.resets.links.of_token(token)
        assert link is not None
        either.clock.advance(LEASE)
        await asyncio.gather(*(either.replica()._resolve(link) for _ in range(4)))
        await either.replica().settle()
        assert len(await either.audited("password_set")) == 1
        assert len(either.mailbox.notices) == 1

    async def test_a_dead_attempt_is_settled_by_whoever_comes_next(self, rig: Rig) -> None:
        token = await rig.link()
        rig.passwords.fail_next(asyncio.CancelledError(), "set_password")
        with pytest.raises(asyncio.CancelledError):
            await rig.choose(token)
        assert await rig.choose(token) == "busy"
        rig.clock.advance(LEASE)
        assert await rig.choose(token) == "changed"

    async def test_what_was_withdrawn_meanwhile_is_known_to_have_been_used(self, rig: Rig) -> None:
        token = await rig.link()
        rig.passwords.fail_next(asyncio.CancelledError(), "set_password", after=True)
        with pytest.raises(asyncio.CancelledError):
            await rig.choose(token)
        await rig.link("k2")
        rig.clock.advance(LEASE)
        await rig.resets.settle()
        assert len(await rig.audited("password_set")) == 1
        assert len(rig.mailbox.notices) == 1

    async def test_the_notice_waits_until_the_channel_is_there_again(self, rig: Rig) -> None:
        token = await rig.link()
        await rig.choose(token)
        rig.mailbox.failing.append(Retry("unreachable"))
        await rig.resets.settle()
        assert not rig.mailbox.notices
        await rig.resets.settle()
        assert len(rig.mailbox.notices) == 1

    async def test_who_cannot_be_told_is_given_up_and_logged(self, rig: Rig) -> None:
        await rig.choose(await rig.link())
        rig.mailbox.failing.append(Refused("rejected"))
        with structlog.testing.capture_logs() as logs:
            await rig.resets.settle()
            await rig.resets.settle()
        assert [line["event"] for line in logs] == ["reset_cannot_be_told"]

    async def test_a_store_that_is_down_settles_nothing_yet(self, rig: Rig) -> None:
        token = await rig.link()
        rig.passwords.fail_next(asyncio.CancelledError(), "set_password")
        with pytest.raises(asyncio.CancelledError):
            await rig.choose(token)
        rig.clock.advance(LEASE)
        rig.passwords.fail_next(Retry("unreachable"), "account")
        await rig.resets.settle()
        assert await rig.state(token) == "busy"

    async def test_old_links_are_forgotten(self, rig: Rig) -> None:
        token = await rig.link()
        rig.clock.advance(timedelta(days=29))
        await rig.resets.settle()
        assert await rig.state(token) == "expired"
        rig.clock.advance(timedelta(days=2))
        await rig.resets.settle()
        assert await rig.state(token) == "unknown"

    async def test_a_weak_password_uses_nothing_up(self, rig: Rig) -> None:
        token = await rig.link()
        opened = await rig.resets.choose(token, WEAK)
        assert (opened.state, opened.because) == ("refused", "password_too_short")
        assert await rig.choose(token) == "changed"
