"""Finds what the catalogue knows by name in people's words: applications and hardware, misspelt or by another word. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rapidfuzz import fuzz, process

from bot.intent.acts import load
from bot.intent.catalogue import Catalogue

_CLOSE = 84
"""Of 100: how alike a misspelt word must be."""
_SHORTEST = 4
"""Shorter words are matched exactly: too many words are like them."""
_LONGEST = 5
_MOST_WORDS = 400
_TOKEN = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Mention:
    """Something of the catalogue that was named. Several `keys`: the words leave open which ("a laptop").

    `first`, `last`: where it stands in the text. `by_name`: by its own name rather than by another word for it.
    """

    keys: tuple[str, ...]
    first: int
    last: int
    by_name: bool = True


@dataclass(frozen=True, slots=True)
class Token:
    word: str
    first: int
    last: int


def tokens(text: str) -> list[Token]:
    return [Token(match[0], match.start(), match.end()) for match in list(_TOKEN.finditer(text.lower()))[:_MOST_WORDS]]


class Names:
    """What a kind of thing is called: phrases of words, each with the keys it may mean."""

    def __init__(self, named: Iterable[tuple[str, tuple[str, ...], bool]]) -> None:
        """`named`: phrase, keys, whether it is a name of its own."""
        self._phrases: dict[tuple[str, ...], tuple[tuple[str, ...], bool]] = {}
        for phrase, keys, by_name in named:
            words = tuple(token.word for token in tokens(phrase))
            if words:
                self._phrases.setdefault(words, (keys, by_name))
        self._joined = {" ".join(words): words for words in self._phrases if sum(map(len, words)) >= _SHORTEST}
        self.words = frozenset(word for words in self._phrases for word in words)

        self.find = lru_cache(maxsize=64)(self._find)
        """Mentions in a text, in order, without overlaps, the longest first; then what is misspelt among the other words."""

    def _find(self, text: str) -> tuple[Mention, ...]:
        said = tokens(text)
        found: list[Mention] = []
        index = 0
        while index < len(said):
            for size in range(min(_LONGEST, len(said) - index), 0, -1):
                known = self._exactly(tuple(token.word for token in said[index : index + size]))
                if known:
                    found.append(Mention(known[0], said[index].first, said[index + size - 1].last, known[1]))
                    index += size - 1
                    break
            index += 1
        return tuple(sorted((*found, *self._misspelt(said, found)), key=lambda mention: mention.first))

    def _exactly(self, words: tuple[str, ...]) -> tuple[tuple[str, ...], bool] | None:
        singular = (*words[:-1], words[-1].removesuffix("s"))
        return self._phrases.get(words) or self._phrases.get(singular) or self._phrases.get(("".join(words),))

    def _misspelt(self, said: list[Token], exact: list[Mention]) -> list[Mention]:
        found: list[Mention] = []
        windows = [said[i : i + size] for size in (1, 2, 3) for i in range(len(said) - size + 1)]
        texts = [" ".join(token.word for token in window) for window in windows]
        usable = [index for index, text in enumerate(texts) if len(text) >= _SHORTEST]
        if not usable or not self._joined:
            return []
        names = list(self._joined)
        alike = process.cdist([texts[index] for index in usable], names, scorer=fuzz.ratio, score_cutoff=_CLOSE)
        for row in np.flatnonzero(alike.any(axis=1)):
            window, name = windows[usable[row]], names[int(alike[row].argmax())]
            # The first letter is rarely the wrong one: "password" is no misspelt "1Password".
            if window[0].word[0] == name[0] and all(
                mention.last <= window[0].first or mention.first >= window[-1].last for mention in (*exact, *found)
            ):
                keys, by_name = self._phrases[self._joined[name]]
                found.append(Mention(keys, window[0].first, window[-1].last, by_name))
        return found


@dataclass(frozen=True, slots=True)
class Matcher:
    """The names of one catalogue."""

    catalogue: Catalogue
    applications: Names
    hardware: Names
    _item_words: Mapping[str, frozenset[str]]

    @property
    def words(self) -> frozenset[str]:
        return self.applications.words | self.hardware.words

    def is_thing(self, word: str) -> bool:
        """Whether a word names an application or a piece of hardware, rather than a person."""
        return bool(self.applications.find(word) or self.hardware.find(word))

    def items(self, text: str) -> list[Mention]:
        """Hardware that is named; where only its kind is ("a curved screen"), narrowed by the words around."""
        return [self._narrowed(mention, text) for mention in self.hardware.find(text)]

    def described(self, text: str) -> list[Mention]:
        """Hardware by the words of its name alone, as one says when it is asked for: "the 27 inch one"; those that fit best."""
        said = tokens(text)
        near = {token.word for token in said} - _SMALL
        overlap = {key: len(words & near) for key, words in self._item_words.items()}
        most = max(overlap.values(), default=0)
        best = tuple(key for key, words in overlap.items() if words == most)
        return [Mention(best, 0, len(text), by_name=False)] if most else []

    def _narrowed(self, mention: Mention, text: str) -> Mention:
        if len(mention.keys) == 1:
            return mention
        near = [token.word for token in tokens(text[max(0, mention.first - 32) : mention.last + 24])]
        overlap = {key: len(self._item_words[key].intersection(near)) for key in mention.keys}
        most = max(overlap.values())
        best = tuple(key for key, words in overlap.items() if words == most)
        return Mention(best, mention.first, mention.last, mention.by_name) if most and len(best) < len(mention.keys) else mention


@lru_cache(maxsize=4)
def matcher(catalogue: Catalogue) -> Matcher:
    words = load("words.yaml", "en")["hardware"]
    named: list[tuple[str, tuple[str, ...], bool]] = [(app.name, (app.key,), True) for app in catalogue.applications]
    # A name that is written in another way is still the name: "git hub".
    named += [
        (alias, (app.key,), fuzz.ratio(_joined(alias), _joined(app.name)) > 80) for app in catalogue.applications for alias in app.aliases
    ]
    things: list[tuple[str, tuple[str, ...], bool]] = [
        (name, (item.key,), True) for item in catalogue.items for name in (item.name, *item.aliases)
    ]
    kinds: dict[str, tuple[str, ...]] = {}
    for item in catalogue.items:
        kinds[item.category.lower()] = (*kinds.get(item.category.lower(), ()), item.key)
    named_as = {phrase.lower(): keys for phrase, keys, _ in things}
    things += [(kind, keys, False) for kind, keys in kinds.items() if kind not in _VAGUE]
    things += [
        (other, named_as.get(kind) or kinds[kind], False)
        for kind, others in words.items()
        if kind in named_as or kind in kinds
        for other in others
    ]
    item_words = {
        item.key: frozenset(token.word for name in (item.name, *item.aliases) for token in tokens(name)) - {item.category.lower(), "inch"}
        for item in catalogue.items
    }
    return Matcher(catalogue, Names(named), Names(things), item_words)


def _joined(text: str) -> str:
    return "".join(_TOKEN.findall(text.lower()))


_SMALL = frozenset({"a", "the", "one", "to", "of", "for", "with", "and", "in", "c", "w", "x"})
_VAGUE = frozenset({"accessory", "accessories", "other", "hardware", "equipment", "misc"})
"""Categories that narrow nothing down."""
