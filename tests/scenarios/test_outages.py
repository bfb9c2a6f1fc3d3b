"""What a person reads, staff sees and the operator finds when a system outside does not do what it should."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot import control
from bot.words import Words
from connectors.errors import ConnectorError, NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.chat import ReplyKind
from connectors.ports.messages import Reader
from specialists.hands import Patience
from tests.scenarios.company import Company

QUICK = Patience(waits=(0.0, 0.0))


@pytest.fixture(autouse=True)
def _impatient(company: Company) -> None:
    """Nobody waits in a test for what will not come."""
    object.__setattr__(company.app.fulfilment._work, "patience", QUICK)
    company.app.inbox._pauses = (0.0,)


def breaks(company: Company, port: str, error: ConnectorError | None, *operations: str) -> Callable[[], None]:
    """Every operation of the port, or these, raise it from now on; how to mend that."""
    ports = company.app.outside.ports
    served = ports[port] if port != "access" else next(iter(ports["access"].sources.values())).access
    whole = dict(served._operations)

    async def broken(*args: Any, **kwargs: Any) -> Any:
        raise error or Retry("unreachable")

    served._operations = {name: broken if not operations or name in operations else made for name, made in whole.items()}

    def mend() -> None:
        served._operations = whole

    return mend


async def heard(company: Company, person: str = "dana") -> str:
    """The last thing that this person was told; nobody is asked of them, since the directory may be away."""
    rows = await company.app.web.changes([f"{person}@acme.example"], 0, limit=10_000)
    return next(row.reply.text for row in reversed(rows) if row.reply is not None and row.reply.kind is not ReplyKind.PROGRESS)


def said(company: Company, key: str, **params: str) -> str:
    return Words(company.app.messages, Reader("en-US", "UTC"))(key, **params)


DIRECTORY = [
    (Retry("unreachable"), "turn.down", 3),
    (Retry("breaker_open", "unreachable", after=30.0), "turn.down", 3),
    (Retry("bad_credentials", "dc1 refuses cn=foyer"), "turn.not_set_up", 1),
    (Refused("not_permitted", "may not read mail"), "turn.not_set_up", 1),
    (NeedsHuman("ambiguous", "e1001, e1002"), "turn.ambiguous", 0),
    (KeyError("mail"), "turn.failed", 3),
]


@pytest.mark.parametrize(("error", "key", "tries"), DIRECTORY, ids=lambda value: str(value))
async def test_whoever_writes_while_the_directory_fails_is_told(company: Company, error: ConnectorError, key: str, tries: int) -> None:
    mend = breaks(company, "people", error)
    with capture_logs() as logs:
        await company.say("dana", "my account is locked")
    assert await heard(company) == said(company, key)
    failed = [one for one in logs if one["event"] == "turn_failed"]
    assert len(failed) == tries
    if tries and isinstance(error, ConnectorError):
        assert {(one["code"], one["detail"]) for one in failed} == {(error.code, error.detail)}
    if key == "turn.ambiguous":
        assert [one["people"] for one in logs if one["event"] == "address_of_several"] == ["e1001, e1002"]
    assert (await company.app.inbox.waiting()) == 0
    mend()
    assert (await company.state("dana"))["account"]["status"] == "locked", "nothing was done of it"
    await company.say("dana", "my account is locked")
    assert (await company.state("dana"))["account"]["status"] == "active"


async def test_a_moment_of_the_directorys_is_not_noticed(company: Company) -> None:
    mend = breaks(company, "people", Retry("unreachable"))
    company.app.inbox._pauses = (0.05,)
    mended = False

    async def handle(received: Any) -> None:
        nonlocal mended
        if received.attempts == 1 and not mended:
            mend()
            mended = True
        await company.app.turns.handle(received)

    company.app._serve = lambda: company.app.inbox.serve(handle, company.app.turns.give_up)  # type: ignore[method-assign]
    company.app._inbox_loop._work = company.app._serve
    await company.say("dana", "my account is locked")
    assert (await company.state("dana"))["account"]["status"] == "active"


FULFILMENT = [
    (Retry("unreachable"), "unreachable", "handoff.opened.down"),
    (Retry("breaker_open", "bad_certificate", after=0.0), "bad_certificate", "handoff.opened.not_set_up"),
    (NeedsHuman("ambiguous"), "ambiguous", "handoff.opened.ambiguous"),
    (OutcomeUnknown("timeout"), "timeout", "handoff.opened.unknown"),
    (Refused("overlap"), "overlap", "handoff.opened.failed"),
]


@pytest.mark.parametrize(("error", "code", "key"), FULFILMENT, ids=lambda value: str(value))
async def test_whoever_is_not_served_hears_why_and_staff_reads_the_code(
    company: Company, error: ConnectorError, code: str, key: str
) -> None:
    mend = breaks(company, "accounts", error, "unlock")
    await company.say("dana", "my account is locked")
    expected = said(company, key, group="IT support", case="FOY-2")
    assert await heard(company) == expected
    case = next(one.reply for one in await company.shown("sam") if one.reply.kind is ReplyKind.HANDOFF)
    assert code in " ".join(field.value for field in case.fields), "staff reads which"
    audited = {one["event"]: one["data"] for one in (await control.audit_show(company.app, {"case": "FOY-1"}))["story"]}
    assert audited["action_failed"]["code"] == code
    assert audited["request_failed"]["code"] == code
    mend()


@pytest.mark.parametrize(("error", "code", "key"), FULFILMENT[:3], ids=lambda value: str(value))
async def test_the_same_where_it_cannot_even_be_planned(company: Company, error: ConnectorError, code: str, key: str) -> None:
    breaks(company, "accounts", error, "account")
    await company.say("dana", "my account is locked")
    expected = said(company, key, group="IT support", case="FOY-2")
    assert await heard(company) == expected
    case = next(one.reply for one in await company.shown("sam") if one.reply.kind is ReplyKind.HANDOFF)
    assert code in " ".join(field.value for field in case.fields), "staff reads which"
    audited = {one["event"]: one["data"] for one in (await control.audit_show(company.app, {"case": "FOY-1"}))["story"]}
    assert audited["planning_failed"]["code"] == code


async def test_what_an_operator_has_to_mend_is_not_tried_again_and_again(company: Company) -> None:
    tried = 0
    accounts = company.app.outside.ports["accounts"]

    async def unlock(*args: Any, **kwargs: Any) -> Any:
        nonlocal tried
        tried += 1
        raise Retry("bad_credentials")

    accounts._operations = {**accounts._operations, "unlock": unlock}
    await company.say("dana", "my account is locked")
    assert tried == 1


async def test_two_managers_with_one_address_keep_nobodys_news_back(company: Company) -> None:
    """Whom to notify is looked up by address: that it is two people's is the operator's to mend."""
    mend = breaks(company, "people", NeedsHuman("ambiguous", "e1, e2"), "by_email")
    with capture_logs() as logs:
        assert await company.app.people.one_at("ines@acme.example") is None
    assert [one["people"] for one in logs if one["event"] == "address_of_several"] == ["e1, e2"]
    mend()
