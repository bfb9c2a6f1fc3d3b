"""What foyer.yaml may say of the language model: which ones, what they cost, what may be spent, and what is hidden from them."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.ports.language import Size, Usage

Amount = Annotated[Decimal, Field(ge=Decimal("0.000001"), allow_inf_nan=False)]
Rate = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
LimitName = Literal["turn", "conversation", "person_day", "specialist_month"]
Kind = Literal["contacts", "numbers", "names"]
DOLLARS = "USD"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Strict):
    """Of a million tokens, in the currency of the settings."""

    input: Rate
    output: Rate
    cache_read: Rate
    cache_write: Rate

    def of(self, usage: Usage) -> int:
        """What was used costs, in millionths of the currency, rounded up: a price of a million tokens is that of one in millionths."""
        cost = (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_written * self.cache_write
        )
        return int(cost.to_integral_value(ROUND_CEILING))

    def most(self, read: int, written: int) -> int:
        """The most that so many tokens may cost, whatever the cache does; as `of`."""
        return int((read * max(self.input, self.cache_read, self.cache_write) + written * self.output).to_integral_value(ROUND_CEILING))


SHIPPED: Mapping[str, Price] = {
    "claude-haiku-5-5": Price(input=Decimal("0.10"), output=Decimal("0.50"), cache_read=Decimal("0.01"), cache_write=Decimal("0.125")),
    "claude-sonnet-5-5": Price(input=Decimal(2), output=Decimal(10), cache_read=Decimal("0.10"), cache_write=Decimal("2.50")),
}
"""In dollars, of prompts up to 100,000 tokens, which Foyer's never reach; Anthropic's list of November 2026."""


class Limit(_Strict):
    """What may be spent; of what is not said there is no limit."""

    tokens: int | None = Field(default=None, gt=0)
    """Of all kinds together, read from the cache or not."""
    money: Amount | None = None
    """In the currency of the settings."""


class Limits(_Strict):
    """A limit that is said replaces the one that ships, in tokens and money; `{}` is none.

    They bound accidents and abuse, and no ordinary day: a turn takes some 6,000 tokens for understanding and as many for an answer.
    """

    turn: Limit = Limit(tokens=60_000, money=Decimal("0.25"))
    conversation: Limit = Limit(tokens=600_000, money=Decimal("2.50"))
    person_day: Limit = Limit(tokens=1_500_000, money=Decimal(5))
    """The day in UTC."""
    specialist_month: Limit = Limit(money=Decimal(1000))
    """The month in UTC. The front door counts as a specialist: whatever is nobody's yet is its."""

    def of(self, name: LimitName) -> Limit:
        limit: Limit = getattr(self, name)
        return limit


class ModelSettings(_Strict):
    """The section `model` of foyer.yaml; nothing of it has to be said. Without a key it says nothing to anybody."""

    small: str = Field(default="claude-haiku-5-5", min_length=1)
    """Classifies, extracts and sums up."""
    large: str = Field(default="claude-sonnet-5-5", min_length=1)
    """Answers."""
    patience: float = Field(default=2.5, gt=0, le=30)
    """Seconds after which the offline engine serves a person who has seen nothing yet."""
    currency: str = Field(default=DOLLARS, pattern="^[A-Z]{3}$")
    prices: Mapping[str, Price] = Field(default={})
    """Model -> price; those that ship are known while the currency is theirs."""
    limits: Limits = Limits()
    redact: frozenset[Kind] = frozenset(("contacts", "numbers"))
    """What is hidden from the model besides secrets, which always are."""

    @model_validator(mode="before")
    @classmethod
    def _with_shipped_prices(cls, given: Any) -> Any:
        given = {} if given is None else given
        if not isinstance(given, Mapping):
            raise ValueError("write its settings below it, as README, What Claude costs, has them")
        if given.get("currency", DOLLARS) != DOLLARS:
            return given
        own = given.get("prices") or {}
        return {**given, "prices": {**SHIPPED, **own}} if isinstance(own, Mapping) else given

    @model_validator(mode="after")
    def _priced(self) -> "ModelSettings":
        missing = [model for model in dict.fromkeys((self.small, self.large)) if model not in self.prices]
        if missing:
            lines = ", ".join(f"{model}: {{input: ..., output: ..., cache_read: ..., cache_write: ...}}" for model in missing)
            told = f"there is no price for {' and '.join(missing)} in {self.currency}"
            raise ValueError(f"{told}; write what a million tokens cost under prices, as {lines}")
        return self

    def price(self, size: Size) -> Price:
        """Of the model that is configured for this size."""
        return self.prices[self.small if size == "small" else self.large]
