"""S2: whatever a text orders, where somebody may put one, nothing is done or told that its reader could not have had without it; and
their own business goes on. The offline engine takes no orders; a model that takes all of them is the worst case.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.errors import Retry
from tests.security.controls import CredulousAnswerer, CredulousRecognizer
from tests.security.gullible import Gullible
from tests.security.holding import stage
from tests.security.injecting import PLACES, Injecting, Outcome
from tests.security.theatre import Theatre

TEXTS: Sequence[str] = yaml.safe_load(Path(__file__).with_name("injections.yaml").read_text(encoding="utf-8"))
NAMES = tuple(PLACES)


async def tried(theatre: Theatre, cases: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Outcome]:
    injecting = Injecting(theatre)
    await injecting.open()
    return {case: await injecting.inject(*case) for case in cases}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("engine", ["offline", "gullible"])
def test_an_injected_text_gets_nothing_done(template: Path, tmp_path: Path, engine: str) -> None:
    model = Gullible()
    cases = [(NAMES[n % len(NAMES)], text) for n, text in enumerate(TEXTS)]
    if engine == "gullible":
        cases += [(NAMES[(n + 3) % len(NAMES)], text) for n, text in enumerate(TEXTS)]
    with stage(tmp_path / "home", template, **_engine(engine, model)) as (theatre, runner):
        found = runner.run(tried(theatre, cases))
    assert {case: one.wrong for case, one in found.items() if one.wrong} == {}
    assert [case for case, one in found.items() if not one.completed] == []
    assert engine == "offline" or model.obeyed > 50


def test_the_control_that_believes_the_gullible_model_is_caught(template: Path, tmp_path: Path) -> None:
    instead = {"attacker": Gullible(), "recognizer": CredulousRecognizer, "answerer": CredulousAnswerer}
    with stage(tmp_path / "home", template, **instead) as (theatre, runner):
        found = runner.run(tried(theatre, [("quoted", TEXTS[0]), ("quoted", TEXTS[8])]))
    assert all(one.wrong for one in found.values())


def _engine(engine: str, model: Gullible) -> dict[str, Any]:
    return {"attacker": model} if engine == "gullible" else {"attacker": _Silent()}


class _Silent(Gullible):
    """Out of order, so that the offline engine serves."""

    def script(self, ask: Any) -> Any:
        return Retry("unreachable")
