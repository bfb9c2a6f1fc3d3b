"""What whoever runs an evaluation sees: progress on standard error, figures as a table on standard output."""

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_WIDTH = 120
"""Of what is not shown on a terminal, in characters."""


class Watched:
    """Progress on standard error: a bar on a terminal, elsewhere a line for each thing that is begun."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)
        self._task, self._doing = self._bar.add_task(""), ""

    def __enter__(self) -> "Watched":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, doing: str, done: int, of: int) -> None:
        if doing != self._doing and not self._console.is_terminal:
            self._console.print(f"{doing} ({of})" if of else doing, markup=False, highlight=False)
        self._doing = doing
        self._bar.update(self._task, description=doing, completed=done, total=of or None)


def show(columns: Mapping[str, Mapping[str, float | None]], meanings: Mapping[str, str]) -> None:
    """A table with a column of values for each set of figures, under its name."""
    table = Table(box=None, pad_edge=False)
    table.add_column("Figure")
    for column in columns:
        table.add_column(column, justify="right")
    table.add_column("Meaning")
    for name in dict.fromkeys(name for figures in columns.values() for name in figures):
        values = (figures.get(name) for figures in columns.values())
        table.add_row(name, *("-" if value is None else f"{value:g}" for value in values), meanings[name])
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)
