"""`foyer eval`: measures recognition, knowledge and whole conversations on anybody's own data, with either engine or both.

Works in a temporary folder and in this process, whether or not the installation runs. Results go to standard output,
progress to standard error.
"""

import asyncio
import gc
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bot import logs
from bot.evaluation.engines import Engine
from bot.evaluation.rows import BadInput
from bot.evaluation.rows import Progress as Watching

if TYPE_CHECKING:
    from bot.evaluation.dialogues import Played
    from bot.evaluation.spending import Spending

evaluation = typer.Typer(help="Measure recognition, knowledge and conversations on your own data.", no_args_is_help=True)

T = TypeVar("T")
Columns = Mapping[str, Mapping[str, float | None]]
"""The figures of each engine."""
_WRONG_INPUT = 2

EngineOption = Annotated[
    Engine, typer.Option("--engine", help="The offline engine, the one with Claude (needs ANTHROPIC_API_KEY; costs money), or both.")
]
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
    "fell_back": "utterances that the offline engine judged alone because the model did not",
    "tokens": "tokens of all kinds that the model took",
    "money": "what they cost, in the currency of the settings",
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
    "fell_back": "questions that the offline engine served because the model did not",
    "dropped": "sentences of the model that had no support",
    "replaced": "and those said in the article's own words instead",
    "tokens": INTENTS["tokens"],
    "money": INTENTS["money"],
}


@evaluation.command("intents")
def eval_intents(
    train: Annotated[Path, typer.Option(help='To learn from: JSON lines of {"text", "label"}; the label oos is out of scope.')],
    test: Annotated[Path, typer.Option(help="To try it on: the same.")],
    engine: EngineOption = Engine.OFFLINE,
    json_: JsonOption = False,
) -> None:
    """Learn from labelled utterances, try it on others."""

    async def run(progress: Watching) -> Columns:
        from bot.evaluation import intents
        from bot.evaluation.spending import spent
        from bot.evaluation.temporary import temporary_foyer, with_model

        more = with_model() if Engine.ASSISTED in engine.each else {}
        known, tried = intents.check(train, test)
        for sentence in intents.doubts(known, tried):
            _tell(sentence)
        columns: dict[str, Mapping[str, float | None]] = {}
        async with temporary_foyer(more=more) as app:
            for one in engine.each:
                model = app.model if one is Engine.ASSISTED else None
                found = await intents.evaluate(known, tried, app.encoder, model=model, progress=progress)
                columns[one] = {**found.as_json(), **((await spent(app)).as_json() if model is not None else {})}
        return columns

    _print(_evaluated(run), INTENTS, json_)


@evaluation.command("knowledge")
def eval_knowledge(
    articles: Annotated[list[Path], typer.Option(help='Files, folders, or a .jsonl of {"id", "title", "text"}; several, or again.')],
    questions: Annotated[Path, typer.Option(help='JSON lines of {"question", "gold_docs", "must_contain"}; without gold: unanswerable.')],
    more: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
    engine: EngineOption = Engine.OFFLINE,
    json_: JsonOption = False,
) -> None:
    """Fill a library, ask it questions."""

    async def run(progress: Watching) -> Any:
        from bot.evaluation import knowledge
        from bot.evaluation.documents import documents
        from bot.evaluation.spending import spent
        from bot.evaluation.temporary import temporary_foyer, with_model

        with_it = with_model() if Engine.ASSISTED in engine.each else {}
        given, asked = documents([*articles, *(more or ())], _tell), knowledge.read_questions(questions)
        async with temporary_foyer(more=with_it) as app:
            results = await knowledge.evaluate(app, given, asked, engines=engine.each, progress=progress)
            spending = (await spent(app)).as_json()
        columns = {one: {**found.figures.as_json(), **(spending if one is Engine.ASSISTED else {})} for one, found in results.items()}
        return columns, next(iter(results.values()))

    columns, result = _evaluated(run)
    for id_, why in result.refused.items():
        _tell(f"skipped: {why}" if id_ in why else f"skipped: {id_}: {why}")
    if result.missing:
        names = ", ".join(result.missing[:5]) + (", ..." if len(result.missing) > 5 else "")
        one = len(result.missing) == 1
        are = "1 document that questions name is" if one else f"{len(result.missing)} documents that questions name are"
        _tell(f"{are} not among the articles, so {'it is' if one else 'they are'} not found: {names}")
    _print(columns, KNOWLEDGE, json_)


@evaluation.command("dialogues")
def eval_dialogues(
    file: Annotated[Path, typer.Argument(help="A YAML list of dialogues; docs/evaluation.md tells the format.")],
    engine: EngineOption = Engine.OFFLINE,
    json_: JsonOption = False,
) -> None:
    """Play scripted conversations against the sandbox company; exit code 1 when one comes out otherwise."""

    async def run(progress: Watching) -> Any:
        from bot.evaluation.company import Company
        from bot.evaluation.dialogues import play_all, read_dialogues
        from bot.evaluation.spending import Spending, spent
        from bot.evaluation.temporary import with_model

        more = with_model() if Engine.ASSISTED in engine.each else {}
        written = read_dialogues(file)
        played = {}
        for one in engine.each:
            spending: list[Spending] = []

            async def ended(company: Company, kept: list[Spending] = spending) -> None:
                kept.append(await spent(company.app))

            assisted = one is Engine.ASSISTED
            found = await play_all(written, progress=progress, settings=more if assisted else {}, ended=ended)
            played[one] = (found, sum(spending, Spending()) if assisted else None)
        return played

    played = _evaluated(run)
    if json_:
        told = {one: _dialogues_as_json(*found) for one, found in played.items()}
        typer.echo(json.dumps(told if engine is Engine.BOTH else told[engine], ensure_ascii=False))
    else:
        for one, found in played.items():
            if engine is Engine.BOTH:
                typer.echo(f"{one}:")
            _tell_dialogues(*found)
    raise typer.Exit(1 if any(one.difference is not None for found, _ in played.values() for one in found) else 0)


def _dialogues_as_json(played: "Sequence[Played]", spending: "Spending | None") -> Mapping[str, Any]:
    different = sum(one.difference is not None for one in played)
    told = {"played": len(played), "different": different, "dialogues": [one.as_json() for one in played]}
    return told if spending is None else {**told, "fell_back": spending.share_failed, **spending.as_json()}


def _tell_dialogues(played: "Sequence[Played]", spending: "Spending | None") -> None:
    for one in played:
        typer.echo(f"{'ok        ' if one.difference is None else 'DIFFERENT '} {one.name}")
        if one.difference is not None:
            typer.echo(f"           turn {one.difference.turn}, expected {one.difference.expected}")
            typer.echo(f"           there was {one.difference.found}")
    typer.echo(f"{len(played)} played, {sum(one.difference is not None for one in played)} different")
    if spending is not None:
        costs = ", ".join(f"{name} {value}" for name, value in spending.as_json().items())
        typer.echo(f"{spending.calls} calls of the model, {spending.failed} failed; {costs}")


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


def _print(columns: Columns, meanings: Mapping[str, str], as_json: bool) -> None:
    """One engine's figures as they are; several under their names."""
    if as_json:
        typer.echo(json.dumps(columns if len(columns) > 1 else next(iter(columns.values()))))
        return
    from bot.evaluation.screen import show

    show(columns if len(columns) > 1 else {"Value": next(iter(columns.values()))}, meanings)


def _tell(sentence: str) -> None:
    typer.echo(sentence, err=True)
