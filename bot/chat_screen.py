"""How `foyer chat` tells a program what it is told: one JSON object a line. Pure but for the writing.

People see it on a terminal, in `bot/chat_terminal.py`.
"""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

from connectors.ports.chat import Progress, Reply, ReplyKind


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
        more += progress_lines(reply.progress)
    more += [f"{field.label}: {field.value}" for field in reply.fields]
    more += reply.transcript
    return "\n".join([text, *(line for line in more if line.strip() and line not in text)])


def as_object(conversation: str, reply: Reply) -> dict[str, Any]:
    """The JSON object of a reply; its keys are the contract of `foyer chat --json`."""
    request = reply.request
    judged = (reply.feedback.up, reply.feedback.down) if reply.feedback else ()
    return {
        "id": reply.id,
        "conversation": conversation,
        "kind": reply.kind.value,
        "text": plain(reply),
        "citations": [{"title": citation.title, "source": citation.source} for citation in reply.citations],
        "request": None if request is None else {"case": request.case, "skill": request.skill, "state": request.state},
        "actions": [{"id": action.id, "label": action.label} for action in (*reply.actions, *judged)],
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


def printable(text: str) -> str:
    """Without control characters: an article must not be able to move the cursor or set the title of a terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def progress_lines(progress: Progress) -> list[str]:
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
