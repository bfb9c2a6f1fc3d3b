"""`foyer knowledge add`: files of this machine, one after the other, with what became of each.

They travel by the operator's socket, so that the process that owns the home reads and encodes them.
"""

import asyncio
import base64
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.attach import Control
from bot.commands import fail, on_foyer
from bot.home import Refusal

LARGEST = 25 * 1024**2
"""Bytes of a file that is worth sending to the library, which refuses larger ones, too."""
INTERRUPTED = 130
"""The exit code of what Ctrl-C ended."""
COUNTED = {"draft": "added as drafts"}


def add_files(paths: Sequence[Path], audience: Sequence[str], *, publish: bool) -> int:
    """Adds files, and those of folders; returns the exit code: 1 when any was refused."""
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        fail(f"There is no {', '.join(missing)}.")
    files = [one for path in paths for one in found(path)]
    twice = sorted(name for name, count in Counter(name for name, _ in files).items() if count > 1)
    if twice:
        fail(f"Several files are called {', '.join(twice)}; one would replace the other. Add the folder that holds them, or one by one.")

    async def add(control: Control) -> int:
        adding = Adding(control, audience, publish=publish, alone=len(files) == 1)
        await adding.all(files)
        return INTERRUPTED if adding.stopped.is_set() else int(adding.count["refused"] > 0)

    return on_foyer(add)


def found(path: Path) -> list[tuple[str, Path]]:
    """A file under its own name, or those of a folder under their path from that folder on; hidden ones are passed over."""
    if not path.is_dir():
        return [(path.name, path)]
    folder = path.resolve()
    inside = ((file.relative_to(folder), file) for file in sorted(folder.rglob("*")) if file.is_file())
    return [(f"{folder.name}/{name.as_posix()}", file) for name, file in inside if not any(part.startswith(".") for part in name.parts)]


class Adding:
    """Counts what became of the files. `stopped`: no further file is begun. `alone`: a single file, which needs no progress."""

    def __init__(self, control: Control, audience: Sequence[str], *, publish: bool, alone: bool) -> None:
        self._control = control
        self._given = {"audience": list(audience), "publish": publish}
        self._alone = alone
        self.count: Counter[str] = Counter()
        self.stopped = asyncio.Event()

    async def all(self, files: Sequence[tuple[str, Path]]) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        console = Console(stderr=True)
        # What goes to a pipe must not be drawn above the bar.
        shown = Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty(), disable=self._alone)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._stop)
        try:
            with shown:
                task = shown.add_task("", total=len(files))
                for name, file in files:
                    if self.stopped.is_set():
                        break
                    shown.update(task, description=escape(name))
                    await self._one(name, file)
                    shown.advance(task)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        left = len(files) - self.count.total()
        if left or not self._alone:
            parts = [f"{count} {COUNTED.get(what, what)}" for what, count in self.count.items()] + ([f"{left} left out"] if left else [])
            typer.echo(", ".join(parts) + "." if parts else "There is no file in that.")

    def _stop(self) -> None:
        """The first Ctrl-C lets the file that is under way come to its end; the next one does not."""
        self.stopped.set()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        typer.echo("Stopping after this file.", err=True)

    async def _one(self, name: str, file: Path) -> None:
        try:
            article = await self._control.call("knowledge.add", name=name, data=await asyncio.to_thread(_content, file), **self._given)
        except (Refusal, OSError) as error:
            self.count["refused"] += 1
            why = str(error.strerror if isinstance(error, OSError) else error)
            typer.echo(why if name in why else f"{file}: {why}", err=True)
            return
        what = article["state"] if article["changed"] else "unchanged"
        self.count[what] += 1
        typer.echo(f"{what}: {article['title']} (version {article['version']})  {article['id']}")
        for warning in article["warnings"]:
            typer.echo(f"  {warning}")
        if self._alone and article["state"] == "draft":
            typer.echo(f'  try it:      foyer knowledge try {article["id"]} "a question"')
            typer.echo(f"  publish it:  foyer knowledge publish {article['id']}")


def _content(file: Path) -> str:
    """Its bytes in base64; raises Refusal when it is too large to be sent."""
    if file.stat().st_size > LARGEST:
        raise Refusal(f"larger than {LARGEST // 1024**2} MB")
    return base64.b64encode(file.read_bytes()).decode()
