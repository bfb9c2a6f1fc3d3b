"""What is hidden from a language model: secrets for good, and what identifies people by placeholders that the result is freed of again.

Pure. Within one ask the same thing has the same placeholder, so that the model can still tell two of them apart.

Text that is JSON is hidden value by value: in its written form a letter stands before each new line, and a quote is two signs.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from bot.language.codes import without_any_secrets
from bot.language.identifiers import CONTACTS, NUMBERS, Found
from bot.language.settings import Kind
from connectors.ports.secrets import REMOVED, names_secret

T = TypeVar("T")
_LOOKS_LIKE_ONE = re.compile(r"\[(?:email|phone|number|name|text) ?\d{1,6}\]", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[(email|phone|number|name|text) ?(\d{1,6})\]", re.IGNORECASE)
_BEGUN = re.compile(r"\[(?:[a-z]{0,6}|(?:email|phone|number|name|text) ?\d{0,6})\Z", re.IGNORECASE)
"""The end of a text that is still growing, which may become a placeholder."""
_FIRST, _LAST = 0xF0000, 0xFFFFD
_MARKS = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]")
"""A private plane of Unicode: while it is worked on, each thing that is hidden is one character of it."""


class Restore(Protocol):
    def __call__(self, value: T, *, partial: bool = False) -> T:
        """The value with what was hidden put back into every text in it; placeholders that nobody made come to nothing.

        `partial`: the value still grows, so a text may end with half a placeholder, which is left out.
        """


@dataclass(slots=True)
class _Hidden:
    """All that is hidden in one ask: kind and text -> mark."""

    marks: dict[tuple[str, str], str] = field(default_factory=dict)

    def mark(self, kind: str, text: str) -> str:
        return self.marks.setdefault((kind, text), chr(_FIRST + len(self.marks)))

    def placeholders(self, marked: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        """Of each, as they follow each other in the texts: its mark, its placeholder, what it hides."""
        hides, counted = {mark: what for what, mark in self.marks.items()}, Counter[str]()
        for mark in dict.fromkeys(mark for text in marked for mark in _MARKS.findall(text)):
            kind, text = hides[mark]
            counted[kind] += 1
            yield mark, f"[{kind} {counted[kind]}]", text


class Redactor:
    """Secrets are always removed; `kinds` says what else is hidden."""

    def __init__(self, kinds: Collection[Kind]) -> None:
        self._stable: tuple[str, str, _Hidden] | None = None
        """The first text of the last ask, as it was marked: it seldom changes, and is the longest."""
        self._finders: tuple[Found, ...] = (
            *(NUMBERS if "numbers" in kinds else ()),
            *(CONTACTS if "contacts" in kinds else ()),
        )

    def redact(self, text: str) -> tuple[str, Restore]:
        (hidden,), restore = self.hide((text,))
        return hidden, restore

    def hide(self, texts: Sequence[str], names: Collection[str] = ()) -> tuple[Sequence[str], Restore]:
        """The texts as the model may read them. `names`: of people, where names are hidden.

        What looks like a placeholder is hidden by one of its own, so that it comes back as it was and is none of ours.
        """
        first, rest = texts[0], texts[1:]
        if self._stable is None or self._stable[0] != first or names:
            hidden, named = _Hidden(), _any_of(names)
            marked = [self._marked(first, named, hidden)]
            if not names:
                self._stable = (first, marked[0], _Hidden(dict(hidden.marks)))
        else:
            marked, hidden, named = [self._stable[1]], _Hidden(dict(self._stable[2].marks)), None
        marked += [self._marked(text, named, hidden) for text in rest]
        shown, values = {}, {}
        for mark, placeholder, text in hidden.placeholders(marked):
            shown[mark], values[placeholder] = placeholder, text
        return [_MARKS.sub(lambda found: shown[found[0]], text) for text in marked], _restoring(values)

    def _marked(self, text: str, named: re.Pattern[str] | None, hidden: _Hidden) -> str:
        data = _data_of(_MARKS.sub("", text))
        if data is None:
            return self._marked_words(text, named, hidden)

        def within(value: Any) -> Any:
            match value:
                case str():
                    return self._marked_words(value, named, hidden)
                case dict():
                    return {within(key): REMOVED if _is_told(key, inner) else within(inner) for key, inner in value.items()}
                case list():
                    return [within(inner) for inner in value]
                case _:
                    return value

        return "\n".join(within(line) if isinstance(line, str) else json.dumps(within(line), ensure_ascii=False) for line in data)

    def _marked_words(self, text: str, named: re.Pattern[str] | None, hidden: _Hidden) -> str:
        text = without_any_secrets(_MARKS.sub("", text))
        text = _LOOKS_LIKE_ONE.sub(lambda found: hidden.mark("text", found[0]), text)
        for kind, pattern, holds in self._finders:
            text = pattern.sub(partial(_marked_part, kind, holds, hidden), text)
        if named is not None:
            text = named.sub(lambda found: hidden.mark("name", found[0]), text)
        return text


def words_of(text: str) -> str:
    """The text as it is read: of JSON the words in it."""

    def within(value: Any) -> Iterator[str]:
        match value:
            case str():
                yield value
            case dict():
                for inner in value.values():
                    yield from within(inner)
            case list():
                for inner in value:
                    yield from within(inner)

    data = _data_of(text)
    return text if data is None else "\n".join(within(data))


def _data_of(text: str) -> list[Any] | None:
    """Its lines, each an object but the first, which may be a heading; None when it is no JSON."""
    first, *rest = text.split("\n")
    rows = [first, *rest] if first.startswith("{") else rest
    if not rows or not all(row.startswith("{") for row in rows):
        return None
    try:
        return [*([] if first.startswith("{") else [first]), *map(json.loads, rows)]
    except (ValueError, RecursionError):
        return None


def _is_told(key: str, value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "" and names_secret(key)


def _marked_part(kind: str, holds: Callable[[str], bool], hidden: _Hidden, found: re.Match[str]) -> str:
    it = "it" if "it" in found.re.groupindex else 0
    if not holds(found[it]):
        return found[0]
    return found[0][: found.start(it) - found.start()] + hidden.mark(kind, found[it]) + found[0][found.end(it) - found.start() :]


def _any_of(names: Collection[str]) -> re.Pattern[str] | None:
    longest_first = sorted(filter(None, names), key=lambda name: (-len(name), name))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)") if longest_first else None


def _restoring(values: Mapping[str, str]) -> Restore:
    def text_of(text: str, growing: bool) -> str:
        whole = _BEGUN.sub("", text) if growing else text
        return _PLACEHOLDER.sub(lambda found: values.get(f"[{found[1].lower()} {int(found[2])}]", ""), whole)

    def restored(value: Any, *, partial: bool = False) -> Any:
        match value:
            case str():
                return text_of(value, partial)
            case Mapping():
                return {key: restored(inner, partial=partial) for key, inner in value.items()}
            case list() | tuple():
                return [restored(inner, partial=partial) for inner in value]
            case _:
                return value

    return restored
