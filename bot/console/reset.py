"""The page behind a one-time link on which a person chooses a new password.

Opening it uses nothing up, for mail scanners open links too. The password stands in the body of one request and goes from there to
whoever sets it: it is neither shown again nor kept.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol
from urllib.parse import parse_qs

from aiohttp import web

from bot.console.ports import Guard
from bot.rate import RateLimit
from bot.reset_links import Standing, hashed
from bot.words import Words

if TYPE_CHECKING:
    from jinja2 import Template

HERE = Path(__file__).parent
Outcome = Literal["changed", "refused", "later", "doubtful"]
"""refused: by the store's rules; later: it does not answer now; doubtful: nobody knows whether the password was set."""
LONGEST: Final = 256
"""Characters of a password."""
LARGEST: Final = 8_000
"""Bytes of the form."""
TRIES: Final = 6
"""Attempts a minute with one link."""
MISSES: Final = 60
"""Links a minute from one address that nobody knows. Those of a whole office come from one address, but theirs are known."""
STATUS: Final = {
    "open": 200,
    "changed": 200,
    "refused": 400,
    "later": 503,
    "doubtful": 502,
    "busy": 409,
    "expired": 410,
    "used": 410,
    "withdrawn": 410,
    "unknown": 404,
    "many": 429,
}
WITH_FORM: Final = frozenset(("open", "refused", "later", "doubtful"))


@dataclass(frozen=True, slots=True)
class Opened:
    """What to show of a link, in the words of the person whose it is. `because`: the code of what was refused."""

    state: Standing | Outcome | Literal["many"]
    words: Words
    because: str | None = None
    person: str = ""
    account: str = ""
    until: datetime | None = None
    shortest: int | None = None
    """Characters that the store's rules ask for at least, where they are known."""


class Resets(Protocol):
    async def look(self, token: str) -> Opened:
        """Changes nothing."""

    async def choose(self, token: str, password: str) -> Opened:
        """Sets the password, once a link."""


def add_reset(app: web.Application, guard: Guard, resets: Resets, now: Callable[[], float] = time.monotonic) -> None:
    """Adds /reset/{token} and its style sheet. `now`: seconds of a clock that never goes back."""
    page = _Page(resets, RateLimit(TRIES, now), RateLimit(MISSES, now))
    app.router.add_get("/reset/{token}", guard.anyone(page.look, html=True))
    app.router.add_post("/reset/{token}", guard.anyone(page.choose, html=True))
    app.router.add_get("/console/reset.css", guard.anyone(_style()))


@dataclass(frozen=True, slots=True)
class _Page:
    resets: Resets
    tries: RateLimit
    misses: RateLimit

    async def look(self, request: web.Request) -> web.Response:
        opened = await self.resets.look(request.match_info["token"])
        return self._shown(request, opened)

    async def choose(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        opened = await self.resets.look(token)
        if opened.state != "open":
            return self._shown(request, opened)
        if not self.tries.allows(hashed(token)):
            return _many(opened.words)
        entries = await _entries(request)
        if entries is None:
            return _page(opened, "password_too_long", 413)
        password, again = entries
        if problem := _slip(password, again):
            return _page(opened, problem, 400)
        return self._shown(request, await self.resets.choose(token, password))

    def _shown(self, request: web.Request, opened: Opened) -> web.Response:
        if opened.state == "unknown" and not self.misses.allows(request.remote or ""):
            return _many(opened.words)
        return _page(opened, _problem(opened), STATUS[opened.state])


async def _entries(request: web.Request) -> tuple[str, str] | None:
    """Both entries; None where they are longer than any password. Raises the HTTP error of what is no form, without what was sent."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType(text="Send the form of this page.")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > LARGEST:
            return None
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=8)
    except ValueError:
        # Not from the error: it holds what was sent.
        raise web.HTTPBadRequest(text="That form cannot be read.") from None
    return fields.get("password", [""])[0], fields.get("again", [""])[0]


def _slip(password: str, again: str) -> str:
    """What is wrong before anybody is asked; empty when nothing is."""
    if not password:
        return "missing"
    if password != again:
        return "different"
    return "password_too_long" if len(password) > LONGEST else ""


def _problem(opened: Opened) -> str:
    """The key of what is said above the form."""
    match opened.state:
        case "refused":
            because = opened.because or ""
            if because == "password_too_short" and opened.shortest is not None:
                return "password_too_short.known"
            known = because.startswith("password_") and opened.words.messages.has(f"reset.problem.{because}")
            return because if known else "other"
        case "later" | "doubtful":
            return opened.state
    return ""


def _many(words: Words) -> web.Response:
    return _page(Opened("many", words), "", 429)


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # when the first page is asked for: a start is quicker without

    return Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined).get_template("reset.html")


def _page(opened: Opened, problem: str, status: int) -> web.Response:
    words, form = opened.words, opened.state in WITH_FORM
    html = _template().render(
        title=words("reset.title.form") if form else words(f"reset.title.{opened.state}"),
        text="" if form else words(f"reset.text.{opened.state}"),
        form=form,
        problem=words(f"reset.problem.{problem}", shortest=opened.shortest or 0) if problem else "",
        hello=words("reset.page.hello", person=opened.person) if opened.person else "",
        account=opened.account,
        password=words("reset.page.password"),
        again=words("reset.page.again"),
        rules=words("reset.page.rules") if opened.shortest is None else words("reset.page.rules.known", shortest=opened.shortest),
        set=words("reset.page.set"),
        until=words("reset.page.until", until=opened.until) if opened.until is not None else "",
    )
    headers = {
        # A form's POST says where it comes from only under a policy that may tell the own site.
        "Referrer-Policy": "same-origin",
        "X-Robots-Tag": "noindex, nofollow",
    }
    if status in (429, 503):
        headers["Retry-After"] = "60"
    return web.Response(text=html, content_type="text/html", status=status, headers=headers)


def _style() -> Callable[[web.Request], Awaitable[web.Response]]:
    content = "".join((HERE / "static" / name).read_text(encoding="utf-8") for name in ("step_up.css", "reset.css"))

    async def style(request: web.Request) -> web.Response:
        return web.Response(text=content, content_type="text/css")

    return style
