"""Whatever happens to links and in whatever order: one live link a person, one password a link, and everything that was set is
written down and told once."""

import asyncio
import contextlib
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from bot.reset_links import LEASE
from bot.tables import reset_link
from connectors.errors import ConnectorError, OutcomeUnknown, Retry
from tests.bot.resets.rig import DANA, GOOD, TEN_MINUTES, WEAK, Rig, on_sqlite

FAILURES = {
    "down": (Retry("unreachable"), False),
    "cut": (OutcomeUnknown("connection_lost"), False),
    "answer lost": (OutcomeUnknown("connection_lost"), True),
    "killed before": (asyncio.CancelledError(), False),
    "killed behind": (asyncio.CancelledError(), True),
}
STEPS = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 2), st.sampled_from(["", "down", "cut", "answer lost", "killed before", "killed behind"])),
    st.tuples(st.just("choose"), st.integers(0, 2), st.sampled_from(["", "weak", *FAILURES])),
    st.tuples(st.just("withdraw"), st.integers(0, 1), st.just("")),
    st.tuples(st.just("wait"), st.sampled_from([1, 4]), st.just("")),
    st.tuples(st.just("settle"), st.just(0), st.just("")),
)


ORDERS = st.lists(STEPS, min_size=4, max_size=14)


@settings(max_examples=12)
@given(ORDERS)
def test_any_order(steps: list[tuple[str, int, str]]) -> None:
    hold(steps)


def hold(steps: list[tuple[str, int, str]]) -> None:
    """After each of the steps and in the end; tests/soak tries many more orders."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with on_sqlite(Path(folder) / "foyer.db") as rig:
                for number, step in enumerate(steps):
                    await _do(rig, number, *step)
                    await _holds(rig)
                rig.passwords._failures.clear()
                rig.clock.advance(LEASE)
                await rig.resets.settle()
                assert len(await rig.audited("password_set")) == len(rig.passwords.chosen) == len(rig.mailbox.notices)

    asyncio.run(run())


async def _do(rig: Rig, number: int, what: str, which: int, how: str) -> None:
    match what:
        case "send":
            if how:
                error, after = FAILURES[how]
                (rig.mailbox.lost if after else rig.mailbox.failing).append(error)
            with contextlib.suppress(ConnectorError, asyncio.CancelledError):
                await rig.resets.send_reset_link(DANA, lifetime=TEN_MINUTES, key=f"k{which}")
            rig.mailbox.failing.clear()
            rig.mailbox.lost.clear()
        case "choose" if rig.mailbox.links:
            token = rig.mailbox.links[min(which, len(rig.mailbox.links) - 1)]
            # As fine as stores tell when a password was set; nobody chooses two within one second.
            rig.clock.advance(timedelta(seconds=1))
            was, before = await rig.state(token), len(rig.passwords.chosen)
            if how in FAILURES:
                error, after = FAILURES[how]
                rig.passwords.fail_next(error, "set_password", after=after)
            try:
                state = await rig.choose(token, WEAK if how == "weak" else f"{GOOD} {number}")
            except asyncio.CancelledError:
                state = "killed"
            rig.passwords._failures.clear()
            # A dead attempt may be settled first, and the link be open again: nothing else that is not open sets a password.
            assert len(rig.passwords.chosen) == before or was in ("open", "busy")
            assert state != "changed" or len(rig.passwords.chosen) == before + 1
        case "withdraw":
            await rig.resets.withdraw_reset_link(DANA, key=f"w{which}")
        case "wait":
            rig.clock.advance(timedelta(minutes=which))
        case "settle":
            await rig.resets.settle()


async def _holds(rig: Rig) -> None:
    live = select(func.count()).where(reset_link.c.state.in_(("open", "claimed")))
    async with rig.sessions() as session:
        assert (await session.execute(live)).scalar_one() <= 1
    assert len(rig.passwords.chosen) <= len(rig.mailbox.links)
