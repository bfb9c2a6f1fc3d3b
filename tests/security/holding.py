"""Lets Hypothesis choose plans until one goes wrong, or all of them went right."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.security.plans import Plan, plans
from tests.security.theatre import Theatre

BRIEFLY = (("dana", "nothing yet"), ("omar", "nothing yet"), ("dana", "to be confirmed"))
"""Enough to see what a harness sees."""


class Violated(AssertionError):
    """A plan got something done or told that it must not."""


@contextmanager
def stage(home: Path, template: Path, **given_instead: Any) -> Iterator[tuple[Theatre, asyncio.Runner]]:
    """A theatre, and the loop that it lives on. `given_instead`: as `Theatre` takes it."""
    shutil.copytree(template, home)
    with asyncio.Runner() as runner:
        theatre = Theatre(home, **given_instead)
        runner.run(theatre.open())
        try:
            yield theatre, runner
        finally:
            runner.run(theatre.close())


def hold(theatre: Theatre, runner: asyncio.Runner, count: int) -> None:
    """Tries this many plans. Raises Violated with the smallest plan that Hypothesis makes of the first that goes wrong."""

    @settings(
        max_examples=count,
        phases=(Phase.generate, Phase.shrink),
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(plan=plans())
    def every(plan: Plan) -> None:
        wrong = runner.run(theatre.judge(plan))
        if wrong:
            raise Violated("; ".join(dict.fromkeys(wrong)))

    every()


def caught(theatre: Theatre, runner: asyncio.Runner, count: int) -> set[str]:
    """Everything that goes wrong in this many plans, without what differs from plan to plan."""
    wrong: set[str] = set()

    @settings(max_examples=count, phases=(Phase.generate,), database=None, suppress_health_check=list(HealthCheck))
    @given(plan=plans(BRIEFLY))
    def every(plan: Plan) -> None:
        wrong.update(runner.run(theatre.judge(plan)))

    every()
    return wrong
