"""What of a text must not be otherwise in another that says the same: figures, dates, times, addresses, codes, signs; pure.

What a sentence says is a list of demands, each a set of readings ("1/2" is a date or a half); a source offers readings. A demand is
met when the source offers one of its readings. So "15:00" is met by "3 p.m.", "1.000" by "1,000", and neither by "1".
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel import Locale

from knowledge.languages import Language

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_URL = re.compile(r"\b(?:https?|ftp|mailto|tel|file|javascript|data):[^\s<>\[\]\"'`|]+|\bwww\.[^\s<>\[\]\"'`|]+", re.I)
_HOST = re.compile(r"(?<![\w.@-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}(?![\w@])(?:/[^\s<>()\[\]\"'`|]*)?", re.I)
_HANDLE = re.compile(r"(?<![\w/])[@#][A-Za-z][\w-]+")
_COMMAND = re.compile(r"(?<![\w/.<])/[A-Za-z][\w/.-]+|\b[A-Za-z]:\\\S+")
_TICKED = re.compile(r"`([^`\n]{1,200})`")
_PLACE = re.compile(r"\{\{?[^{}]{1,100}\}?\}")
_CODE = re.compile(r"(?<![\w-])(?=[\w-]*[A-Za-z])(?=[\w-]*\d)[A-Za-z][\w-]*\d[\w-]*(?:\.\d+)*|(?<![\w-])\d+[A-Za-z]{4,}[\w-]*")
_CAPITALS = re.compile(r"(?<![^\W_])(?:[A-Z]{2,}(?=s?(?![^\W_]))|[A-Za-z]+[a-z][A-Z]\w*|[a-z]+[A-Z]\w*|\w+_\w+)")
_ALSO_CALLED = {"rh": "hr", "ti": "it", "edv": "it", "ue": "eu", "eeuu": "us", "usa": "us"}
_GLUED = re.compile(r"(?<![\w.-])(\d+(?:[.,]\d+)*)([A-Za-z%°€£$]{1,3})(?![\w-])")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|re|e|º|ª)(?![\w])")

_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_NUMERIC = re.compile(r"(?<![\d.,/])(\d{1,2})([./])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?![\d/])")
_CLOCK = re.compile(
    r"(?<![\d.:])([01]?\d|2[0-4])(?:[:.]|\s?h\s?)([0-5]\d)(?!\d|[.:]\d)(?:\s*(?P<half>[ap])\.?\s?m\b\.?)?(?:\s?(?:Uhr|uur|h\b))?", re.I
)
_HALF_DAY = re.compile(r"(?<![\d.:])(\d{1,2})(?:\s?(?:-|–|to|and|until)\s?(\d{1,2}))?\s*([ap])\.?\s?m\b\.?", re.I)
_HOUR = re.compile(r"(?<![\d.:,])(\d{1,2})\s?(Uhr|uur|heures?|horas?|ore|h)\b(?!\w)", re.I)
_PHONE = re.compile(r"(?<![\w.])(?:\+|\(?0|\()?\d[\d ()/.\-]{5,}\d(?![\w])")
_NUMBER = re.compile(r"(?<![\w])\d{1,3}(?:[.,'’\u00a0\u202f ]\d{3})+(?!\d)(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d+)?")
_CURRENCIES = {
    "EUR": r"€|\beur(?:os?)?\b",
    "USD": r"(?<![A-Za-z])\$|\busd\b|\bd[oó]l{1,2}ar(?:es|s|i|o)?\b",
    "GBP": r"£|\bgbp\b|\bpounds?\b|\bpfund\b|\blivres? sterling\b|\blibras?\b|\bsterlin[ae]\b|\bponden\b",
    "CHF": r"\bchf\b|\bfranken\b|\bfrancs?\b",
    "JPY": r"¥|\bjpy\b|\byens?\b",
    "INR": r"₹|\binr\b|\brupees?\b",
    "SGD": r"\bsgd\b|\bs\$",
}
_MONEY = {code: re.compile(spelt, re.I) for code, spelt in _CURRENCIES.items()}
_MAY_BE_A_VERB = re.compile(
    r"(?:\b(?:in|by|of|until|since|from|through|to|each|every|early|late|before|after|and|or|mid)[ -]|[,–-]\s?)$", re.I
)
_BEHIND, _LOOKED_AT = 4, 60
"""Words after a number among which its unit is looked for: "10 paid working days"."""
_YEAR, _HOURS = 100, 24
SPANS = frozenset(("day", "week", "month", "year"))
"""Readings of a span that is named without a number: "next year"."""
_DAY = frozenset(map(str, range(_HOURS + 1)))


@dataclass(frozen=True, slots=True)
class Facts:
    """`figures` and `signs` are demands as above, of numbers with their units and of money, shares and weekdays; `addresses` are where
    something is sent or found; `codes` are spelt letter by letter. All in lower case. `numbers` are in their order."""

    figures: tuple[frozenset[str], ...]
    offered: frozenset[str]
    addresses: frozenset[str]
    codes: frozenset[str]
    numbers: tuple[str, ...]

    def lacks(self, source: "Facts") -> frozenset[str]:
        """Figures of this text that the source has not."""
        return frozenset(" or ".join(sorted(demand)) for demand in self.figures if demand.isdisjoint(source.offered))


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read so far."""

    demands: list[frozenset[str]]
    offered: set[str]

    def says(self, *readings: str, or_met_by: Collection[str] = ()) -> None:
        """It demands one of these readings and offers them; another reading would meet the demand too."""
        self.demands.append(frozenset((*readings, *or_met_by)))
        self.offered.update(readings)


