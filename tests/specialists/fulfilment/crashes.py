"""Kills a real process with SIGKILL at a chosen commit or effect, lets another finish, and says what came of it.

Run as a program, it loads everything once and forks for every crash: `python -m ...crashes FOLDER SCENARIO [--random-keys]
[BOUNDARY...]`; boundaries are named, "#2" means the second of that name; without any, all of them. It prints a JSON object a
run; the first is the run without a crash.
"""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.ports.records import new_id
from connectors.ports.systems import Effect
from connectors.sandbox.facts import DANA, PRIYA
from specialists.loader import LoadedSkill, load_skills
from specialists.request import ENDED, RequestState
from specialists.skill import SkillContext
from tests.specialists.fulfilment.rig import Clock, Rig, make, make_tables

KEY = "the-request"
SCENARIOS: Mapping[str, tuple[str, dict[str, Any], bool]] = {
    "unlock": ("unlock_account", {}, False),
    "grant": ("grant_access", {"application": "figma", "role": "editor", "duration": "P30D"}, False),
    "reset": ("reset_password", {}, False),
    "hardware": ("request_hardware", {"item": "monitor-24", "reason": "home office"}, False),
    "leave": ("request_pto", {"start": "2026-04-06", "end": "2026-04-08"}, False),
    "undo": ("request_pto", {"start": "2026-04-06", "end": "2026-04-08"}, True),
}
"""The skill, its slots, and whether it is undone at the end."""


class Kills:
    """The checkpoint of the child: counts, and kills the process at number `at`."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.names: list[str] = []

    async def __call__(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) - 1 == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


async def drive(rig: Rig, skill: str, slots: dict[str, Any], undo: bool) -> None:
    """Everything that people do in the scenario, each if it was not done yet: whoever comes after a crash goes on."""
    request = await rig.store.by_key(KEY) or await rig.submit(skill, key=KEY, **slots)
    while (request := await rig.settle(request)).state not in ENDED:
        if request.state is RequestState.AWAITING_APPROVAL:
            await rig.click(await rig.approval_of(request), PRIYA)
        elif request.state is RequestState.AWAITING_STEP_UP:
            await rig.pass_step_up(await rig.link())
    if undo and request.state is RequestState.DONE:
        await rig.undo(request)
    await rig.settle(request)


def with_random_keys(skills: Mapping[str, LoadedSkill]) -> Mapping[str, LoadedSkill]:
    """The negative control: what happens when a repeated step does not repeat its key."""

    def forgetful(loaded: LoadedSkill) -> LoadedSkill:
        class Forgetful(type(loaded.code)):  # type: ignore[misc]
            async def perform(self, action: Any, context: SkillContext, ports: Any, *, key: str) -> Effect:
                return await super().perform(action, context, ports, key=new_id())  # type: ignore[no-any-return]

        return replace(loaded, code=Forgetful())

    return {name: forgetful(loaded) for name, loaded in skills.items()}


async def run(folder: Path, scenario: str, at: int | None, random_keys: bool) -> list[str]:
    """The scenario on the files of this folder, from wherever they are; the names of the boundaries it passed."""
    kills = Kills(at)
    engine, sessions = await make_tables(folder)
    skills = with_random_keys(load_skills()) if random_keys else None
    rig = make(folder, sessions, clock=Clock(), checkpoint=kills, skills=skills)
    await rig.company.open()
    await rig.fulfilment.launch()
    await drive(rig, *SCENARIOS[scenario])
    await rig.fulfilment.close()
    await rig.company.close()
    await engine.dispose()
    return kills.names


def outcome(folder: Path) -> dict[str, Any]:
    """What there is in the end, without the ids that differ from run to run."""
    with sqlite3.connect(folder / "sandbox.db") as company:
        effects = company.execute("SELECT operation, person_key, key FROM effects WHERE person_key IN (?, ?)", (DANA, PRIYA)).fetchall()
    with sqlite3.connect(folder / "foyer.db") as foyer:
        requests = foyer.execute("SELECT state FROM request").fetchall()
        events = foyer.execute("SELECT kind, count(*) FROM request_event GROUP BY kind ORDER BY kind").fetchall()
        approvals = foyer.execute("SELECT state, decided_by FROM approval").fetchall()
        audited = foyer.execute("SELECT event, count(*) FROM audit_event WHERE kind = 'outcome' GROUP BY event ORDER BY event").fetchall()
        grants = foyer.execute('SELECT count(*) FROM "grant"').fetchall()
        commands = foyer.execute("SELECT count(*) FROM start_command WHERE NOT started").fetchone()[0]
        intact = foyer.execute("PRAGMA integrity_check").fetchone()[0]
    started = {"step_started"}  # a step that is begun again says so
    return {
        "effects": sorted(f"{operation} {person}" for operation, person, _ in effects),
        "requests": requests,
        "events": [event for event in events if event[0] not in started],
        "approvals": approvals,
        "audited": audited,
        "grants": grants,
        "commands": commands,
        "intact": intact,
    }


def forked(work: Callable[[], None], seconds: int = 60) -> int:
    """Runs `work` in a child; its wait status. The parent has no threads, so a fork is a whole process."""
    child = os.fork()
    if child == 0:
        signal.alarm(seconds)
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def find(names: list[str], wanted: str) -> int:
    name, _, which = wanted.partition("#")
    return [n for n, found in enumerate(names) if found == name][int(which or 1) - 1]


def main(folder: Path, scenario: str, random_keys: bool, wanted: list[str]) -> None:
    template = folder / "template"
    template.mkdir(parents=True)
    names_file = folder / "names.json"

    def whole() -> None:
        names_file.write_text(json.dumps(asyncio.run(run(template, scenario, None, random_keys))))

    assert forked(whole) == 0
    names = json.loads(names_file.read_text())
    print(json.dumps({"boundary": None, "names": names, **outcome(template)}), flush=True)
    for at in [find(names, name) for name in wanted] or range(len(names)):
        here = folder / str(at)
        here.mkdir()
        killed = forked(lambda here=here, at=at: asyncio.run(run(here, scenario, at, random_keys)) and None)  # type: ignore[misc, arg-type]
        finished = forked(lambda here=here: asyncio.run(run(here, scenario, None, random_keys)) and None)  # type: ignore[misc, arg-type]
        report = {"boundary": at, "name": names[at], "killed": os.WIFSIGNALED(killed), "finished": finished == 0, **outcome(here)}
        print(json.dumps(report), flush=True)
        shutil.rmtree(here)


if __name__ == "__main__":
    arguments = [one for one in sys.argv[1:] if one != "--random-keys"]
    main(Path(arguments[0]), arguments[1], "--random-keys" in sys.argv, arguments[2:])
