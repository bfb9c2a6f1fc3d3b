"""`python -m tests.soak.load --events 10000`: one run, its figures as JSON."""

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.soak.load.driving import Load, run
from tests.soak.load.people import addresses


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.load", description=__doc__)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--no-kills", action="store_true")
    parser.add_argument("--no-inbox", action="store_true", help="the negative control")
    given = parser.parse_args()
    load = Load(given.events, given.rate, given.conversations, inbox=not given.no_inbox)
    if given.no_kills:
        load = Load(given.events, given.rate, given.conversations, killed_every=None, inbox=not given.no_inbox)
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(run(Path(folder) / "home", load, asyncio.run(addresses(Path(folder) / "company.sqlite"))))
    sys.stdout.write(json.dumps({**asdict(outcome), "kept": outcome.kept}, indent=2) + "\n")


if __name__ == "__main__":
    main()
