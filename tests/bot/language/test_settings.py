"""The section `model` of foyer.yaml: nothing of it need be said, and nonsense is told with its place."""

from decimal import Decimal
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from bot.config import SHIPPED, ConfigError, load
from bot.language.settings import Limit, ModelSettings
from connectors.ports.language import Usage


def settings(folder: Path, section: str) -> ModelSettings:
    (folder / "foyer.yaml").write_text(SHIPPED.read_text() + section)
    return load(home=folder).organisation.model


def test_it_need_not_be_there(tmp_path: Path) -> None:
    assert settings(tmp_path, "") == settings(tmp_path, "model:\n") == ModelSettings()
    assert (ModelSettings().small, ModelSettings().large) == ("claude-haiku-5-5", "claude-sonnet-5-5")


def test_the_shipped_file_shows_what_holds_without_it() -> None:
    after = SHIPPED.read_text().partition("# model:")[2].splitlines()
    commented = ["# model:", *takewhile(lambda line: line.startswith("#   "), after[1:])]
    shown = yaml.safe_load("\n".join(line.removeprefix("# ") for line in commented))["model"]
    del shown["prices"]["claude-opus-5"]
    assert ModelSettings.model_validate(shown) == ModelSettings()


def test_a_limit_that_is_said_replaces_the_one_that_ships(tmp_path: Path) -> None:
    limits = settings(tmp_path, "model: {limits: {turn: {}, person_day: {tokens: 5}}}").limits
    assert (limits.turn, limits.person_day) == (Limit(), Limit(tokens=5))
    assert limits.conversation == ModelSettings().limits.conversation


def test_another_model_needs_its_price(tmp_path: Path) -> None:
    price = "{input: 5, output: 25, cache_read: 0.5, cache_write: 6.25}"
    given = settings(tmp_path, f"model: {{large: claude-opus-5, prices: {{claude-opus-5: {price}}}}}")
    assert given.price("large").of(Usage(1, 1, 1, 1)) == 37  # 36.75, rounded up
    assert given.price("small").input == Decimal("0.1")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            "{large: claude-opus-5}",
            "there is no price for claude-opus-5 in USD; write what a million tokens cost under prices, as claude-opus-5: {",
        ),
        ("{currency: EUR}", "there is no price for claude-haiku-5-5 and claude-sonnet-5-5 in EUR"),
        ("{currency: euros}", "model.currency: "),
        ("{limits: {turn: {tokens: -1}}}", "model.limits.turn.tokens: Input should be greater than 0"),
        ("{limits: {day: {tokens: 1}}}", "model.limits.day: there is no such setting"),
        ("{limits: {turn: {euros: 1}}}", "model.limits.turn.euros: there is no such setting"),
        (
            "{prices: {x: {input: -1, output: 1, cache_read: 1, cache_write: 1}}}",
            "model.prices.x.input: Input should be greater than or equal to 0",
        ),
        ("{prices: {x: {input: 1}}}", "model.prices.x.output is missing"),
        ("{redact: [secrets]}", "model.redact.0: Input should be 'contacts', 'numbers' or 'names'"),
        ("{limits: {turn: {money: 0.0000001}}}", "model.limits.turn.money: Input should be greater than or equal to 0.000001"),
        ("{patience: 0}", "model.patience: Input should be greater than 0"),
        ("claude", "model: write its settings below it"),
    ],
)
def test_nonsense_is_told_with_its_place(tmp_path: Path, section: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        settings(tmp_path, f"model: {section}")
    assert said in str(told.value)
    assert "ModelSettings" not in str(told.value)
