"""One-time links: single use, in time, withdrawn, never in clear outside the person's own inbox."""

import asyncio
import hashlib
import re
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.errors import Refused
from connectors.sandbox import facts
from connectors.sandbox.accounts import LinkState, Redeemed
from connectors.sandbox.connector import SandboxCompany
from tests.contract.cases import FakeClock

TEN_MINUTES = timedelta(minutes=10)
GOOD = "correct horse battery"


async def sent(company: SandboxCompany, person: str = facts.DANA, key: str = "k1") -> str:
    await company.accounts.send_reset_link(person, lifetime=TEN_MINUTES, key=key)
    link = (await company.inbox(person))[-1].link
    assert link is not None
    match = re.fullmatch(r"https://acme\.example/sandbox/reset/([\w-]{43})", link)
    assert match is not None
    return match.group(1)


async def test_sets_the_password_once(company: SandboxCompany, clock: FakeClock) -> None:
    token = await sent(company)
    assert await company.reset_link(token) is LinkState.OPEN
    assert await company.redeem_reset_link(token, GOOD) is Redeemed.CHANGED
    account = await company.accounts.account(facts.DANA)
    assert (account.password_changed_at, account.reset_link_expires_at) == (clock(), None)
    assert await company.reset_link(token) is LinkState.USED
    assert await company.redeem_reset_link(token, "another good password") is Redeemed.USED


async def test_two_clicks_at_once_change_it_once(company: SandboxCompany, other: SandboxCompany) -> None:
    token = await sent(company)
    outcomes = await asyncio.gather(company.redeem_reset_link(token, GOOD), other.redeem_reset_link(token, GOOD + "!"))
    assert sorted(outcomes) == [Redeemed.CHANGED, Redeemed.USED]


async def test_looking_at_the_page_does_not_use_it_up(company: SandboxCompany) -> None:
    token = await sent(company)
    for _ in range(3):
        assert await company.reset_link(token) is LinkState.OPEN
    assert await company.redeem_reset_link(token, GOOD) is Redeemed.CHANGED


async def test_ends_with_its_lifetime(company: SandboxCompany, clock: FakeClock) -> None:
    token = await sent(company)
    clock.advance(TEN_MINUTES - timedelta(microseconds=1))
    assert await company.reset_link(token) is LinkState.OPEN
    clock.advance(timedelta(microseconds=1))
    assert await company.reset_link(token) is LinkState.EXPIRED
    assert await company.redeem_reset_link(token, GOOD) is Redeemed.EXPIRED


@pytest.mark.parametrize("token", ["", "wrong", "' OR 1=1 --", "\ud800"])
async def test_a_wrong_token_opens_nothing(company: SandboxCompany, token: str) -> None:
    await sent(company)
    assert await company.reset_link(token) is LinkState.UNKNOWN
    assert await company.redeem_reset_link(token, GOOD) is Redeemed.UNKNOWN


async def test_withdrawn_it_opens_nothing(company: SandboxCompany) -> None:
    token = await sent(company)
    await company.accounts.withdraw_reset_link(facts.DANA, key="k2")
    assert await company.redeem_reset_link(token, GOOD) is Redeemed.WITHDRAWN


async def test_a_newer_link_withdraws_the_older_one(company: SandboxCompany) -> None:
    first, second = await sent(company), await sent(company, key="k2")
    assert await company.redeem_reset_link(first, GOOD) is Redeemed.WITHDRAWN
    assert await company.redeem_reset_link(second, GOOD) is Redeemed.CHANGED


async def test_is_for_its_own_person_only(company: SandboxCompany) -> None:
    dana, omar = await sent(company), await sent(company, facts.OMAR, key="k2")
    await company.accounts.withdraw_reset_link(facts.OMAR, key="k3")
    before = (await company.accounts.account(facts.OMAR)).password_changed_at
    assert await company.redeem_reset_link(omar, GOOD) is Redeemed.WITHDRAWN
    assert await company.redeem_reset_link(dana, GOOD) is Redeemed.CHANGED
    assert (await company.accounts.account(facts.OMAR)).password_changed_at == before


@pytest.mark.parametrize(
    ("password", "outcome"),
    [
        ("", Redeemed.TOO_SHORT),
        ("elevenchars", Redeemed.TOO_SHORT),
        ("x1" * 65, Redeemed.TOO_LONG),
        ("aaaaaaaaaaaaaaaa", Redeemed.TOO_SIMPLE),
        ("my name is DANA 2026", Redeemed.TOO_SIMPLE),
        ("whitfield-forever", Redeemed.TOO_SIMPLE),
    ],
)
async def test_a_weak_password_is_told_and_leaves_the_link_open(company: SandboxCompany, password: str, outcome: Redeemed) -> None:
    token = await sent(company)
    assert await company.redeem_reset_link(token, password) is outcome
    assert await company.redeem_reset_link(token, GOOD) is Redeemed.CHANGED


async def test_the_present_password_is_no_new_one(company: SandboxCompany) -> None:
    await company.redeem_reset_link(await sent(company), GOOD)
    token = await sent(company, key="k2")
    assert await company.redeem_reset_link(token, GOOD) is Redeemed.REUSED
    assert await company.redeem_reset_link(token, GOOD + "!") is Redeemed.CHANGED


async def test_neither_token_nor_password_is_stored_outside_the_inbox(company: SandboxCompany, path: Path) -> None:
    token = await sent(company)
    await company.redeem_reset_link(token, GOOD)
    db = sqlite3.connect(path)
    rows = [line for line in db.iterdump() if not line.startswith('INSERT INTO "inbox"')]
    stored = db.execute("SELECT password_hash FROM accounts WHERE person_key = ?", (facts.DANA,)).fetchone()[0]
    db.close()
    assert [line for line in rows if token in line or GOOD in line] == []
    assert any(hashlib.sha256(token.encode()).hexdigest() in line for line in rows)
    _, salt, digest = stored.split("$")
    assert hashlib.scrypt(GOOD.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex() == digest


async def test_the_password_of_two_people_is_salted(company: SandboxCompany, path: Path) -> None:
    await company.redeem_reset_link(await sent(company), GOOD)
    await company.redeem_reset_link(await sent(company, facts.OMAR, "k2"), GOOD)
    db = sqlite3.connect(path)
    hashes = {row[0] for row in db.execute("SELECT password_hash FROM accounts WHERE password_hash IS NOT NULL")}
    db.close()
    assert len(hashes) == 2


async def test_a_lifetime_must_be_in_the_future(company: SandboxCompany) -> None:
    with pytest.raises(Refused, match="bad_lifetime"):
        await company.accounts.send_reset_link(facts.DANA, lifetime=timedelta(0), key="k1")
