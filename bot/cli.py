"""The command line. What touches an installation's state goes through the process that owns it, if one runs."""

import asyncio
import gc
import json
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from bot import logs
from bot.attach import Control, chatting
from bot.commands import fail, on_foyer, settings_from, told
from bot.config import ConfigError, Settings
from bot.connectors_cli import connectors
from bot.eval_cli import evaluation
from bot.home import Home, Refusal
from bot.knowledge_cli import knowledge
from bot.teaching_cli import lessons, recognition
from bot.usage_cli import usage

app = typer.Typer(
    name="foyer",
    help="The front door employees already have open: answers with citations, requests done under policy, people when needed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
audit = typer.Typer(help="The audit: check its chain, tell the story of a request.", no_args_is_help=True)
specialists = typer.Typer(help="The AI specialists: list, pause, resume.", no_args_is_help=True)
sandbox = typer.Typer(help="The sandbox company: look at somebody, confirm as them, start over.", no_args_is_help=True)
slack = typer.Typer(help="Slack: the app to install there.", no_args_is_help=True)
teams = typer.Typer(help="Microsoft Teams: the app to upload there.", no_args_is_help=True)
app.add_typer(knowledge, name="knowledge")
app.add_typer(evaluation, name="eval")
app.add_typer(lessons, name="lessons")
app.add_typer(recognition, name="recognition")
app.add_typer(audit, name="audit")
app.add_typer(connectors, name="connectors")
app.add_typer(specialists, name="specialists")
app.add_typer(sandbox, name="sandbox")
app.add_typer(slack, name="slack")
app.add_typer(teams, name="teams")
app.command()(usage)

PortOption = Annotated[int | None, typer.Option(help="Port of the web chat; 8080 if neither this nor FOYER_PORT is given.")]


@app.command()
def serve(port: PortOption = None) -> None:
    """Run Foyer until it is interrupted; logs go to standard error."""
    settings = settings_from(port)
    logs.set_up(settings.log_level)
    _run(_serve(settings, banner=False))


@app.command()
def demo(port: PortOption = None) -> None:
    """Run Foyer with the sandbox company and the starter articles, and say where to find it."""
    settings = settings_from(port)
    logs.set_up(settings.log_level, settings.home / "logs" / "foyer.log")
    _run(_serve(settings, banner=True))


@app.command()
def chat(
    as_: Annotated[str, typer.Option("--as", help="Address of the person who speaks, e.g. dana@acme.example.")],
    json_: Annotated[bool, typer.Option("--json", help="One utterance a line from standard input, one JSON object a reply.")] = False,
    conversation: Annotated[str | None, typer.Option(help="Continue this conversation.")] = None,
) -> None:
    """Talk to Foyer in the terminal. `!ACTION_ID text` presses a button."""
    settings = settings_from(None)
    logs.set_up("warning", None if json_ else settings.home / "logs" / "chat.log")

    async def talk() -> int:
        from bot.chat_client import run_chat

        async with chatting(settings) as (session, url):
            settle()
            return await run_chat(
                session, url, as_, json_output=json_, conversation=conversation, stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr
            )

    raise typer.Exit(_run(talk()))


@audit.command("verify")
def audit_verify(
    checkpoint: Annotated[Path | None, typer.Option(help="One exported before; shows truncation, too.")] = None,
) -> None:
    """Check the chain of audit events; exit code 1 when it does not hold."""
    given = json.loads(checkpoint.read_text(encoding="utf-8")) if checkpoint is not None else None
    result = told("audit.verify", checkpoint=given)
    typer.echo(result["message"])
    raise typer.Exit(0 if result["ok"] else 1)


@audit.command("checkpoint")
def audit_checkpoint() -> None:
    """Print a checkpoint; keep it elsewhere, and give it to verify later."""
    print(json.dumps(told("audit.checkpoint")))  # noqa: T201 - for a file


@audit.command("show")
def audit_show(case: str) -> None:
    """Tell the story of one request or handoff, by its case number (FOY-12)."""
    story = told("audit.show", case=case)
    typer.echo(f"{story['case']}  {story['what']}  {story['state']}")
    for entry in story["story"]:
        shown = {name: value for name, value in {**entry["data"], **_private(entry["private"])}.items() if name != "calls"}
        facts = "  ".join(f"{name}={_short(value)}" for name, value in shown.items())
        typer.echo(f"{entry['at'][:19]}  {entry['kind']:<11} {entry['event']:<22} {entry['actor']}  {facts}")
        for call in entry["data"].get("calls", ()):
            typer.echo(f"{'':<33} {_call(call)}")


@specialists.command("list")
def specialists_list() -> None:
    """List the specialists and what they can do."""
    _show_specialists(told("specialists.list"))


@specialists.command("pause")
def specialists_pause(
    name: Annotated[str | None, typer.Argument()] = None, all_: Annotated[bool, typer.Option("--all", help="Every specialist.")] = False
) -> None:
    """Stop every new effect of a specialist, or of all, at once and across restarts."""
    _show_specialists(told("specialists.pause", name=_which(name, all_)))


@specialists.command("resume")
def specialists_resume(
    name: Annotated[str | None, typer.Argument()] = None, all_: Annotated[bool, typer.Option("--all", help="Every specialist.")] = False
) -> None:
    """Let a specialist, or all, go on; what was held continues."""
    _show_specialists(told("specialists.resume", name=_which(name, all_)))


@sandbox.command("show")
def sandbox_show(person: str) -> None:
    """Print somebody's state at the sandbox company, and their mailbox."""
    print(json.dumps(told("sandbox.show", person=person), indent=2, ensure_ascii=False))  # noqa: T201 - for other programs, too


@sandbox.command("confirm")
def sandbox_confirm(person: str, no: Annotated[bool, typer.Option("--no", help='Answer "it was not me".')] = False) -> None:
    """Follow the newest confirmation link in somebody's mailbox, as they would."""
    typer.echo(told("sandbox.confirm", person=person, yes=not no))


@sandbox.command("reset")
def sandbox_reset() -> None:
    """Start the sandbox company over."""
    typer.echo(told("sandbox.reset"))


@slack.command("manifest")
def slack_manifest(
    url: Annotated[str | None, typer.Option(help="Where Slack sends to, e.g. https://foyer.example.com; nothing after it.")] = None,
    socket_mode: Annotated[bool, typer.Option("--socket-mode", help="For a server that Slack cannot reach: instead of --url.")] = False,
) -> None:
    """Print the app for this installation, to be pasted at https://api.slack.com/apps?new_app=1."""
    from bot.vendors import slack_app

    try:
        typer.echo(slack_app(url, socket_mode=socket_mode), nl=False)
        if url is not None and socket_mode:
            typer.echo(
                "--socket-mode: Slack sends nothing to --url; it is only where workspaces come back to that install the app.", err=True
            )
    except ValueError as error:
        fail(str(error))


@teams.command("package")
def teams_package(
    app_id: Annotated[str, typer.Option(help="The Application (client) ID of the bot's app registration.")],
    url: Annotated[str, typer.Option(help="Where Teams sends to, e.g. https://foyer.example.com; nothing after it.")],
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("foyer-teams.zip"),
    version: Annotated[str, typer.Option(help="Of the app: a changed one needs a higher version.")] = "1.0.0",
) -> None:
    """Write the app for this installation, to be uploaded in the Teams admin center."""
    from bot.vendors import teams_app

    try:
        out.write_bytes(teams_app(app_id, url, version=version))
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"Cannot write {out}: {error.strerror}.")
    typer.echo(f"Wrote {out}. Upload it at https://admin.teams.microsoft.com under Teams apps, Manage apps.")


