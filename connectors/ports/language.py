"""A language model, as everything that is assisted by one sees it: it reads a prompt and returns data of a given shape.

It holds no authority and no tools: what comes back is checked against the shape first, then by whoever asked. Every
implementation raises errors of `connectors.errors`; who asks has an offline twin that serves then.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from jsonschema import Draft202012Validator

from connectors.errors import ConnectorError
from connectors.ports.records import Json

Size = Literal["small", "large"]
"""small: classification and extraction; large: answers and reasoning. The configuration names a model for each."""
_HEAD = re.compile(r"---\nversion: (?P<version>\d+)\n---\n(?P<text>.+)", re.DOTALL)


@dataclass(frozen=True)
class Prompt:
    """Instructions that never change between two calls, kept in a file with its version."""

    name: str
    version: int
    text: str

    @property
    def id(self) -> str:
        """For the audit and the record of usage: "recognition-1"."""
        return f"{self.name}-{self.version}"

    @staticmethod
    def load(path: Path) -> "Prompt":
        """`<name>.prompt.md`, which begins with its version between two lines of dashes. Raises ValueError."""
        found = _HEAD.fullmatch(path.read_text(encoding="utf-8"))
        if found is None:
            raise ValueError(f"{path} does not begin with its version")
        return Prompt(path.name.removesuffix(".prompt.md"), int(found["version"]), found["text"].strip())


@dataclass(frozen=True, slots=True)
class Behalf:
    """For whom a model works: what it spends is counted for each of these, and is told under these ids alone.

    `until`: the monotonic moment by which the person must see something; None when nobody waits.
    """

    turn: str | None = None
    conversation: str | None = None
    person: str | None = None
    specialist: str = "front_door"
    """Whoever's work it is; the front door's while nobody's yet."""
    until: float | None = None


NOBODY = Behalf()


@dataclass(frozen=True)
class Ask:
    """One question to a model. `prompt` and `stable` are the same from call to call, so that they are cached; `content` is not.

    What is untrusted in `content` (articles, tickets, quoted text) is marked as data by whoever asks.
    """

    prompt: Prompt
    size: Size
    content: str
    shape: Mapping[str, Any]
    """JSON schema of the result, an object; within what strict tools take: every property required, no additional ones."""
    behalf: Behalf
    stable: str = ""
    """What follows the prompt and seldom changes, such as the skills there are."""
    max_tokens: int = 1024
    first: float = 2.0
    """Seconds within which something of the result must have come."""
    within: float = 20.0
    """Seconds for all of it."""

    @cached_property
    def _validator(self) -> Draft202012Validator:
        return Draft202012Validator(self.shape)

    def accepts(self, result: object) -> bool:
        """Whether the result has the shape that was asked for."""
        return bool(self._validator.is_valid(result))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `input` is what was neither read from the cache nor written to it."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_written: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_written


@dataclass(frozen=True, slots=True)
class Completion:
    """`result` has the shape that was asked for; `model` is the one that made it, by its own word."""

    result: Mapping[str, Json]
    model: str
    usage: Usage


class Unusable(ConnectorError):
    """The model answered, and nothing can be made of it. `usage` was spent all the same.

    Codes: malformed (no JSON), schema (another shape), cut (the connection ended), refusal, max_tokens, late (not within `first`, or
    `within`).
    """

    def __init__(self, code: str, detail: str = "", *, model: str = "", usage: Usage | None = None) -> None:
        super().__init__(code, detail)
        self.model = model
        self.usage = usage or Usage()


def telling(error: BaseException) -> Unusable | None:
    """What a call that failed tells of its model and of what it used: it itself, or what it was raised from."""
    return next((one for one in (error, error.__cause__) if isinstance(one, Unusable)), None)


Watch = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Told what has come of a result so far: complete values, but the last string or list may still grow."""


class LanguageModel(Protocol):
    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        """The result, in the shape that was asked for.

        Raises Retry (unreachable, rate_limited with `after`, overloaded, server_error), Refused (not_authorised,
        bad_request) and Unusable. What broke in the midst is raised from an Unusable with what was used.
        Never tries twice: who waits decides what is worth waiting for.
        """

    async def count(self, ask: Ask) -> int:
        """Tokens that this would read. Raises Retry or Refused."""

    def name(self, size: Size) -> str:
        """The model that is asked for this size, as configured."""
