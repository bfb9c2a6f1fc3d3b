"""`make bench`: speed and memory of this machine, as medians of one run, beside their goals."""

import argparse
import tempfile
from pathlib import Path

from tests.bench import knowledge, whole
from tests.bench.figures import Figure, show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--turns", type=int, default=100, help="a repetition")
    parser.add_argument("--passages", type=int, default=100_000, help="in the library that is searched")
    parser.add_argument("--only", choices=("whole", "knowledge"), help="one part alone")
    given = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="foyer-bench-") as folder:
        if given.only != "knowledge":
            figures += whole.measure(Path(folder), given.repetitions, given.turns)
        if given.only != "whole":
            figures += knowledge.measure(Path(folder), given.repetitions, given.passages)
    show(figures)


if __name__ == "__main__":
    main()
