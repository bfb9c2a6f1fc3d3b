"""`foyer lessons` and `foyer recognition`: what the recognition learns, from the command line."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.attach import Control
from bot.commands import fail, on_foyer, told
from bot.home import Refusal

lessons = typer.Typer(help="What utterances should have been understood as: list, accept, reject, add.", no_args_is_help=True)
recognition = typer.Typer(help="The recognition's versions: retrain, versions, activate; calibrate.", no_args_is_help=True)


class State(StrEnum):
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@lessons.command("list")
def lessons_list(state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None) -> None:
    """List lessons, newest first, beside what each is understood as now."""
    found = told("lessons.list", state=state.value if state is not None else None)
    if not found:
        typer.echo("There are no such lessons." if state is not None else "There are no lessons yet.")
    for one in found:
        now = one["now"]
        understood = f"  (now {now['label']}, {now['confidence']:.2f})" if now is not None else ""
        typer.echo(f"{one['state']:<9} {one['id']}  {one['text']!r}  as {one['label']}{understood}")
        if one["against"] is not None:
            typer.echo(f"          {one['against']['text']}")


@lessons.command("add")
def lessons_add(text: str, label: Annotated[str, typer.Argument(help="A skill's name, question or other.")]) -> None:
    """Propose a lesson; somebody else accepts it."""
    _show(told("lessons.add", text=text, label=label))


@lessons.command("accept")
def lessons_accept(lesson: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Accept a lesson that somebody else proposed; the next retraining learns from it."""
    _show(told("lessons.decide", id=lesson, accepted=True))


@lessons.command("reject")
def lessons_reject(lesson: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Reject a lesson."""
    _show(told("lessons.decide", id=lesson, accepted=False))


@recognition.command("retrain")
def recognition_retrain() -> None:
    """Train on all accepted lessons; what is worse on the kept questions is refused (exit code 1). Nothing new is no failure (0)."""
    done = told("recognition.retrain")
    if "nothing_new" in done:
        typer.echo(done["nothing_new"])
        return
    typer.echo(_line(done))
    if done["why"] is not None:
        typer.echo(f"Refused: {done['why']}")
        for text in done["lost"]:
            typer.echo(f"  no longer understood: {text}")
        raise typer.Exit(1)


@recognition.command("versions")
def recognition_versions() -> None:
    """List the versions with their figures, and say which serves."""
    found = told("recognition.versions")
    for one in found["versions"]:
        typer.echo(_line(one))
    typer.echo(f"{found['serving']} serves." if found["serving"] else "The recognition serves as it ships, without lessons.")


@recognition.command("activate")
def recognition_activate(number: Annotated[int, typer.Argument(min=0, help="0: as it ships, without lessons.")]) -> None:
    """Go back to an older version."""
    typer.echo(f"{told('recognition.activate', number=number)['serving']} serves from now on.")


@recognition.command("calibrate")
def recognition_calibrate(
    file: Annotated[Path, typer.Argument(help='JSON lines of {"text", "label"}: a skill\'s name, or question, other or oos.')],
) -> None:
    """Fit how much the language model's confidence counts beside the offline engine's; worse weights are refused (exit code 1)."""
    from bot.evaluation.rows import BadInput, rows, text_in
    from bot.intent.pooling import ENOUGH

    try:
        given = [[text_in(row, "text", where), text_in(row, "label", where)] for where, row in rows(file)]
    except BadInput as wrong:
        fail(str(wrong))
    if len(given) < ENOUGH:
        fail(f"{file} has {len(given)} rows, and at least {ENOUGH} are needed; nothing was asked.")

    async def work(control: Control) -> Any:
        read: list[Any] = []
        for first in range(0, len(given), _AT_ONCE):
            read += await control.call("recognition.read", rows=given[first : first + _AT_ONCE])
            typer.echo(f"{min(first + _AT_ONCE, len(given))} of {len(given)} utterances read", err=True)
        return await control.call("recognition.calibrate", rows=read)

    try:
        done = on_foyer(work)
    except Refusal as refusal:
        fail(str(refusal))
    typer.echo(
        f"{done['rows']} rows, {done['held_out']} held out: loss {done['loss']:.4f} (before {done['loss_before']:.4f}), "
        f"calibration error {done['error']:.3f} (before {done['error_before']:.3f})"
    )
    if not done["version"]:
        typer.echo("Refused: the weights that serve are better on the utterances that were held out.")
        raise typer.Exit(1)
    typer.echo(f"Version {done['version']} serves.")


_AT_ONCE = 8
"""Utterances that are read at a time."""


def _show(lesson: dict[str, Any]) -> None:
    aside = "; kept aside to compare versions on" if lesson["kept"] else ""
    typer.echo(f"{lesson['state']}: {lesson['text']!r} as {lesson['label']}{aside}  {lesson['id']}")
    if lesson.get("against") is not None:
        typer.echo(lesson["against"]["text"])


def _line(one: dict[str, Any]) -> str:
    figures = f"accuracy {one['accuracy']:.3f} (before {one['accuracy_before']:.3f}), calibration error {one['calibration_error']:.3f}"
    counted = f"{_counted(one['lessons'], 'lesson')}, {_counted(one['kept'], 'kept question')}"
    return f"{one['number']:>4} {one['state']:<10} {one['at'][:16]}  {counted}: {figures}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
