"""What whoever runs an installation sees of its systems: doctor, `foyer connectors`, the metrics, the audit."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot import control
from bot.cli import _call, _examined
from bot.cli import app as command_line
from bot.doctor import PATIENCE, examine
from bot.home import Refusal
from connectors.calling.breaker import FAILURES
from connectors.errors import Retry
from connectors.ports.calls import Call, CallRules, Finding
from connectors.ports.chat import ReplyKind
from tests.scenarios.company import Company

FINDINGS = [Finding("reach", True, "answers in 3 ms"), Finding("rights", False, "may not unlock", "give it the right to write lockoutTime")]


class Directory:
    """A connector that says what it finds, however late."""

    def __init__(self, check: Sequence[Finding] | Exception | None = FINDINGS) -> None:
        self.told = check
        self.rules = CallRules()
        self.release = asyncio.Event()

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def check(self) -> Sequence[Finding]:
        if self.told is None:
            await self.release.wait()
            return FINDINGS
        if isinstance(self.told, Exception):
            raise self.told
        return self.told or ()

    async def offers(self) -> Mapping[str, Sequence[str]]:
        return {"group": [f"figma-{n}" for n in range(3)]}


def connected(company: Company, **connectors: Any) -> None:
    """As if foyer.yaml had named them, too."""
    outside = company.app.outside
    object.__setattr__(outside, "connectors", {**outside.connectors, **connectors})
    object.__setattr__(outside, "guards", {**outside.guards, **dict.fromkeys(connectors, outside.guards["sandbox"])})


async def found(company: Company, patience: float = PATIENCE) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in await examine(company.app, patience)}


async def test_doctor_has_a_line_for_each_finding_of_each_connector(company: Company) -> None:
    connected(company, directory=Directory())
    told = await found(company)
    assert told["systems"]["ok"]
    assert told["sandbox: reach"]["ok"]
    assert told["directory: reach"] == {"name": "directory: reach", "ok": True, "found": "answers in 3 ms", "mend": ""}
    assert told["directory: rights"]["mend"] == "give it the right to write lockoutTime"
    assert told["skills"]["found"] == "all 6 on"


async def test_doctor_does_not_wait_for_who_hangs_and_goes_on_where_one_breaks(company: Company) -> None:
    connected(company, hangs=Directory(None), breaks=Directory(Retry("bad_certificate", "expired on 1 May")), well=Directory())
    told = await found(company, 0.05)
    assert told["hangs: reach"]["found"] == "no answer within 0.05 s"
    assert told["breaks: check"]["found"] == "bad_certificate: expired on 1 May"
    assert "breaks in foyer.yaml" in told["breaks: check"]["mend"]
    assert told["well: reach"]["ok"]


@pytest.mark.parametrize(
    ("code", "mend"),
    [("unreachable", "it is tried again by itself"), ("bad_credentials", "mend what the log says of it")],
)
async def test_doctor_and_the_list_tell_what_is_not_called_and_why(company: Company, code: str, mend: str) -> None:
    connected(company, directory=Directory(FINDINGS[:1]), worse=Directory())
    guard = company.app.outside.guards["directory"]
    for _ in range(FAILURES):
        entry = guard.breaker.enter(0.0)
        if entry is not None:
            guard._judge(entry, Retry(code))
    told = await found(company)
    assert not told["directory: calls"]["ok"]
    assert code in told["directory: calls"]["found"]
    assert told["directory: calls"]["mend"].startswith(mend)
    assert "worse: calls" not in told, "what its own check found is why"


async def test_doctor_is_asked_part_by_part_and_tells_the_same(company: Company) -> None:
    connected(company, directory=Directory())
    rounds = await control.doctor_rounds(company.app, {})
    assert ["connectors.sandbox", "connectors.directory"] in rounds
    asked = [one for together in rounds for part in together for one in await control.doctor(company.app, {"part": part})]
    assert [one["name"] for one in asked] == [one["name"] for one in await examine(company.app)]


async def test_doctor_tells_each_finding_when_it_is_there(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    """The systems that come first are told while another one is waited for."""
    slow = Directory(None)
    connected(company, quick=Directory(), slow=slow)

    class Asked:
        async def call(self, command: str, **given: Any) -> Any:
            return await control.COMMANDS[command](company.app, given)

    examining = asyncio.create_task(_examined(Asked()))
    so_far = ""
    while "quick: rights" not in so_far:
        await asyncio.sleep(0.01)
        so_far += capsys.readouterr().out
    assert "mend: give it the right to write lockoutTime" in so_far
    assert "slow: " not in so_far
    slow.release.set()
    assert not await examining
    assert capsys.readouterr().out.startswith("ok      slow: reach ")


async def test_the_list_tells_what_serves_what_and_which_skills_are_off(company: Company) -> None:
    told = await control.connectors_list(company.app, {})
    (sandbox,) = told["connectors"]
    assert (sandbox["name"], sandbox["folder"], sandbox["closed_to"]) == ("sandbox", "sandbox", None)
    assert {"figma", "tableau"} <= set(sandbox["applications"]), "which only the system itself names"
    assert set(sandbox["ports"]) == {"people", "accounts", "enrolled", "access", "hr", "purchasing", "devices"}
    assert told["off"] == {}


async def test_offers_are_the_systems_own_word(company: Company) -> None:
    connected(company, directory=Directory())
    assert await control.connectors_offers(company.app, {"name": "directory"}) == {"group": ["figma-0", "figma-1", "figma-2"]}
    with pytest.raises(Refusal, match="nothing that"):
        await control.connectors_offers(company.app, {"name": "sandbox"})
    with pytest.raises(Refusal, match="There are sandbox, directory"):
        await control.connectors_offers(company.app, {"name": "nobody"})


def test_the_commands_print_what_is_there(template: Path, tmp_path: Path) -> None:
    home = {"FOYER_HOME": str(tmp_path / "home")}
    listed = CliRunner().invoke(command_line, ["connectors"], env=home)
    assert listed.exit_code == 0
    assert listed.stdout.startswith("sandbox          sandbox    serves people, accounts")
    assert json.loads(CliRunner().invoke(command_line, ["connectors", "--json"], env=home).stdout)["off"] == {}
    refused = CliRunner().invoke(command_line, ["connectors", "offers", "sandbox"], env=home)
    assert (refused.exit_code, refused.stderr.strip()) == (1, "sandbox has nothing that foyer.yaml would name.")


async def test_each_step_is_audited_with_the_calls_that_it_took(company: Company) -> None:
    await company.say("dana", "my account is locked")
    story = {one["event"]: one["data"] for one in (await control.audit_show(company.app, {"case": await case_of(company)}))["story"]}
    assert [call["operation"] for call in story["request_planned"]["calls"]] == ["accounts.account"]
    unlocked, *read_back = story["action_done"]["calls"]
    assert (unlocked["connector"], unlocked["operation"], unlocked["came_to"]) == ("sandbox", "accounts.unlock", "changed")
    assert unlocked["reference"] == story["action_done"]["reference"]
    assert [call["came_to"] for call in read_back] == ["read"]
    assert "Dana" not in json.dumps(story["action_done"])


def test_a_call_is_shown_in_one_line() -> None:
    call = Call("figma", "access.grant", "changed", 132, 2, "user:7/group:3").as_json()
    assert _call(call) == "figma access.grant: changed (user:7/group:3), 2 tries, 132 ms"
    assert _call(Call("figma", "access.entitlements", "read", 20, 1).as_json()) == "figma access.entitlements: read, 20 ms"


async def test_what_is_undone_and_what_ends_is_audited_with_the_systems_own_id(company: Company) -> None:
    await company.say("omar", "I need access to Figma as editor for 30 days")
    await company.press("priya", "approve")
    await company.press("omar", "undo")
    story = {one["event"]: one["data"] for one in (await control.audit_show(company.app, {"case": await case_of(company)}))["story"]}
    assert story["action_undone"]["reference"] == story["action_done"]["reference"] != ""
    assert "access.revoke" in [call["operation"] for call in story["action_undone"]["calls"]]
    await company.say("omar", "I need access to Miro as editor for 30 days")
    await company.press("priya", "approve")
    await company.later(days=31)
    story = {one["event"]: one["data"] for one in (await control.audit_show(company.app, {"case": await case_of(company)}))["story"]}
    assert story["grant_ended"]["references"] == [story["action_done"]["reference"]]
    assert "access.revoke" in [call["operation"] for call in story["grant_ended"]["calls"]]


async def case_of(company: Company) -> str:
    """The newest request's."""
    number = 1
    while await company.app.requests.by_number(number + 1) is not None:
        number += 1
    return f"FOY-{number}"


