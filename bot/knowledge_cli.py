"""`foyer knowledge`: articles from the command line."""

from pathlib import Path
from typing import Annotated

import typer

from bot.attach import Control
from bot.commands import on_foyer, told
from bot.knowledge_adding import add_files

knowledge = typer.Typer(help="Articles: add, try, publish, list, retire; gaps and reviews.", no_args_is_help=True)


@knowledge.command("add")
def knowledge_add(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders: Markdown, HTML, PDF, office files, text, mail.")],
    audience: Annotated[list[str] | None, typer.Option(help="Who may read it, e.g. country=DE; again for another key.")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish at once instead of leaving a draft.")] = False,
) -> None:
    """Add articles as drafts (or publish them at once).

    A file of the same name, or of the same path in the same folder, is a new version of that article; one that is as it was changes
    nothing. Ctrl-C stops before the next file; what was added stays.
    """
    raise typer.Exit(add_files(paths, audience or [], publish=publish))


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
        typer.echo(f"{one['id']}  {one['state']:<9} v{one['version']}  {one['title']}  {one['source']}  ({audience})")


@knowledge.command("gaps")
def knowledge_gaps(
    close: Annotated[str | None, typer.Option(metavar="ID", help="Close this one, and all that ask the same.")] = None,
    not_ours: Annotated[bool, typer.Option("--not-ours", help="With --close: no article will be written about it.")] = False,
) -> None:
    """Show what people asked and no article answered, those asked most often first."""
    if close is not None:
        closed = told("knowledge.close_gap", id=close, **{"as": "not_ours" if not_ours else "written"})
        typer.echo(f"closed: {closed} question{'' if closed == 1 else 's'}")
        return
    found = told("knowledge.gaps")
    if not found["groups"]:
        typer.echo("Nothing was asked that no article answers.")
    for one in found["groups"]:
        asked = f"{one['count']} asked, {one['people']} {'person' if one['people'] == 1 else 'people'}"
        typer.echo(f"{one['id']}  {asked}, {one['first_seen'][:10]} to {one['last_seen'][:10]}")
        for sample in one["samples"]:
            typer.echo(f"    {sample}")
        if one["nearest"]:
            typer.echo(f"    nearest article: {one['nearest']}")
    if found["count"] > len(found["groups"]):
        typer.echo(f"and {found['count'] - len(found['groups'])} more")


@knowledge.command("reviews")
def knowledge_reviews() -> None:
    """List the articles whose review is due, with their owners."""
    found = told("knowledge.reviews")
    if not found:
        typer.echo("No review is due.")
    for one in found:
        typer.echo(f"{one['id']}  due {one['review_due']} ({one['days']} days ago)  {one['title']}  ({one['owner']})")


@knowledge.command("review")
def knowledge_review(article: str) -> None:
    """Confirm that an article still holds; its next review moves as far ahead as this one was."""
    confirmed = told("knowledge.review", id=article)
    typer.echo(f"reviewed: {confirmed['title']}, next review {confirmed['review_due']}")


@knowledge.command("reindex")
def knowledge_reindex() -> None:
    """Rebuild the index from the database, and make the vectors anew where the model has changed. Nothing stops meanwhile."""

    async def rebuild(control: Control) -> int:
        come = await control.call("knowledge.reindex", begin=True)
        while "passages" not in come:
            if "done" in come:
                typer.echo(f"{come['done']} of {come['total']} articles", err=True)
            come = await control.call("knowledge.reindex")
        return int(come["passages"])

    typer.echo(f"{on_foyer(rebuild)} passages indexed")
