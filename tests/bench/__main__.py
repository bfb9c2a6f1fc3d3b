"""`make bench`: speed and memory of this machine, as medians of one run, beside their goals."""

import argparse
import tempfile
from pathlib import Path

from tests.bench import knowledge, model, whole
from tests.bench.figures import Figure, show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--turns", type=int, default=100, help="a repetition")
    parser.add_argument("--passages", type=int, default=100_000, help="in the library that is searched")
    parser.add_argument("--messages", type=int, default=40, help="to a language model that fails, of each kind")
    parser.add_argument("--only", choices=("whole", "knowledge", "model"), help="one part alone")
    given = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="foyer-bench-") as folder:
        if given.only in (None, "whole"):
            figures += whole.measure(Path(folder), given.repetitions, given.turns)
        if given.only in (None, "knowledge"):
            figures += knowledge.measure(Path(folder), given.repetitions, given.passages)
        if given.only in (None, "model"):
            figures += model.measure(Path(folder), given.messages)
    show(figures)


if __name__ == "__main__":
    main()
