"""Odd, encrypted, corrupt and hostile files: each is read as expected, or refused with a sentence that a person understands.

    python -m tests.eval.uploads FOLDER [--json]

FOLDER has the files and a `manifest.jsonl`: `path`, `expect`, and how many letters a reference parser found. Every file goes
through a bounded process, whatever it is; how long that took and the most memory it held are measured.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.words import Words
from connectors.ports.messages import Messages, Reader
from knowledge.errors import LoadRefused
from knowledge.loading.bounded import Limits, Readers
from knowledge.loading.registry import load_apart, source_name

_MESSAGES = Path(__file__).parent.parent.parent / "bot" / "messages.yaml"
_EMPTY = ("no_text", "only_pictures")
_SHARE = 0.15
"""Of what the reference parser found; less would be text that is lost in silence. It counted blanks, text that nobody sees,
and merged cells once for each column: up to six times what is there."""
_SLACK_SECONDS = 2
"""For starting and killing a process, on top of what a file may take."""


@dataclass(frozen=True)
class Outcome:
    """What happened to a file. `code` is None if it was read; `sentence` is then its title."""

    path: str
    expect: str
    code: str | None
    sentence: str
    letters: int
    warnings: tuple[str, ...]
    seconds: float
    peak_mb: float
    as_expected: bool


def _read(reference: int) -> Callable[[str | None, int], bool]:
    return lambda code, letters: code is None and letters >= _SHARE * reference


def _allowed(expect: str, reference: int, hidden: int, *, told: bool) -> Callable[[str | None, int], bool]:
    """Whether a code (None: read) and a number of letters are what the manifest expects. `told`: whoever uploads it is told that
    pages could not be read, so that what may be empty is not lost in silence."""
    rules: Mapping[str, Callable[[str | None, int], bool]] = {
        "text": _read(reference),
        "text-or-none": lambda code, letters: (
            (code is None and (told or letters >= _SHARE * reference)) or (code in _EMPTY and not reference)
        ),
        "no-text": lambda code, letters: code in _EMPTY,
        "silent-empty-is-a-FAIL": lambda code, letters: letters >= _SHARE * hidden if code is None else code not in _EMPTY,
        "no-crash-bounded-time": lambda code, letters: True,
        "reject-or-bounded": lambda code, letters: True,
        "reject-or-ask-password": lambda code, letters: code in ("password_protected", "old_format"),
        "reject-or-ask-password-or-text": lambda code, letters: True,
        "text-or-clear-refusal": lambda code, letters: code in (None, "old_format"),
        # What is not opened is not executed either.
        "text-no-execution": lambda code, letters: code in (None, "old_format"),
    }
    return rules[expect]


async def read_all(folder: Path) -> list[Outcome]:
    """Every file of the manifest, one after the other."""
    limits = Limits()
    readers = Readers(limits)
    words = Words(Messages.load([_MESSAGES]), Reader("en", "UTC"))
    outcomes = []
    try:
        for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            begun = time.monotonic()
            code: str | None = None
            letters, peak = 0, 0.0
            warnings: tuple[str, ...] = ()
            try:
                loaded, taken = await load_apart((folder / row["path"]).read_bytes(), source_name(row["path"]), readers)
                sentence, letters, warnings, peak = loaded.title, _letters(loaded.markdown), loaded.warnings, taken.peak_mb
            except LoadRefused as refused:
                code, sentence = refused.code, words(refused.message_key, **refused.details)
            seconds = time.monotonic() - begun
            found, hidden = row.get("ref_text_chars") or 0, row.get("raw_xml_text_chars") or 0
            allowed = _allowed(row["expect"], found, hidden, told="pages_not_read" in warnings)(code, letters)
            bounded = seconds <= limits.seconds + _SLACK_SECONDS and peak <= limits.memory_mb
            outcomes.append(
                Outcome(
                    row["path"], row["expect"], code, sentence, letters, warnings, seconds, peak, allowed and bounded and bool(sentence)
                )
            )
    finally:
        readers.close()
    return outcomes


async def run(folder: Path) -> dict[str, float]:
    """The share of files that were read or refused as expected, and what the worst of them took."""
    outcomes = await read_all(folder)
    return {
        "as_expected": sum(one.as_expected for one in outcomes) / len(outcomes),
        "files": float(len(outcomes)),
        "read": float(sum(one.code is None for one in outcomes)),
        "seconds_p50": statistics.median(one.seconds for one in outcomes),
        "seconds_max": max(one.seconds for one in outcomes),
        "peak_mb_max": max(one.peak_mb for one in outcomes),
    }


def _letters(markdown: str) -> int:
    return len("".join(markdown.split()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.eval.uploads", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true", help="one object a file")
    given = parser.parse_args()
    outcomes = asyncio.run(read_all(given.folder))
    if given.json:
        print("\n".join(json.dumps(vars(one)) for one in outcomes))
        return
    for one in outcomes:
        did = f"read, {one.letters} letters" if one.code is None else f"{one.code}: {one.sentence}"
        mark = "ok  " if one.as_expected else "FAIL"
        print(f"{mark} {one.seconds:5.2f} s {one.peak_mb:4.0f} MB  {one.path}  [{one.expect}]  {did} {' '.join(one.warnings)}")
    print(f"{sum(one.as_expected for one in outcomes)} of {len(outcomes)} as expected")


if __name__ == "__main__":
    main()