@lru_cache(maxsize=2_000)
def facts_in(text: str, language: Language) -> Facts:
    """What a text in this language says; Markdown links are read with their addresses."""
    addresses, left = _addresses(text)
    codes, left = _codes(left)
    found = _Found([], set())
    left = _GLUED.sub(r"\1 \2", _ORDINAL.sub(" ", left))
    for reader in (_dates, _times, _phones):
        left = reader(left, language, found)
    numbers = tuple(value for value, _ in sorted(_all_numbers(left, language), key=lambda number: number[1]))
    _numbers(left, language, found)
    _signs(left, language, found)
    return Facts(tuple(found.demands), frozenset(found.offered), frozenset(addresses), frozenset(codes), numbers)


def _addresses(text: str) -> tuple[set[str], str]:
    found: set[str] = set()
    for pattern in (_URL, _EMAIL, _HOST, _HANDLE):
        for match in pattern.finditer(text):
            found.add(match[0].rstrip(".,;:!?)*_").rstrip("/").lower())
        text = pattern.sub(" ", text)
    return found, text


def _codes(text: str) -> tuple[set[str], str]:
    found: set[str] = set()
    for pattern in (_TICKED, _PLACE, _COMMAND, _CODE):
        for match in pattern.finditer(text):
            found.add(" ".join(match[match.lastindex or 0].lower().split()).rstrip(".,;:-"))
        text = pattern.sub(" ", text)
    for match in _CAPITALS.finditer(text):
        low = match[0].lower()
        found.add(_ALSO_CALLED.get(low, low))
    return found, text


def _dates(text: str, language: Language, found: _Found) -> str:
    def iso(match: re.Match[str]) -> str:
        year, month, day = map(int, match.groups())
        found.says(f"date {month}-{day}")
        found.says(f"number {year}")
        return " "

    def numeric(match: re.Match[str]) -> str:
        one, other = int(match[1]), int(match[3])
        readings = {f"date {month}-{day}" for month, day in ((other, one), (one, other)) if _is_day(month, day)}
        if match[4] is None and match[2] == ".":
            return match[0]  # a decimal, a time or a version: read as such
        if match[4] is None:
            readings.add(f"ratio {one}/{other}")
        else:
            found.says(f"number {int(match[4]) + (2000 if int(match[4]) < _YEAR else 0)}")
        found.says(*(readings or {match[0]}))
        return " "

    text = _NUMERIC.sub(numeric, _ISO.sub(iso, text))
    names = _months(language.code)
    either = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    of = r"(?:of\s+|de\s+|di\s+)?"
    written = re.compile(
        rf"(?<!\w)(?:(?P<day>\d{{1,2}})[.\s]\s?{of}(?P<month>{either})(?!\w)|(?P<first>{either})\.?\s+(?P<after>\d{{1,2}})(?![\d:.,]\d|\d))",
        re.I,
    )

    def named(match: re.Match[str]) -> str:
        month = names[(match["month"] or match["first"]).lower()]
        day = int(match["day"] or match["after"])
        if not _is_day(month, day):
            return match[0]
        found.says(f"date {month}-{day}")
        found.offered.update((f"month {month}", f"number {day}"))
        return " "

    text = written.sub(named, text)
    for match in re.finditer(rf"(?<!\w)(?:{'|'.join(map(re.escape, _whole_months(language.code)))})(?!\w)", text, re.I):
        if language.code != "en" or _names_a_month(match, text):
            found.says(f"month {names[match[0].lower()]}")
    for name, number in _weekdays(language.code).items():
        if re.search(rf"(?<!\w){re.escape(name)}s?(?!\w)", text, re.I):
            found.says(f"weekday {number}")
    return text


def _names_a_month(match: re.Match[str], text: str) -> bool:
    """English has a verb "may", and a noun and verb "march"."""
    if match[0].lower() not in ("may", "march"):
        return True
    return match[0][0].isupper() and _MAY_BE_A_VERB.search(text[: match.start()]) is not None


