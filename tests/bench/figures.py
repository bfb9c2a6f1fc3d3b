"""What a measurement gives, and how it is shown."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Figure:
    name: str
    unit: str
    goal: float | None
    """None where something is only to be compared with."""
    values: Sequence[float]
    """One value a repetition; the median is the figure."""
    at_least: bool = False
    """Whether more is better."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        return self.goal is None or (self.median >= self.goal if self.at_least else self.median <= self.goal)


def p95(values: Sequence[float]) -> float:
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def show(figures: Sequence[Figure]) -> None:
    print(f"\nMeasured {datetime.now(UTC):%Y-%m-%d} by `make bench`, {os.cpu_count()} cores, medians of the repetitions of one run.\n")
    print("| What | Median | Goal | Lowest | Highest |")
    print("|---|---|---|---|---|")
    for one in figures:
        cells = (
            one.name,
            f"{one.median:.3g} {one.unit}{'' if one.met else ' **missed**'}",
            "" if one.goal is None else f"{'>=' if one.at_least else '<='} {one.goal:g} {one.unit}",
            f"{min(one.values):.3g}",
            f"{max(one.values):.3g}",
        )
        print(f"| {' | '.join(cells)} |")
