"""`foyer connectors`: which systems Foyer is connected to, what each serves, and what it has that foyer.yaml could name."""

import json
from typing import Annotated, Any

import typer

from bot.commands import told

MOST_OFFERED = 200
"""Lines of each kind; --json prints all."""

connectors = typer.Typer(
    help="The systems that Foyer is connected to: which serves what, and what they offer.", invoke_without_command=True
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@connectors.callback()
def listing(context: typer.Context, json_: JsonOption = False) -> None:
    """List the connectors, which port each serves and which applications it gives access to."""
    if context.invoked_subcommand is not None:
        return
    found = told("connectors.list")
    if json_:
        _print(found)
        return
    for one in found["connectors"]:
        serves = ", ".join(one["ports"]) or "nothing"
        typer.echo(f"{one['name']:<16} {one['folder']:<10} serves {serves}")
        if one["applications"]:
            typer.echo(f"{'':<16} {'':<10} gives access to {', '.join(one['applications'])}")
        if one["closed_to"]:
            typer.echo(f"{'':<16} {'':<10} is not called at this moment: {one['closed_to']}; foyer doctor says more")
    for skill, ports in found["off"].items():
        typer.echo(f"The skill {skill} is off: no connector serves {', '.join(ports)}.")


@connectors.command("offers")
def offers(name: str, json_: JsonOption = False) -> None:
    """Print what a connector's system has that foyer.yaml could name, such as groups; asked of the system itself."""
    found = told("connectors.offers", name=name)
    if json_:
        _print(found)
        return
    for kind, names in found.items():
        typer.echo(f"{kind} ({len(names)}):")
        for one in names[:MOST_OFFERED]:
            typer.echo(f"  {one}")
        if len(names) > MOST_OFFERED:
            typer.echo(f"  ... and {len(names) - MOST_OFFERED} more; --json prints all")


def _print(found: Any) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False))  # noqa: T201 - for other programs
