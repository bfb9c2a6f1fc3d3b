"""`make eval DATA=PATH`: every evaluation on material from outside, beside its goals. The same code as `foyer eval`."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from bot import logs
from bot.evaluation import dialogues, intents, knowledge
from bot.evaluation.screen import Watched
from bot.evaluation.temporary import temporary_foyer
from tests.eval import attacks, material, uploads
from tests.eval.report import ROOT, Line, table, write

INTENTS = (material.clinc150, material.banking77, material.hwu64)


async def intent_lines(data: Path, watched: Watched) -> AsyncIterator[Line]:
    async with temporary_foyer() as app:
        for of in INTENTS:
            one = of(data)
            found = await intents.evaluate(one.train, one.test, app.encoder, progress=watched)
            yield Line(one.name, found.as_json(), f"{len(one.train)} to learn from, {len(one.test)} to try")


async def knowledge_lines(data: Path, watched: Watched) -> AsyncIterator[Line]:
    everything: list[knowledge.Asked] = []
    near: list[knowledge.Asked] = []
    for one in material.knowledge_sets(data):
        async with temporary_foyer() as app:
            (result,) = (await knowledge.evaluate(app, one.documents, one.questions, progress=watched)).values()
        everything += result.asked
        near += result.asked if one.near else ()
        yield Line(one.name, result.figures.as_json(), f"{len(one.documents)} documents, {_counted(result.asked)}")
    for name, asked in (("All questions", everything), ("Near misses", near)):
        found = knowledge.summed_up(asked, 0, 0.0, ()).as_json()
        told = ("answered", "abstained_correctly", "cited")
        yield Line(name, {figure: found[figure] for figure in told}, f"together, {_counted(asked)}")


async def upload_lines(data: Path, watched: Watched) -> AsyncIterator[Line]:
    watched("reading uploads", 0, 0)
    yield Line("Uploads", await uploads.run(data / "uploads"), "odd, encrypted, corrupt and hostile files")


async def dialogue_lines(data: Path, watched: Watched) -> AsyncIterator[Line]:
    """The project's own: there is no material for these."""
    del data
    files = [
        *sorted((ROOT / "tests" / "specialists" / "skills").glob("*/dialogues.yaml")),
        *sorted((ROOT / "tests" / "scenarios").glob("*.yaml")),
        *sorted((ROOT / "docs" / "examples").glob("*.yaml")),
    ]
    played = await dialogues.play_all([one for file in files for one in dialogues.read_dialogues(file)], progress=watched)
    for one in played:
        if one.difference is not None:
            print(
                f"{one.name}, turn {one.difference.turn}: expected {one.difference.expected}; there was {one.difference.found}",
                file=sys.stderr,
            )
    as_expected = sum(one.difference is None for one in played) / len(played)
    yield Line("Dialogues", {"as_expected": as_expected}, f"{len(played)} of the project's own")


async def attack_lines(data: Path, watched: Watched) -> AsyncIterator[Line]:
    given = data / "attacks" / "all_attacks.jsonl"
    found = await attacks.run(given, watched)
    yield Line("Attacks", found, f"of {len(attacks.texts(given))} injected texts, {attacks.SECONDS:.0f} seconds of them")


def _counted(asked: Sequence[knowledge.Asked]) -> str:
    answerable = sum(bool(one.question.gold) for one in asked)
    return f"{answerable} answerable and {len(asked) - answerable} unanswerable questions"


LINES = {
    "intents": intent_lines,
    "knowledge": knowledge_lines,
    "uploads": upload_lines,
    "dialogues": dialogue_lines,
    "attacks": attack_lines,
}


async def run(data: Path, parts: list[str]) -> list[Line]:
    lines = []
    with Watched() as watched:
        for part in parts:
            async for line in LINES[part](data, watched):
                lines.append(line)
                print(f"{line.name}: {json.dumps(line.figures)}", file=sys.stderr)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="make eval", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of the material")
    parser.add_argument("--only", choices=sorted(LINES), action="append", help="this part alone; again for another")
    parser.add_argument("--write", action="store_true", help="keep the run in docs/measured/")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    given = parser.parse_args()
    if not given.data.is_dir():
        parser.error(f"there is no folder {given.data}: make eval DATA=PATH")
    logs.set_up("error")
    started = time.perf_counter()
    lines = asyncio.run(run(given.data, given.only or list(LINES)))
    print(json.dumps({line.name: line.figures for line in lines}) if given.json else "\n".join(table(lines)))
    if given.write:
        parts = "".join(f" --only {one}" for one in given.only or ())
        command = f"python -m tests.eval PATH{parts}" if parts else "make eval DATA=PATH WRITE=1"
        print(f"Kept in {write(lines, command, datetime.now().astimezone(), time.perf_counter() - started)}.", file=sys.stderr)


if __name__ == "__main__":
    main()
