"""What every command of the command line is made of: the settings, a Foyer to ask, and sentences instead of tracebacks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import typer

from bot import logs
from bot.attach import Control, attached
from bot.config import Settings, load
from bot.home import Refusal

T = TypeVar("T")


def settings_from(port: int | None) -> Settings:
    return load(**({} if port is None else {"port": port}))


def on_foyer(work: Callable[[Control], Awaitable[T]]) -> T:
    """Work on the running Foyer, or on one that lives as long as the work."""
    settings = settings_from(None)
    logs.set_up("warning", settings.home / "logs" / "commands.log")

    async def run() -> T:
        async with attached(settings) as control:
            return await work(control)

    return asyncio.run(run())


def told(command: str, **given: Any) -> Any:
    """One command, or its refusal as a sentence and exit code 1."""
    try:
        return on_foyer(lambda control: control.call(command, **given))
    except Refusal as refusal:
        fail(str(refusal))


def fail(sentence: str) -> Any:
    typer.echo(sentence, err=True)
    raise SystemExit(1)
