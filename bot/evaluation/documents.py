"""What an evaluation's library is filled with: files and folders as somebody would upload them, or JSON lines of texts."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bot.evaluation.rows import BadInput, Progress, rows, silent, text_in
from connectors.ports.people import Person
from knowledge.errors import LoadRefused
from knowledge.library import Library

_AT_ONCE = 50
"""Documents that are published together."""
_EVERYBODY = ("all",)
"""Whatever a file says of its readers: whoever asks may read everything."""
_NOT_IN_NAMES = re.compile(r"[^\w.\-]+")


@dataclass(frozen=True, slots=True)
class Document:
    """`id` is what questions name it by: its file name, or what a JSON line says. `data` is None until the file is read."""

    id: str
    name: str
    path: Path | None = None
    data: bytes = b""

    def read(self) -> bytes:
        return self.data if self.path is None else self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class Shelf:
    """What became of documents. `ids`: the source of an article -> document id; `refused`: document id -> why, as a sentence."""

    ids: dict[str, str]
    refused: dict[str, str]


def documents(paths: Iterable[Path], tell: Callable[[str], None] = lambda sentence: None) -> list[Document]:
    """Every file of these files and folders, hidden ones left out, and every line of those that end with .jsonl.

    Several of one id (files of one name in two folders) are all kept; whichever is found counts as that document.
    `tell`: is told of each .jsonl of a folder that has no articles, such as questions beside them; it is passed over.
    Raises BadInput, also for such a file that was named itself, and for a wrong line among articles wherever they are.
    """
    found: list[Document] = []
    for path in paths:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file.relative_to(path)))
            if not files:
                raise BadInput(f"{path}: there is no file in this folder.")
            for file in files:
                try:
                    found += _of(file)
                except BadInput as wrong:
                    if _begins_with_an_article(file):
                        raise
                    tell(f"skipped: {wrong}")
        elif path.is_file():
            found += _of(path)
        else:
            raise BadInput(f"{path}: there is no such file or folder.")
    if not found:
        raise BadInput("There are no articles in what was given.")
    return _with_names_of_their_own(found)


async def fill(
    library: Library, given: Sequence[Document], by: Person, say: Callable[[LoadRefused], str], progress: Progress = silent
) -> Shelf:
    """Adds and publishes them as a knowledge admin would; what cannot be read is left out, with its reason as `say` words it."""
    ids: dict[str, str] = {}
    refused: dict[str, str] = {}
    waiting: list[str] = []
    for number, one in enumerate(given, 1):
        try:
            article = await library.add(one.read(), one.name, _EVERYBODY, by=by)
        except (LoadRefused, OSError) as error:
            refused[one.id] = say(error) if isinstance(error, LoadRefused) else f"cannot be read ({error.strerror or error})"
        else:
            ids[article.source] = one.id
            waiting.append(article.id)
        if len(waiting) == _AT_ONCE or (number == len(given) and waiting):
            await library.publish_many(waiting, by)
            waiting = []
        progress("adding documents", number, len(given))
    return Shelf(ids, {id_: why for id_, why in refused.items() if id_ not in ids.values()})


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _of(file: Path) -> list[Document]:
    if file.suffix.lower() != ".jsonl":
        return [Document(file.name, file.name, file)]
    found = []
    for where, row in rows(file):
        id_, text = text_in(row, "id", where), text_in(row, "text", where)
        title = " ".join(str(row.get("title") or "").split())
        head = f"# {title}\n\n" if title else ""
        found.append(Document(id_, f"{_NOT_IN_NAMES.sub('_', id_)[:100]}.md", data=f"{head}{text}".encode("utf-8", "replace")))
    return found


def _begins_with_an_article(file: Path) -> bool:
    """Whether the first line of a .jsonl tries to be one; figures without the others would be of another library."""
    try:
        return all(key in row for _, row in islice(rows(file), 1) for key in ("id", "text"))
    except BadInput:
        return False


def _with_names_of_their_own(found: Sequence[Document]) -> list[Document]:
    """An article is known by its file name, and the second of one name would replace the first."""
    taken: set[str] = set()
    named = []
    for one in found:
        name, number = one.name, 1
        while name in taken:
            number += 1
            stem, dot, suffix = one.name.rpartition(".")
            name = f"{stem} ({number}){dot}{suffix}" if dot else f"{suffix} ({number})"
        taken.add(name)
        named.append(Document(one.id, name, one.path, one.data))
    return named