@teams.command("playground")
def teams_playground(
    as_: Annotated[str, typer.Option("--as", help="Who is at the screen.")] = "dana@acme.example",
    folder: Annotated[Path, typer.Option(help="The folder that the playground is started in.")] = Path(),
) -> None:
    """Write the sandbox company's people for Microsoft's playground, which is a Teams without a tenant."""
    from bot.vendors import playground_people

    try:
        name, content = playground_people(as_)
        (folder / name).write_text(content, encoding="utf-8")
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"Cannot write to {folder}: {error.strerror}.")
    typer.echo(f"Wrote {folder / name}.")


@app.command()
def doctor() -> None:
    """Say what is configured, what is missing and how to mend it."""
    try:
        home = Home(settings_from(None).home)
        home.make()
        if home.owner() is None:
            typer.echo(
                "Foyer is not running: it is started for this, which takes up to a minute in a new home or while a system does not answer.",
                err=True,
            )
        fine = on_foyer(_examined)
    except ConfigError as error:
        fine = _told_finding("configuration", False, str(error), "correct what is named; nothing else could be tried")
    raise typer.Exit(0 if fine else 1)


async def _examined(control: Control) -> bool:
    """Tells each finding as soon as it is there, in their order; whether all are well."""
    fine = True
    for together in await control.call("doctor.rounds"):
        for asked in [asyncio.create_task(control.call("doctor", part=part)) for part in together]:
            for one in await asked:
                fine = _told_finding(**one) and fine
    return fine


