"""Lengths of time in people's words, with where they stand in the text, and what they come to in days off. Pure."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

WORKING_WEEK = 5
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MORE = {"fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45, "sixty": 60, "ninety": 90}
NUMBERS = {word: number for number, word in enumerate(_WORDS)} | _MORE | {"a": 1, "an": 1, "couple": 2, "a couple of": 2, "a couple": 2}


@dataclass(frozen=True, slots=True)
class Duration:
    """`days` long; `first`, `last`: where the words stand in the text."""

    days: int
    first: int
    last: int

    @property
    def iso(self) -> str:
        return f"P{self.days}D"

    @property
    def label(self) -> str:
        return "1 day" if self.days == 1 else f"{self.days} days"


def find_durations(text: str) -> list[Duration]:
    """Every length of time in the text, in order: "30 days", "two weeks", "a month" (30 days), "half a year"."""
    found = []
    for match in _DURATION.finditer(text.lower()):
        amount = number_of(match["digits"] or match["word"])
        if amount:
            days = amount * UNIT_DAYS[match["unit"][0]]
            if match["half"]:
                days //= 2
            if days <= 36500:
                found.append(Duration(max(days, 1), match.start(), match.end()))
    return found


def add_working_days(start: date, days: int) -> date:
    """The last of so many weekdays from `start` on."""
    day, left = start, days
    while True:
        if day.weekday() < WORKING_WEEK:
            left -= 1
            if left <= 0:
                return day
        day += timedelta(days=1)


def last_day(start: date, text: str, duration: Duration) -> date:
    """The last day off when leave of that length begins on `start`: weeks end on the weekday before, days are working days."""
    words = text[duration.first : duration.last].lower()
    if re.search(r"\bdays?\b|\bd$", words):
        return add_working_days(start, duration.days)
    end = start + timedelta(days=duration.days - 1)
    while end.weekday() >= WORKING_WEEK and end > start:
        end -= timedelta(days=1)
    return end


def number_of(word: str) -> int:
    """0 for what is none."""
    word = word.removesuffix(" of")
    return int(word) if word.isdecimal() else NUMBERS.get(word, 0)


_NUMBER_WORDS = "a couple of|couple of|a couple|" + "|".join(sorted(NUMBERS, key=len, reverse=True))
_DURATION = re.compile(
    rf"(?<![\w.])(?:(?P<half>half) )?(?:(?P<digits>\d{{1,4}})[\s-]*|(?P<word>{_NUMBER_WORDS})[\s-]+)"
    r"(?:full |whole |calendar |working |business |work )?"
    r"(?P<unit>days?|(?<=\d)d|weeks?|wks?|(?<=\d)w|months?|mths?|quarters?|years?|yrs?)\b(?!\s+(?:old|ago)\b)(?!-old)"
)
UNIT_DAYS = {"d": 1, "w": 7, "m": 30, "q": 91, "y": 365}
