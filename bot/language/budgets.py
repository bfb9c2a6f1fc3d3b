"""What a language model may spend: for a turn, a conversation, a person's day and a specialist's month. Pure.

Before a call, the most that it may spend is held, so that calls at the same time cannot go over a limit together.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.language.settings import Limit, LimitName, Limits, Price
from connectors.ports.language import Ask, Behalf

NEAR, FULL = 80, 100
"""Percentages at which the owner of a limit is told."""
TOLD: Sequence[LimitName] = ("conversation", "person_day", "specialist_month")
"""Limits that owners are told of. A turn's is only logged: there are thousands of turns, nothing can be done about one, and what many of
them spend is seen in their conversation and day."""
_LETTERS = re.compile(r"[A-Za-z\s]+")
_A_LETTER, _ANY_OTHER = 1 / 3, 1.5
"""Tokens, more than there will be: English has four letters a token, other scripts up to one and a half tokens a character."""
_AROUND = 500
"""Tokens around what is asked: that a tool has to be used, and which."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One limit of somebody or something. `period`: the UTC day or month; empty where it has none."""

    limit: LimitName
    of: str
    period: str = ""


@dataclass(frozen=True, slots=True)
class Spent:
    """`cost`: in millionths of the currency."""

    tokens: int = 0
    cost: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.tokens + other.tokens, self.cost + other.cost)


NOTHING = Spent()


def scopes(behalf: Behalf, now: datetime) -> tuple[Scope, ...]:
    """All that a call counts for, always in the same order."""
    found = (
        Scope("turn", behalf.turn or ""),
        Scope("conversation", behalf.conversation or ""),
        Scope("person_day", behalf.person or "", f"{now:%Y-%m-%d}"),
        Scope("specialist_month", behalf.specialist, f"{now:%Y-%m}"),
    )
    return tuple(scope for scope in found if scope.of)


def estimate(ask: Ask, price: Price) -> Spent:
    """The most that this may spend."""
    said = (ask.prompt.text, ask.stable, ask.content, json.dumps(ask.shape))
    read = _AROUND + sum(tokens_of(text) for text in said)
    return Spent(read + ask.max_tokens, price.most(read, ask.max_tokens))


def tokens_of(text: str) -> int:
    """Rather too many: Latin letters by thirds, everything else by one and a half."""
    others = len(_LETTERS.sub("", text))
    return math.ceil((len(text) - others) * _A_LETTER + others * _ANY_OTHER)


def share(spent: Spent, limit: Limit) -> float:
    """How much of it is used, 1 is all: of tokens and money whichever is further."""
    return max(token_share(spent, limit), money_share(spent, limit))


def token_share(spent: Spent, limit: Limit) -> float:
    return spent.tokens / limit.tokens if limit.tokens is not None else 0.0


def money_share(spent: Spent, limit: Limit) -> float:
    return spent.cost / millionths(limit) if limit.money is not None else 0.0


def millionths(limit: Limit) -> int:
    return int(limit.money * 1_000_000) if limit.money is not None else 0


def level(spent: Spent, limit: Limit) -> int:
    """0, NEAR or FULL."""
    used = share(spent, limit)
    return FULL if used >= 1 else NEAR if used * 100 >= NEAR else 0


def over(spent: Mapping[Scope, Spent], wanted: Spent, limits: Limits) -> tuple[Scope, ...]:
    """The scopes that could not take this as well."""
    return tuple(scope for scope, before in spent.items() if share(before + wanted, limits.of(scope.limit)) > 1)
