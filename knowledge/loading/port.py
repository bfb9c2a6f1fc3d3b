"""The port of a format: what a loader is given, and what it makes of it."""

from dataclasses import dataclass, field
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What a file says about itself; None or empty where it says nothing."""

    title: str | None = None
    audience: tuple[str, ...] = ()
    """Selectors such as `country=DE`."""
    updated: date | None = None
    review: date | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as an article. `warnings` are message codes (`knowledge.warning.*`) of what was left out or guessed.

    What a message names stands behind the code and a colon.
    """

    title: str
    markdown: str
    warnings: tuple[str, ...] = ()
    front_matter: FrontMatter = field(default_factory=FrontMatter)


class Loader(Protocol):
    """One family of formats. A pure function of the bytes; it runs in a process of its own, see `bounded`."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """In lower case with their dot."""

    def sniff(self, data: bytes) -> bool:
        """Whether the content can be of this family, whatever its name says."""

    def load(self, data: bytes, name: str) -> Loaded:
        """Raises `LoadRefused`. `title` is never empty; the text may be, which the registry refuses."""
