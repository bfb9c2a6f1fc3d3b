"""How `foyer chat` shows what it is told: one JSON object a line for programs, or cards and numbered buttons for people. Pure
but for the writing."""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TextIO

from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from connectors.ports.chat import Action, Progress, Reply, ReplyKind

MARKS = {"pending": "○", "running": "◐", "done": "✓", "failed": "✗", "undone": "↺"}
COLOURS = {
    ReplyKind.APPROVAL: "yellow",
    ReplyKind.HANDOFF: "magenta",
    ReplyKind.RECEIPT: "green",
    ReplyKind.REFUSAL: "red",
    ReplyKind.NOTICE: "cyan",
}


class Screen(Protocol):
    """Where replies go. Raises BrokenPipeError when nobody reads any more."""

    def show(self, conversation: str, reply: Reply, *, changed: bool) -> None: ...

    def prompt(self) -> None:
        """It is the person's turn."""

    def action_id(self, name: str) -> str:
        """The action that somebody means by what they typed after the exclamation mark."""


def plain(reply: Reply) -> str:
    """All that a card says as one text, each thing once: its words, who said them, facts, steps, transcript."""
    text = f"{reply.author.name}: {reply.text}" if reply.author else reply.text
    more: list[str] = []
    if reply.progress:
        more += _progress_lines(reply.progress)
    more += [f"{field.label}: {field.value}" for field in reply.fields]
    more += reply.transcript
    return "\n".join([text, *(line for line in more if line.strip() and line not in text)])


def as_object(conversation: str, reply: Reply) -> dict[str, Any]:
    """The JSON object of a reply; its keys are the contract of `foyer chat --json`."""
    request = reply.request
    return {
        "id": reply.id,
        "conversation": conversation,
        "kind": reply.kind.value,
        "text": plain(reply),
        "citations": [{"title": citation.title, "source": citation.source} for citation in reply.citations],
        "request": None if request is None else {"case": request.case, "skill": request.skill, "state": request.state},
        "actions": [{"id": action.id, "label": action.label} for action in reply.actions],
    }


class JsonScreen:
    """For programs: one object a line, in ASCII so that no locale can break it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, conversation: str, reply: Reply, *, changed: bool) -> None:
        self._out.write(json.dumps(as_object(conversation, reply)) + "\n")
        self._out.flush()

    def prompt(self) -> None:
        pass

    def action_id(self, name: str) -> str:
        return name


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
        if reply.actions:
            self._console.print(self._buttons(reply.actions))

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
        lines = [*(_progress_lines(reply.progress) if reply.progress else ()), *(f"{f.label}: {f.value}" for f in reply.fields)]
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


def printable(text: str) -> str:
    """Without control characters: an article must not be able to move the cursor or set the title of a terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def _progress_lines(progress: Progress) -> list[str]:
    """Who has the ball, the ticked steps and what comes next."""
    steps = [f"[{'x' if step.status == 'done' else ' '}] {step.title}{_unusual(step.status)}" for step in progress.steps]
    return [progress.title, progress.ball, progress.specialist, *steps, progress.next_step]


def _unusual(status: str) -> str:
    return "" if status in ("pending", "done") else f" ({status})"


def notice(notice_id: str, text: str) -> Reply:
    """Something that the client itself has to say."""
    return Reply(notice_id, ReplyKind.NOTICE, text)


def reply_of(message: Mapping[str, Any]) -> Reply | None:
    """The reply of a message of the API; None for what people said and for what was deleted."""
    return None if message["reply"] is None or message["deleted"] else Reply.from_json(message["reply"])
