"""The page behind the link that was sent to somebody's enrolled channel: was this really you?

Opening it decides nothing, for mail scanners open links too; only a button does, once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from bot.console.ports import Guard
from connectors.ports.chat import Field
from specialists.step_up import StepUpResult

if TYPE_CHECKING:
    from jinja2 import Template

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class StepUpView:
    """What is to be confirmed, in the words of the person's own language. `until` is already put into their zone."""

    name: str
    what: str
    case: str
    until: str
    fields: tuple[Field, ...] = ()


class StepUps(Protocol):
    async def look(self, token: str) -> StepUpView | None:
        """What an open step-up asks; None when it is unknown, used, expired or withdrawn. Changes nothing."""

    async def answer(self, token: str, yes: bool) -> StepUpResult:
        """Records the answer once; "closed" when there was nothing left to answer."""


def add_step_up(app: web.Application, guard: Guard, step_ups: StepUps) -> None:
    """Adds /step-up/{token} and its style sheet."""
    app.router.add_get("/step-up/{token}", guard.anyone(partial(_look, step_ups), html=True))
    app.router.add_post("/step-up/{token}", guard.anyone(partial(_answer, step_ups), html=True))
    app.router.add_get("/console/step_up.css", guard.anyone(_style()))


async def _look(step_ups: StepUps, request: web.Request) -> web.Response:
    view = await step_ups.look(request.match_info["token"])
    return _page("closed", 410) if view is None else _page("asked", view=view)


async def _answer(step_ups: StepUps, request: web.Request) -> web.Response:
    answer = (await request.post()).get("answer")
    if answer not in ("yes", "no"):
        raise web.HTTPBadRequest(text="Press one of the two buttons.")
    result = await step_ups.answer(request.match_info["token"], answer == "yes")
    return _page(result, 410 if result == "closed" else 200)


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # when the first page is asked for: a start is quicker without

    return Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined).get_template("step_up.html")


def _page(state: str, status: int = 200, view: StepUpView | None = None) -> web.Response:
    html = _template().render(state=state, view=view)
    # A form's POST says where it comes from only under a policy that may tell the own site.
    return web.Response(text=html, content_type="text/html", status=status, headers={"Referrer-Policy": "same-origin"})


def _style() -> Callable[[web.Request], Awaitable[web.Response]]:
    content = (HERE / "static" / "step_up.css").read_text(encoding="utf-8")

    async def style(request: web.Request) -> web.Response:
        return web.Response(text=content, content_type="text/css")

    return style
