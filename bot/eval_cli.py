"""`foyer eval`: measures recognition, knowledge and whole conversations on anybody's own data.

Works in a temporary folder and in this process, whether or not the installation runs. Results go to standard output,
progress to standard error.
"""

import asyncio
import gc
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from bot import logs
from bot.evaluation.rows import BadInput
from bot.evaluation.rows import Progress as Watching

evaluation = typer.Typer(help="Measure recognition, knowledge and conversations on your own data.", no_args_is_help=True)

T = TypeVar("T")
_WRONG_INPUT = 2

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output instead of a table.")]

INTENTS = {
    "accuracy": "in-scope utterances whose best label is right",
    "macro_f1": "the same, each label counting alike",
    "oos_auroc": "out of scope told from in scope, at any threshold",
    "oos_recall": "out-of-scope utterances not taken up, at the served threshold",
    "in_scope_rejected": "in-scope utterances not taken up, at the served threshold",
    "ece": "how far confidence is from the share that is right (15 bins)",
    "train_s": "seconds to learn, embedding included",
    "p50_ms": "milliseconds of one utterance, embedding included: median",
    "p95_ms": "and of the slowest in twenty",
}
KNOWLEDGE = {
    "hit@1": "answerable questions whose document is found first",
    "hit@5": "or among the first five",
    "mrr": "one over the place of the right document, on average",
    "ndcg@10": "how well the first ten are ordered",
    "answered": "answerable questions that were answered",
    "abstained_correctly": "unanswerable questions that were not",
    "cited": "answers to answerable questions that cite a right document",
    "must_contain": "answers that have all the words they must have",
    "passages": "what the documents were cut into",
    "ingest_passages_per_s": "passages made searchable a second",
    "p50_ms": "milliseconds from a question to its answer: median",
    "p95_ms": "and of the slowest in twenty",
}


@evaluation.command("intents")
def eval_intents(
    train: Annotated[Path, typer.Option(help='To learn from: JSON lines of {"text", "label"}; the label oos is out of scope.')],
    test: Annotated[Path, typer.Option(help="To try it on: the same.")],
    json_: JsonOption = False,
) -> None:
    """Learn from labelled utterances, try it on others."""

    async def run(progress: Watching) -> Mapping[str, float | None]:
        from bot.evaluation import intents
        from bot.evaluation.temporary import temporary_foyer

        known, tried = intents.check(train, test)
        for sentence in intents.doubts(known, tried):
            _tell(sentence)
        async with temporary_foyer() as app:
            return (await intents.evaluate(known, tried, app.encoder, progress=progress)).as_json()

    _print(_evaluated(run), INTENTS, json_)


@evaluation.command("knowledge")
def eval_knowledge(
    articles: Annotated[list[Path], typer.Option(help='Files, folders, or a .jsonl of {"id", "title", "text"}; several, or again.')],
    questions: Annotated[Path, typer.Option(help='JSON lines of {"question", "gold_docs", "must_contain"}; without gold: unanswerable.')],
    more: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
    json_: JsonOption = False,
) -> None:
    """Fill a library, ask it questions."""

    async def run(progress: Watching) -> Any:
        from bot.evaluation import knowledge
        from bot.evaluation.documents import documents
        from bot.evaluation.temporary import temporary_foyer

        given, asked = documents([*articles, *(more or ())], _tell), knowledge.read_questions(questions)
        async with temporary_foyer() as app:
            return await knowledge.evaluate(app, given, asked, progress=progress)

    result = _evaluated(run)
    for id_, why in result.refused.items():
        _tell(f"skipped: {why}" if id_ in why else f"skipped: {id_}: {why}")
    if result.missing:
        names = ", ".join(result.missing[:5]) + (", ..." if len(result.missing) > 5 else "")
        one = len(result.missing) == 1
        are = "1 document that questions name is" if one else f"{len(result.missing)} documents that questions name are"
        _tell(f"{are} not among the articles, so {'it is' if one else 'they are'} not found: {names}")
    _print(result.figures.as_json(), KNOWLEDGE, json_)


@evaluation.command("dialogues")
def eval_dialogues(
    file: Annotated[Path, typer.Argument(help="A YAML list of dialogues; docs/evaluation.md tells the format.")], json_: JsonOption = False
) -> None:
    """Play scripted conversations against the sandbox company; exit code 1 when one comes out otherwise."""

    async def run(progress: Watching) -> Any:
        from bot.evaluation.dialogues import play_all, read_dialogues

        return await play_all(read_dialogues(file), progress=progress)

    played = _evaluated(run)
    different = [one for one in played if one.difference is not None]
    if json_:
        told = {"played": len(played), "different": len(different), "dialogues": [one.as_json() for one in played]}
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for one in played:
            typer.echo(f"{'ok        ' if one.difference is None else 'DIFFERENT '} {one.name}")
            if one.difference is not None:
                typer.echo(f"           turn {one.difference.turn}, expected {one.difference.expected}")
                typer.echo(f"           there was {one.difference.found}")
        typer.echo(f"{len(played)} played, {len(different)} different")
    raise typer.Exit(1 if different else 0)


def _evaluated(run: Callable[[Watching], Coroutine[Any, Any, T]]) -> T:
    """What it comes to, or a sentence and exit code 2 when the input is not what it should be."""
    from bot.evaluation.screen import Watched

    gc.enable()  # commands begin without it; this one is long
    logs.set_up("error")
    try:
        with Watched() as watched:
            return asyncio.run(run(watched))
    except BadInput as wrong:
        _tell(str(wrong))
        raise SystemExit(_WRONG_INPUT) from None


def _print(figures: Mapping[str, float | None], meanings: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(figures))
        return
    from bot.evaluation.screen import show

    show(figures, meanings)


def _tell(sentence: str) -> None:
    typer.echo(sentence, err=True)
