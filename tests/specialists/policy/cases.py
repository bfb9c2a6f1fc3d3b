"""Policy questions: every boundary alone and in pairs, and random ones from a seed."""

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from connectors.ports.people import Person
from specialists.policy.model import PolicyQuery


def person(name: str, **more: Any) -> Person:
    return Person(name, f"key-{name}", name.title(), f"{name}@acme.example", "Europe/Berlin", "en", **more)


DANA = person("dana", attributes={"country": "US"}, groups=frozenset({"design"}))
OMAR = person("omar", attributes={"country": "DE"})
PRIYA = person("priya")
VIC = person("vic", privileged=True)
GUEST = person("guest", guest=True)
GONE = person("gone", active=False)
PEOPLE = (DANA, OMAR, VIC, GUEST, GONE)

BASE = PolicyQuery("it_service_desk", "unlock_account", "unlock", "low", DANA, DANA, confidence=0.9)

VALUES: dict[str, tuple[Any, ...]] = {
    "risk": ("low", "medium", "high"),
    "requester": PEOPLE,
    "beneficiary": PEOPLE,
    "effect": (True, False),
    "confidence": (
        0.5,
        math.nextafter(0.65, 0),
        0.65,
        0.75,
        math.nextafter(0.85, 0),
        0.85,
        1.0,
    ),
    "confirmed": (False, True),
    "act_at": (0.85, 0.95, 1.0),
    "notify_at": (0.65, 0.5, 0.85),
    "subject": ("self", "other"),
    "needs_approval": (False, True),
    "approved_by": (None, "priya", "dana", "omar"),
    "required_assurance": (1, 2),
    "assurance": (1, 2),
    "timed": (False, True),
    "has_end": (False, True),
    "tainted": (False, True),
    "paused": (False, True),
    "actions_so_far": (0, 7, 8, 9),
    "actions_today": (0, 29, 30, 31),
}

BASES = (
    BASE,
    replace(BASE, risk="medium", confidence=0.75, subject="other", beneficiary=OMAR),
    replace(BASE, effect=False, confidence=0.7, risk="high"),
    replace(BASE, needs_approval=True, timed=True, has_end=True, risk="medium"),
    replace(BASE, needs_approval=True, approved_by="priya", subject="other", beneficiary=OMAR, confirmed=True),
)


def boundaries() -> Iterator[PolicyQuery]:
    """Each base, with every value of every field, and with every pair of values of every two fields."""
    for base in BASES:
        yield base
        for first, second in itertools.combinations(VALUES, 2):
            for a, b in itertools.product(VALUES[first], VALUES[second]):
                yield replace(base, **{first: a, second: b})


def randoms(count: int, seed: int = 20_240_229) -> Iterator[PolicyQuery]:
    """Mostly ordinary questions, so that each rule is often the only one that speaks."""
    dice = random.Random(seed)
    for _ in range(count):
        query = dice.choice(BASES)
        fields = dice.sample(sorted(VALUES), dice.choice((1, 2, 3, 4, 8, len(VALUES))))
        query = replace(query, **{name: dice.choice(VALUES[name]) for name in fields})
        if dice.random() < 0.3:
            query = replace(query, confidence=round(dice.random(), dice.choice((1, 2, 3, 6, 15))))
        yield query
