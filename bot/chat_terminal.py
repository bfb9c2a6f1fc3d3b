"""How `foyer chat` shows what it is told to people: cards, Markdown and numbered buttons."""

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from bot.chat_screen import printable, progress_lines
from connectors.ports.chat import Action, Progress, Reply, ReplyKind

MARKS = {"pending": "○", "running": "◐", "done": "✓", "failed": "✗", "undone": "↺"}
COLOURS = {
    ReplyKind.APPROVAL: "yellow",
    ReplyKind.HANDOFF: "magenta",
    ReplyKind.RECEIPT: "green",
    ReplyKind.REFUSAL: "red",
    ReplyKind.NOTICE: "cyan",
}


class TerminalScreen:
    """For people: Markdown, and buttons that are pressed by their number."""

    def __init__(self, out: TextIO, conversation: str) -> None:
        self._out = out
        self._console = Console(file=out, highlight=False, emoji=False, markup=False)
        self._conversation = conversation
        self._numbers: dict[str, int] = {}
        self._prompted = False

    def welcome(self, name: str, email: str) -> None:
        self._console.print(Text.assemble(("Foyer", "bold"), f"  you are {name} ({email})"))
        self._console.print(Text("Foyer is an AI. Ask for a person at any time. Ctrl-D leaves.", style="dim"))

    def show(self, conversation: str, reply: Reply, *, changed: bool) -> None:
        if self._prompted and self._out.isatty():
            self._out.write("\r\x1b[K")
        self._prompted = False
        self._console.print()
        if conversation != self._conversation:
            self._console.print(Text(f"in conversation {conversation}", style="dim"))
        if changed and reply.progress:
            self._console.print(self._compact(reply, reply.progress))
        else:
            self._console.print(Group(*self._card(reply)))
        judged = (reply.feedback.up, reply.feedback.down) if reply.feedback else ()
        if reply.actions or judged:
            self._console.print(self._buttons((*reply.actions, *judged)))

    def prompt(self) -> None:
        if not self._prompted:
            self._out.write("› ")
            self._out.flush()
        self._prompted = True

    def line_typed(self) -> None:
        self._prompted = False

    def action_id(self, name: str) -> str:
        """A number stands for the button that was shown with it."""
        return next((action for action, number in self._numbers.items() if str(number) == name), name)

    def _compact(self, reply: Reply, progress: Progress) -> Text:
        marks = "".join(MARKS[step.status] for step in progress.steps)
        case = f"{reply.request.case} " if reply.request else ""
        return Text(printable(f"↻ {case}{progress.title}: {progress.ball} {marks}".rstrip()), style="blue")

    def _card(self, reply: Reply) -> Iterable[RenderableType]:
        who = reply.author.name if reply.author else (reply.progress.specialist if reply.progress else "Foyer")
        kind = "" if reply.kind is ReplyKind.ANSWER else f"  {reply.kind.value}"
        yield Text.assemble((printable(who), "bold"), (kind, COLOURS.get(reply.kind, "blue")))
        yield Markdown(printable(reply.text), hyperlinks=False)
        lines = [*(progress_lines(reply.progress) if reply.progress else ()), *(f"{f.label}: {f.value}" for f in reply.fields)]
        for line in (*lines, *reply.transcript):
            if line.strip() and line not in reply.text:
                yield Padding(Text(printable(line)), (0, 0, 0, 2))
        for citation in reply.citations:
            updated = f", updated {citation.updated:%d %b %Y}" if citation.updated else ""
            yield Text(printable(f"  [{citation.n}] {citation.title} ({citation.source}{updated})"), style="dim")

    def _buttons(self, actions: Iterable[Action]) -> Text:
        shown = Text("  ")
        for action in actions:
            number = self._numbers.setdefault(action.id, len(self._numbers) + 1)
            words = {"no": "", "optional": " …", "required": " + why"}[action.needs_text]
            shown.append(f"[{number}] {printable(action.label)}", style="bold")
            shown.append(f"{words}   ", style="dim")
        shown.append("press with !NUMBER", style="dim")
        return shown