async def test_the_metrics_count_calls(company: Company) -> None:
    await company.say("dana", "my account is locked")
    told = company.app.metrics.text().decode()
    assert 'foyer_outside_calls_total{came_to="changed",connector="sandbox",operation="accounts.unlock"} 1.0' in told
    assert 'foyer_outside_seconds_count{connector="sandbox",operation="accounts.unlock"} 1.0' in told


async def test_a_skill_that_nothing_serves_is_not_there(company: Company) -> None:
    """As if no connector served purchasing."""
    del company.app.turns.specs["request_hardware"]
    await company.say("dana", "help")
    await company.say("dana", "I need a new monitor")
    helped, answered = [one.reply.text for one in await company.news("dana") if one.reply.kind is not ReplyKind.PROGRESS]
    assert "hardware" not in helped.lower()
    assert "Unlock your account" in helped
    assert "[1]" in answered, "an article speaks of it, and that is all there is"
    assert await company.app.requests.open_of((await company.person("dana")).id) == []
    await company.say("dana", "hello")
    assert "hardware" not in (await company.news("dana"))[-1].reply.text.lower()


async def test_with_no_skill_at_all_there_are_articles_and_people(company: Company) -> None:
    company.app.turns.specs.clear()
    await company.say("dana", "help")
    assert (await company.news("dana"))[-1].reply.text == company.app.words(await company.person("dana"))("say.help.none")