def _times(text: str, language: Language, found: _Found) -> str:
    def clock(match: re.Match[str]) -> str:
        hour, minute = _hour(int(match[1]), match["half"]), int(match[2])
        readings = {f"time {hour}:{minute:02}"}
        if "." in match[0][:3] and match["half"] is None:
            readings.add(f"number {one_spelling(f'{match[1]}.{match[2]}')}")
        found.says(*readings)
        found.offered.add(f"number {hour}")
        return " "

    def half_day(match: re.Match[str]) -> str:
        hours = [int(one) for one in match.groups()[:2] if one]
        for hour in hours:
            # "9 to 5 p.m." begins before noon.
            told = hour if hour > hours[-1] else _hour(hour, match[3])
            found.says(f"time {told}:00")
            found.offered.update((f"number {told}", f"number {hour}"))
        return " "

    def full(match: re.Match[str]) -> str:
        hour = int(match[1])
        if hour > _HOURS:
            return match[0]
        if match[2].lower() == "uhr":
            found.says(f"time {hour}:00")
            found.offered.add(f"number {hour}")
            return " "
        found.offered.add(f"time {hour}:00")  # or so many hours: read as a number too
        return match[0]

    text = _HALF_DAY.sub(half_day, _CLOCK.sub(clock, text))
    text = _HOUR.sub(full, text)
    if language.signs["noon"].search(text):
        found.says("time 12:00")
    return text


def _phones(text: str, language: Language, found: _Found) -> str:
    def phone(match: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", match[0])
        grouped = re.fullmatch(r"\d{1,3}(?:([.,'’\u00a0\u202f ])\d{3})(?:\1\d{3})*", match[0]) is not None
        parts = re.findall(r"\d+", match[0])
        if len(digits) < 7 or grouped or not (len(parts) > 2 or match[0][0] in "+(0"):
            return match[0]
        found.says(f"phone {digits}")
        return " "

    return _PHONE.sub(phone, text)


def _numbers(text: str, language: Language, found: _Found) -> None:
    for value, end in _all_numbers(text, language):
        near = language.elsewhere.split(text[end : end + _LOOKED_AT], maxsplit=1)[0]
        after = re.findall(r"[^\W\d_]+|\d+", near)[:_BEHIND]
        unit = next((unit for word in after if (unit := _unit(word, language))), None)
        hour = (f"time {value}:00",) if value in _DAY else ()
        if unit is None:
            found.says(f"number {value}", or_met_by=hour)
            found.offered.add(f"{value} alone")
        else:
            found.says(f"number {value}", or_met_by=(f"{value} {unit}", *hour))
            # A source that gives no unit beside its number, as in a table, is not against it; nor is "3 h", an hour of the day or three.
            found.says(f"{value} {unit}", or_met_by=(f"{value} alone", *(hour if unit == "hour" else ())))
    for match in (*language.one_of.finditer(text), *language.each.finditer(text)):
        if (unit := _unit(match[1], language)) is not None:
            found.says(f"1 {unit}")
    for unit, often in language.often.items():
        if often.search(text):
            found.says(f"1 {unit}")
            found.offered.add(unit)
    # "Next year" is not "next month". Hours are not among them: in many languages they tell the time of the day.
    for unit in {unit for word in re.findall(r"[^\W\d_]+", text) if (unit := _unit(word, language)) in SPANS}:
        found.says(str(unit))


def _unit(word: str, language: Language) -> str | None:
    return next((unit for unit, spelt in language.units.items() if spelt.fullmatch(word)), None)


def _all_numbers(text: str, language: Language) -> Iterator[tuple[str, int]]:
    """Each number and where it ends."""
    for match in _NUMBER.finditer(text):
        yield one_spelling(match[0]), match.end()
    for match in language.spelt.finditer(text):
        yield str(language.number(match[0])), match.end()


def _signs(text: str, language: Language, found: _Found) -> None:
    for code, money in _MONEY.items():
        if money.search(text):
            found.says(f"money {code}")
    if "%" in text or language.signs["percent"].search(text):
        found.says("percent")
    if "½" in text or language.signs["half"].search(text):
        found.says("half", or_met_by=("number 0.5", "number 50", "ratio 1/2"))
    for name, value in (("hundred", "100"), ("thousand", "1000")):
        if language.signs[name].search(text):
            found.says(f"number {value}")


def one_spelling(spelt: str) -> str:
    """A number in one spelling: "1.000", "1,000" and "1 000" are 1000, "2,50" is 2.5."""
    bare = re.sub(r"['’\u00a0\u202f ]", "", spelt)
    grouped = re.fullmatch(r"([1-9]\d{0,2}(?:([.,])\d{3})(?:\2\d{3})*)(?:(?!\2)[.,](\d{1,2}))?", bare)
    if grouped:
        whole, part = re.sub(r"\D", "", grouped[1]), grouped[3] or ""
    else:
        whole, _, part = bare.replace(",", ".").partition(".")
    part = part.rstrip("0")
    return f"{int(whole or 0)}.{part}" if part else str(int(whole or 0))


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    return hour % 12 + (12 if half.lower() == "p" else 0)


def _is_day(month: int, day: int) -> bool:
    try:
        date(2024, month, day)
    except ValueError:
        return False
    return True


@lru_cache
def _months(code: str) -> dict[str, int]:
    months = Locale(code).months["format"]
    return {name.lower().rstrip("."): number for width in ("abbreviated", "wide") for number, name in months[width].items()}


@lru_cache
def _whole_months(code: str) -> tuple[str, ...]:
    return tuple(Locale(code).months["format"]["wide"].values())


@lru_cache
def _weekdays(code: str) -> dict[str, int]:
    return {name.lower(): number for number, name in Locale(code).days["format"]["wide"].items()}
