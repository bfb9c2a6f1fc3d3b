"""`foyer usage`: what the language model was asked, what it cost, and how much of each limit is used."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from bot.commands import told

HEADS = ("calls", "input", "output", "cache read", "written", "from cache", "failures")
LIMITS_SHOWN = 15
NEARLY = 0.5
"""Of a turn's limit: turns are many, and only those that came near it are worth a line."""


class Key(StrEnum):
    DAY = "day"
    PERSON = "person"
    CONVERSATION = "conversation"
    SPECIALIST = "specialist"
    MODEL = "model"
    PROMPT = "prompt"


def usage(
    by: Annotated[Key, typer.Option(help="What to sum by.")] = Key.DAY,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A UTC day; thirty days ago if not given.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What the language model was asked and cost, and how much of each limit is used now."""
    found = told("usage", by=by.value, since=since.date().isoformat() if since is not None else None)
    if json_:
        print(json.dumps(found, ensure_ascii=False))  # noqa: T201 - for other programs
        return
    if not found["groups"]:
        typer.echo(f"The language model was asked nothing since {found['since']}.")
    else:
        named = [(_called(one, found["by"]), one) for one in found["groups"]]
        rows = [(found["by"], *HEADS, found["currency"]), *((name, *_cells(one)) for name, one in named), ("all", *_cells(found["total"]))]
        _show(rows)
    worth = [one for one in found["limits"] if one["limit"] != "turn" or one["share"] >= NEARLY]
    for one in worth[:LIMITS_SHOWN]:
        whose = " ".join(filter(None, (one["name"] or one["of"], one["period"])))
        typer.echo(f"{one['share']:>6.1%}  {one['limit'].replace('_', ' '):<16}  {whose}: {one['spent']} of {one['most']}")


def _called(one: dict[str, Any], by: str) -> str:
    key = one[by]
    if key is None:
        return "(nobody)"
    return f"{one['name']} {key}" if by == "conversation" else one["name"] or key


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    counted = (f"{one[what]:,}" for what in ("calls", "input", "output", "cache_read", "cache_written"))
    failures = ", ".join(f"{code} {count}" for code, count in one["failures"].items()) or "-"
    return (*counted, f"{one['from_cache']:.0%}", failures, one["money"])


def _show(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *others = (
            cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        typer.echo("  ".join((first, *others)))
    typer.echo("")
