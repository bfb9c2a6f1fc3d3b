"""What entries say of accounts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from connectors.errors import Retry
from connectors.ldap.accounts import (
    SHUT,
    Locking,
    active_directory_account,
    active_directory_locking,
    entry_id,
    openldap_account,
    openldap_locking,
    reference,
)
from connectors.ldap.client import Entry

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AN_HOUR_AGO = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
HALF_AN_HOUR = Locking(lasts=timedelta(minutes=30))
TWO_HOURS = Locking(lasts=timedelta(hours=2))


def entry(**attributes: str | bytes) -> Entry:
    """Underscores for hyphens."""
    values = {name: value.encode() if isinstance(value, str) else value for name, value in attributes.items()}
    return Entry("uid=dana", {name.lower().replace("_", "-"): (value,) for name, value in values.items()})


def ticks(moment: datetime) -> str:
    return str(int((moment - datetime(1601, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 10)


class TestOpenLdap:
    def test_an_account_without_marks_is_active(self) -> None:
        account = openldap_account(entry(pwdChangedTime="20261101080000Z"), Locking(), active=True, now=NOW)
        assert (account.status, account.locked_since) == ("active", None)
        assert account.password_changed_at == datetime(2026, 11, 1, 8, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("locking", "status", "since"),
        [
            (Locking(), "locked", AN_HOUR_AGO),
            (TWO_HOURS, "locked", AN_HOUR_AGO),
            (HALF_AN_HOUR, "active", None),
            (Locking(lasts=timedelta(hours=1)), "active", None),
            (Locking(locks=False), "active", None),
        ],
    )
    def test_a_lock_lasts_as_its_policy_says(self, locking: Locking, status: str, since: datetime | None) -> None:
        account = openldap_account(entry(pwdAccountLockedTime="20261121110000Z"), locking, active=True, now=NOW)
        assert (account.status, account.locked_since) == (status, since)

    @pytest.mark.parametrize(
        "marks",
        [
            {"pwdAccountLockedTime": SHUT},
            {"pwdEndTime": "20261121110000Z"},
            {"pwdStartTime": "20261121130000Z"},
        ],
    )
    def test_what_an_administrator_shut_is_disabled(self, marks: dict[str, str | bytes]) -> None:
        assert openldap_account(entry(**marks), HALF_AN_HOUR, active=True, now=NOW).status == "disabled"

    def test_who_has_left_is_disabled(self) -> None:
        assert openldap_account(entry(pwdAccountLockedTime="20261121110000Z"), Locking(), active=False, now=NOW).status == "disabled"

    def test_times_of_validity_that_hold_shut_nobody_out(self) -> None:
        marks = entry(pwdStartTime="20260101000000Z", pwdEndTime="20270101000000Z")
        assert openldap_account(marks, Locking(), active=True, now=NOW).status == "active"

    def test_reads_a_policy(self) -> None:
        assert openldap_locking(entry(pwdLockout="TRUE", pwdLockoutDuration="1800")) == HALF_AN_HOUR
        assert openldap_locking(entry(pwdLockout="TRUE", pwdLockoutDuration="0")) == Locking()
        assert openldap_locking(entry(pwdLockoutDuration="1800")).locks is False


class TestActiveDirectory:
    def test_the_servers_own_word_counts(self) -> None:
        locked = entry(lockoutTime=ticks(AN_HOUR_AGO), userAccountControl="512", msDS_User_Account_Control_Computed="16")
        account = active_directory_account(locked, HALF_AN_HOUR, active=True, now=NOW)
        assert (account.status, account.locked_since) == ("locked", AN_HOUR_AGO)
        over = entry(lockoutTime=ticks(AN_HOUR_AGO), userAccountControl="512", msDS_User_Account_Control_Computed="0")
        account = active_directory_account(over, Locking(), active=True, now=NOW)
        assert (account.status, account.locked_since) == ("active", None)

    @pytest.mark.parametrize(("locking", "status"), [(Locking(), "locked"), (TWO_HOURS, "locked"), (HALF_AN_HOUR, "active")])
    def test_without_it_the_domains_rule_does(self, locking: Locking, status: str) -> None:
        locked = entry(lockoutTime=ticks(AN_HOUR_AGO), userAccountControl="512")
        assert active_directory_account(locked, locking, active=True, now=NOW).status == status

    @pytest.mark.parametrize("since", ["0", None])
    def test_no_lock_is_none(self, since: str | None) -> None:
        there = entry(userAccountControl="512", **({"lockoutTime": since} if since else {}))
        assert active_directory_account(there, Locking(), active=True, now=NOW).status == "active"

    @pytest.mark.parametrize(
        "marks",
        [
            {"userAccountControl": "514"},
            {"userAccountControl": "512", "accountExpires": ticks(AN_HOUR_AGO)},
            {"userAccountControl": "514", "lockoutTime": ticks(AN_HOUR_AGO), "msDS_User_Account_Control_Computed": "16"},
        ],
    )
    def test_disabled_and_expired_accounts(self, marks: dict[str, str | bytes]) -> None:
        assert active_directory_account(entry(**marks), Locking(), active=True, now=NOW).status == "disabled"

    @pytest.mark.parametrize("expires", ["0", "9223372036854775807", ticks(NOW + timedelta(days=1))])
    def test_an_account_that_does_not_expire_yet(self, expires: str) -> None:
        there = entry(userAccountControl="512", accountExpires=expires)
        assert active_directory_account(there, Locking(), active=True, now=NOW).status == "active"

    def test_reads_when_the_password_was_set(self) -> None:
        there = entry(userAccountControl="512", pwdLastSet=ticks(AN_HOUR_AGO))
        assert active_directory_account(there, Locking(), active=True, now=NOW).password_changed_at == AN_HOUR_AGO
        must_change = entry(userAccountControl="512", pwdLastSet="0")
        assert active_directory_account(must_change, Locking(), active=True, now=NOW).password_changed_at is None

    def test_reads_the_domains_rule(self) -> None:
        assert active_directory_locking(entry(lockoutDuration="-18000000000")) == HALF_AN_HOUR
        assert active_directory_locking(entry(lockoutDuration="-9223372036854775808")) == Locking()


class TestIds:
    def test_reads_a_guid_as_windows_keeps_it(self) -> None:
        guid = UUID("6f0a3c52-8b1e-4d57-9c40-2a7be31d5f10")
        assert reference(entry(objectGUID=guid.bytes_le, uSNChanged="4711")) == f"{guid}/4711"

    def test_reads_a_uuid_and_the_number_of_the_change(self) -> None:
        csn = "20261121134623.924312Z#000000#000#000000"
        assert (
            reference(entry(entryUUID="af7a68dc-79fd-1041-85c0-5fea72f021b0", entryCSN=csn))
            == f"af7a68dc-79fd-1041-85c0-5fea72f021b0/{csn}"
        )

    def test_says_when_it_may_not_be_read(self) -> None:
        with pytest.raises(Retry) as raised:
            entry_id(entry(cn="Dana"))
        assert raised.value.code == "misconfigured"
        assert "entryUUID" in raised.value.detail
