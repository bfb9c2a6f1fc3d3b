"""`foyer knowledge`: articles from the command line."""

import base64
from pathlib import Path
from typing import Annotated

import typer

from bot.attach import Control
from bot.commands import fail, on_foyer, told
from bot.home import Refusal

knowledge = typer.Typer(help="Articles: add, try, publish, list, retire.", no_args_is_help=True)

LARGEST = 5 * 1024**2
"""Bytes of a file that is worth sending to the library, which refuses larger ones, too."""


@knowledge.command("add")
def knowledge_add(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders: Markdown, HTML, text.")],
    audience: Annotated[list[str] | None, typer.Option(help="Who may read it, e.g. country=DE; again for another key.")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish at once instead of leaving a draft.")] = False,
) -> None:
    """Add articles as drafts (or publish them at once). A file of the same name is a new version of that article."""
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        fail(f"There is no {', '.join(missing)}.")
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()]
    twice = sorted({file.name for file in files if sum(other.name == file.name for other in files) > 1})
    if twice:
        fail(f"Several files are called {', '.join(twice)}; one would replace the other. Rename them, or add them one by one.")

    async def add(control: Control) -> bool:
        refused = [file for file in files if not await _add_one(control, file, audience or [], publish)]
        return not refused

    raise typer.Exit(0 if on_foyer(add) else 1)


async def _add_one(control: Control, file: Path, audience: list[str], publish: bool) -> bool:
    """Adds one file and says so; False when it was refused."""
    try:
        article = await control.call("knowledge.add", data=_content(file), name=file.name, audience=audience, publish=publish)
    except (Refusal, OSError) as error:
        typer.echo(f"{file}: {error.strerror if isinstance(error, OSError) else error}", err=True)
        return False
    typer.echo(f"{article['state']}: {article['title']} (version {article['version']})  {article['id']}")
    if not publish:
        typer.echo(f'  try it:      foyer knowledge try {article["id"]} "a question"')
        typer.echo(f"  publish it:  foyer knowledge publish {article['id']}")
    return True


def _content(file: Path) -> str:
    """Its bytes in base64; raises Refusal when it is too large to be sent."""
    if file.stat().st_size > LARGEST:
        raise Refusal(f"larger than {LARGEST // 1024**2} MB")
    return base64.b64encode(file.read_bytes()).decode()


@knowledge.command("try")
def knowledge_try(article: str, question: str) -> None:
    """Ask a question of one article, draft or not."""
    quotes = told("knowledge.try", id=article, question=question)
    typer.echo("\n\n".join(quotes) if quotes else "This article does not answer that.")


@knowledge.command("publish")
def knowledge_publish(article: str) -> None:
    """Publish a draft; it is answered from at once."""
    published = told("knowledge.publish", id=article)
    typer.echo(f"published: {published['title']} (version {published['version']})")


@knowledge.command("retire")
def knowledge_retire(article: str) -> None:
    """Take an article out of use."""
    typer.echo(f"retired: {told('knowledge.retire', id=article)['title']}")


@knowledge.command("list")
def knowledge_list() -> None:
    """List the articles."""
    for one in told("knowledge.list"):
        audience = "; ".join(f"{key}={','.join(values)}" for key, values in one["audience"].items()) or "all employees"
        typer.echo(f"{one['id']}  {one['state']:<9} v{one['version']}  {one['title']}  ({audience})")


@knowledge.command("reindex")
def knowledge_reindex() -> None:
    """Rebuild the index from the database."""
    typer.echo(f"{told('knowledge.reindex')} passages indexed")
