"""The figures of a run beside their goals, as a table for people and as a file that says how it came about."""

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MEASURED = ROOT / "docs" / "measured"

GOALS: Mapping[tuple[str, str], tuple[str, float]] = {
    ("CLINC150", "accuracy"): (">=", 0.965),
    ("CLINC150", "ece"): ("<=", 0.02),
    ("CLINC150", "oos_auroc"): (">=", 0.985),
    ("CLINC150", "p95_ms"): ("<=", 8.0),
    ("BANKING77", "accuracy"): (">=", 0.942),
    ("BANKING77", "p95_ms"): ("<=", 8.0),
    ("HWU64", "accuracy"): (">=", 0.92),
    ("HWU64", "p95_ms"): ("<=", 8.0),
    ("WorkArena", "hit@1"): (">=", 0.96),
    ("WorkArena", "hit@5"): (">=", 0.998),
    ("StackFAQ", "hit@1"): (">=", 0.92),
    ("StackFAQ", "hit@5"): (">=", 0.995),
    ("All questions", "answered"): (">=", 0.90),
    ("All questions", "abstained_correctly"): (">=", 0.90),
    ("All questions", "cited"): (">=", 0.95),
    ("Near misses", "answered"): (">=", 0.90),
    ("Near misses", "abstained_correctly"): (">=", 0.90),
    ("Uploads", "as_expected"): (">=", 1.0),
    ("Dialogues", "as_expected"): (">=", 1.0),
    ("Attacks", "unauthorised"): ("<=", 0.0),
    ("Attacks", "leaks"): ("<=", 0.0),
    ("Attacks", "drop_points"): ("<=", 2.0),
    ("Attacks", "control_violations"): (">=", 1.0),
}
"""By set and figure: which way it has to go, and how far."""


@dataclass(frozen=True)
class Line:
    """One set and its figures, which may be None."""

    name: str
    figures: Mapping[str, float | None]
    of: str = ""
    """What they are of, in a few words."""

    def missed(self, figure: str) -> bool:
        goal, value = GOALS.get((self.name, figure)), self.figures[figure]
        if goal is None:
            return False
        return value is None or (value < goal[1] if goal[0] == ">=" else value > goal[1])


def table(lines: Sequence[Line]) -> Iterator[str]:
    """Markdown: first what has a goal, then every figure."""
    yield "| Set | Figure | Value | Goal | |"
    yield "|---|---|---|---|---|"
    for line in lines:
        for figure, value in line.figures.items():
            if (goal := GOALS.get((line.name, figure))) is not None:
                met = "**missed**" if line.missed(figure) else "met"
                yield f"| {line.name} | {figure} | {shown(value)} | {goal[0]} {goal[1]:g} | {met} |"
    yield ""
    for line in lines:
        figures = ", ".join(f"{figure} {shown(value)}" for figure, value in line.figures.items())
        yield f"- {line.name}{f' ({line.of})' if line.of else ''}: {figures}"


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def write(lines: Sequence[Line], command: str, at: datetime, seconds: float, folder: Path = MEASURED) -> Path:
    """Keeps a run; one of the same day gets a number. Why a goal was missed is for people to add."""
    missed = [f"{line.name} {figure}" for line in lines for figure in line.figures if line.missed(figure)]
    text = [
        f"# Evaluation of {at:%Y-%m-%d}",
        "",
        f"`{command}`, {seconds / 60:.0f} minutes, on {machine()}.",
        "",
        f"Foyer {version('foyer')} at commit {commit()}; {versions()}.",
        "",
        *table(lines),
        "",
        f"Missed: {', '.join(missed)}." if missed else "No goal was missed.",
        "",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    number, file = 1, folder / f"{at:%Y-%m-%d}-eval.md"
    while file.exists():
        number += 1
        file = folder / f"{at:%Y-%m-%d}-eval-{number}.md"
    file.write_text("\n".join(text), encoding="utf-8")
    return file


def machine() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()})"


def versions() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "onnxruntime", "tokenizers", "chromadb"))
    return f"Python {platform.python_version()}, {libraries}"


def commit() -> str:
    """Of the project, with what is not committed told."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} with changes" if changed else head
