"""Answers that come bit by bit, in place of a language model's: what is shown between them is for a test to say."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from bot.bootstrap import App
from connectors.errors import Refused
from connectors.ports.people import Person
from knowledge.answering import Answerer
from knowledge.answers import Answer, Show

PARTS = ("Up to five days [1].", "They lapse at the end of March [1].", "Ask HR for more [1].")
Between = Callable[[int], Awaitable[None]]


class Streaming:
    """Answers in three sentences on the passages that the offline engine finds; `between` is called after each but the last."""

    def __init__(self, offline: Answerer, between: Between) -> None:
        self.offline, self.between = offline, between
        self.tries = 0
        self.shown: list[bool] = []
        """Of every try: whether it was let show anything."""

    async def answer(self, question: str, asker: Person, *, show: Show | None = None, **how: Any) -> Answer:
        self.tries += 1
        self.shown.append(show is not None)
        found = await self.offline.answer(question, asker, **how)
        for n in range(1, len(PARTS)):
            if show is not None and found.quotes:
                try:
                    await show(replace(found, text=" ".join(PARTS[:n]), model="scripted-large", prompt="answer-1"))
                except Refused:
                    show = None
            await self.between(n)
        return replace(found, text=" ".join(PARTS), model="scripted-large", prompt="answer-1") if found.quotes else found


async def nothing(part: int) -> None:
    return None


def stream(app: App, between: Between = nothing) -> Streaming:
    """What this Foyer answers comes so from now on."""
    return use(app, Streaming(app.answerer, between))


def use(app: App, answers: Streaming) -> Streaming:
    app.turns = replace(app.turns, responder=replace(app.turns.responder, articles=answers))
    return answers
