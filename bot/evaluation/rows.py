"""Rows of JSON lines that somebody wrote, read so that whatever is wrong with them is told by file and line."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol


class BadInput(Exception):
    """What was given cannot be evaluated; the text says where and why."""


class Progress(Protocol):
    """Told of what is being done: a few words, how many are done, of how many (0: not known)."""

    def __call__(self, doing: str, done: int, of: int) -> None: ...


def silent(doing: str, done: int, of: int) -> None:
    """For whoever does not watch."""


def rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each line that is not empty as a JSON object, with where it stands ("file:line"). Raises BadInput."""
    empty = True
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if not line.strip():
            continue
        empty = False
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{where}: this line is not JSON ({error}).") from error
        if not isinstance(row, dict):
            raise BadInput(f"{where}: this line is not a JSON object, such as {{...}}.")
        yield where, row
    if empty:
        raise BadInput(f"{path}: there is nothing in this file.")


def text_of(path: Path) -> str:
    """A text file. Raises BadInput."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: this file is not UTF-8 text.") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}).") from error


def text_in(row: Mapping[str, Any], key: str, where: str) -> str:
    """A text that must be there and say something. Raises BadInput."""
    value = row.get(key)
    if not isinstance(value, str) or not (text := _whole(value)).strip():
        raise BadInput(f'{where}: "{key}" is missing, or is not a text.')
    return text


def texts_in(row: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """A list of texts; () where it is missing or null. Raises BadInput."""
    value = row.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise BadInput(f'{where}: "{key}" is not a list of texts.')
    return tuple(map(_whole, value))


def _whole(text: str) -> str:
    """Without halves of characters, which JSON can write and nothing else can read."""
    return text.encode("utf-8", "ignore").decode("utf-8")


Clock = Callable[[], float]
"""Seconds, going up: `time.perf_counter`."""
