"""Every text that Foyer says is a message: a key and typed parameters, put into words for one reader at the last moment.

Catalogues are YAML: `locale: {key: text}`. A text has `{name}` fields; a plural text is a mapping with the field that
counts, `{plural: days, one: "{days} day", other: "{days} days"}`. A list is joined by "and", or
by "or" in `{names:or}`. Times are kept in UTC and shown in the reader's zone.
"""

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_timedelta
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from connectors.ports.data_files import read_yaml

EXACT_DAYS = 120
"""Up to here a span is said in days: "30 days" is what was asked for, "4 weeks" is not. Beyond, it is rounded."""

Param = str | int | float | bool | date | datetime | timedelta | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Message:
    """Something to say, not yet in any language."""

    key: str
    params: Mapping[str, Param] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "params": {name: _encode(value) for name, value in self.params.items()}}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Message":
        return Message(data["key"], {name: _decode(value) for name, value in data["params"].items()})


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: a locale such as "en-US" and an IANA zone. `several`: people of other zones too, so times name theirs."""

    locale: str
    timezone: str
    several: bool = False


def readable(locale: str, timezone: str, fallback: Reader) -> Reader:
    """What a directory says of somebody, as far as it can be used: "en_US" and unknown zones happen."""
    try:
        tag = str(Locale.parse(locale.replace("_", "-"), sep="-")).replace("_", "-")
    except (ValueError, UnknownLocaleError):
        tag = fallback.locale
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, KeyError):  # an unknown zone is a KeyError
        timezone = fallback.timezone
    return Reader(tag, timezone)


class Messages:
    """The words of one or more catalogues. `Messages.load` refuses a key that is defined twice in a locale."""

    def __init__(self, texts: Mapping[str, Mapping[str, Any]]) -> None:
        self._texts = texts

    @staticmethod
    def load(paths: Iterable[Path], prefix: str = "") -> "Messages":
        merged: dict[str, dict[str, Any]] = {}
        for path in paths:
            for locale, texts in read_yaml(path).items():
                into = merged.setdefault(locale, {})
                for key, text in texts.items():
                    if prefix + key in into:
                        raise ValueError(f"{path}: the message {prefix + key!r} is there twice")
                    into[prefix + key] = text
        return Messages(merged)

    def __or__(self, other: "Messages") -> "Messages":
        locales = {*self._texts, *other._texts}
        return Messages({locale: {**self._texts.get(locale, {}), **other._texts.get(locale, {})} for locale in locales})

    def keys(self, locale: str = "en") -> frozenset[str]:
        return frozenset(self._texts.get(locale, {}))

    def has(self, key: str) -> bool:
        return key in self._texts.get("en", {})

    def say(self, message: Message, reader: Reader) -> str:
        """The text in the reader's locale, else its language, else English. Raises KeyError for an unknown key."""
        locale = Locale.parse(reader.locale, sep="-")
        text = next((t[message.key] for t in self._for(reader.locale, locale.language) if message.key in t), None)
        if text is None:
            raise KeyError(message.key)
        if isinstance(text, Mapping):
            amount = message.params[text["plural"]]
            category = locale.plural_form(amount) if isinstance(amount, int | float) else "other"
            text = text.get(category, text["other"])
        return _Words(locale, ZoneInfo(reader.timezone), reader.several).vformat(text, (), message.params).strip()

    def _for(self, *locales: str) -> list[Mapping[str, Any]]:
        return [self._texts[name] for name in (*locales, "en") if name in self._texts]


class _Words(string.Formatter):
    def __init__(self, locale: Locale, zone: ZoneInfo, named: bool) -> None:
        self._locale, self._zone, self._named = locale, zone, named

    def format_field(self, value: Any, format_spec: str) -> str:
        match value:
            case datetime():
                shown = format_datetime(value, format_spec or "EEE d MMM, HH:mm", tzinfo=self._zone, locale=self._locale)
                return f"{shown} {value.astimezone(self._zone).tzname()}" if self._named else shown
            case date():
                return format_date(value, format_spec or "EEE d MMM y", locale=self._locale)
            case timedelta():
                days = value.total_seconds() / 86400
                if 1 <= days <= EXACT_DAYS:
                    return format_unit(round(days), "duration-day", locale=self._locale)
                return format_timedelta(value, threshold=1.5, locale=self._locale)
            case bool() | None:
                return str(value)
            case int() | float():
                return format_decimal(value, locale=self._locale)
            case tuple() | list():
                return format_list([str(item) for item in value], "or" if format_spec == "or" else "standard", self._locale)
            case _:
                return str(value)


def _encode(value: Param) -> Any:
    match value:
        case datetime():
            return {"at": value.isoformat()}
        case date():
            return {"on": value.isoformat()}
        case timedelta():
            return {"lasts": value.total_seconds()}
        case tuple():
            return list(value)
        case _:
            return value


def _decode(value: Any) -> Param:
    match value:
        case {"at": str(text)}:
            return datetime.fromisoformat(text)
        case {"on": str(text)}:
            return date.fromisoformat(text)
        case {"lasts": float(seconds) | int(seconds)}:
            return timedelta(seconds=seconds)
        case list():
            return tuple(value)
        case _:
            return value  # type: ignore[no-any-return]