def _told_finding(name: str, ok: bool, found: str, mend: str) -> bool:
    text = found.replace("\n", "\n" + " " * 41) + ("" if ok else f"\n{'':<41}mend: {mend}")
    typer.echo(f"{'ok' if ok else 'BROKEN':<7} {name:<32} {text}")
    return ok


def main() -> None:
    # Nothing that is made while starting is garbage: collecting it would only take a third of a second.
    gc.disable()
    try:
        app()
    except (Refusal, ConfigError) as error:
        fail(str(error))
    except Exception as error:  # whatever broke: a sentence here, the rest in the log
        structlog.get_logger().exception("command_failed")
        fail(f"Foyer had to stop: {error or type(error).__name__}. `foyer doctor` may say more; the log has the details.")


def settle() -> None:
    """After the start: what is there stays; from now on there is garbage."""
    gc.freeze()
    gc.enable()


async def _serve(settings: Settings, *, banner: bool) -> int:
    from bot.bootstrap import App
    from bot.server import Server

    home = Home(settings.home)
    home.make()
    if not home.acquire():
        owner = home.owner()
        raise Refusal(f"Another process owns {home.path}" + (f" (process {owner.pid}, {owner.url})." if owner else "."))
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    foyer = App(settings)
    server = Server(foyer, port=settings.port)
    try:
        await foyer.start()
        try:
            await server.start()
        except OSError as error:
            raise Refusal(f"Port {settings.port} cannot be used ({error.strerror or error}). Try another: PORT=8099.") from error
        settle()
        if banner:
            typer.echo(_banner(settings, server.url, foyer.sign_in_off))
        await stopped.wait()
    finally:
        await server.stop()
        await foyer.stop()
        home.release()
    return 0


def _banner(settings: Settings, url: str, because: str | None) -> str:
    """`because`: why nobody can sign in."""
    try_it = CHOOSE if because is None else CLOSED.format(because=because)
    return BANNER.format(url=url, try_it=try_it, home=settings.home)


CHOOSE = """Choose who you are, and ask: "how many days of PTO do I carry over?", "my account is locked",
"I need access to Figma as editor for 30 days". Priya approves, Sam picks up what people must do.
The same in a terminal:  .venv/bin/foyer chat --as dana@acme.example"""
CLOSED = """Nobody can sign in to the web chat: the sandbox sign-in asks for no password, and is off because
{because}."""
BANNER = """
Foyer is open:  {url}

{try_it}
Everything stays under {home}; logs in {home}/logs. Ctrl-C ends it.
"""


def _run(work: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return 130


def _which(name: str | None, everybody: bool) -> str:
    if everybody == (name is not None):
        fail("Name one specialist, or give --all.")
    return "*" if everybody else str(name)


def _show_specialists(found: list[dict[str, Any]]) -> None:
    for one in found:
        state = "paused" if one["paused"] else "active"
        duties = f"{', '.join(one['skills'])}; manager {one['manager']}"
        typer.echo(f"{state:<7} {one['name']:<16} {one['display_name']}  ({duties})")


def _private(private: Any) -> dict[str, Any]:
    return private if isinstance(private, dict) else {} if private is None else {"private": private}


def _call(call: dict[str, Any]) -> str:
    """One call of a system: "figma access.grant: changed (user:7/group:3), 2 tries, 132 ms"."""
    came_to = call["came_to"] + (f" ({call['reference']})" if call["reference"] else "")
    tries = f", {call['tries']} tries" if call["tries"] > 1 else ""
    return f"{call['connector']} {call['operation']}: {came_to}{tries}, {call['milliseconds']} ms"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:119] + "…"
