"""Acme's own sign-in service, as far as a browser sees it: the page behind a one-time link, where a new password is chosen.

It is the outside company's page, not Foyer's: another look, another name, and the password goes from the browser to the company
without passing through anything that Foyer writes or logs.
"""

from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path
from typing import Protocol

from aiohttp import web

from connectors.sandbox.accounts import MAX_LENGTH, MIN_LENGTH, LinkState, Redeemed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STYLE = Path(__file__).with_name("pages.css")

REFUSALS = {
    Redeemed.TOO_SHORT: f"Use at least {MIN_LENGTH} characters.",
    Redeemed.TOO_LONG: f"Use at most {MAX_LENGTH} characters.",
    Redeemed.TOO_SIMPLE: "That is too easy to guess: use more different characters, and neither your name nor your address.",
    Redeemed.REUSED: "That is the password you have already. Choose another one.",
}
CLOSED = {
    "expired": "This link has run out. Ask for a new one.",
    "used": "This link was used already. A link works once.",
    "withdrawn": "This link is no longer valid: it was withdrawn, or a newer one was sent.",
    "unknown": "We do not know this link. Check that you opened the whole address.",
}
DIFFERENT = "The two entries are not the same."


class Passwords(Protocol):
    """The part of `SandboxCompany` that the page needs."""

    async def reset_link(self, token: str) -> LinkState: ...

    async def redeem_reset_link(self, token: str, new_password: str) -> Redeemed: ...


def add_reset_page(app: web.Application, company: Passwords, protect: Callable[[Handler], Handler]) -> None:
    """Adds /sandbox/reset/{token}. `protect` wraps each handler with the server's checks; errors are plain text."""

    async def look(request: web.Request) -> web.Response:
        state = await company.reset_link(request.match_info["token"])
        return _form() if state is LinkState.OPEN else _closed(state.value)

    async def redeem(request: web.Request) -> web.Response:
        sent = await request.post()
        first, second = str(sent.get("password", "")), str(sent.get("again", ""))
        token = request.match_info["token"]
        if first != second:
            state = await company.reset_link(token)
            return _form(DIFFERENT) if state is LinkState.OPEN else _closed(state.value)
        result = await company.redeem_reset_link(token, first)
        if result is Redeemed.CHANGED:
            return _page("Password changed", "<p>You can sign in with your new password from now on. You may close this page.</p>")
        return _form(REFUSALS[result]) if result in REFUSALS else _closed(result.value)

    async def style(request: web.Request) -> web.Response:
        return web.Response(text=STYLE.read_text(encoding="utf-8"), content_type="text/css")

    app.router.add_get("/sandbox/reset/{token}", protect(look))
    app.router.add_post("/sandbox/reset/{token}", protect(redeem))
    app.router.add_get("/sandbox/pages.css", protect(style))


def _form(problem: str = "") -> web.Response:
    alert = f'<p class="problem" role="alert" id="problem">{escape(problem)}</p>' if problem else ""
    describe = 'aria-describedby="rules problem" aria-invalid="true"' if problem else 'aria-describedby="rules"'
    fields = "".join(
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" type="password" autocomplete="new-password" required maxlength="200" {describe}>'
        for name, label in (("password", "New password"), ("again", "The same again"))
    )
    rules = "".join(
        f"<li>{rule}</li>" for rule in (f"{MIN_LENGTH} to {MAX_LENGTH} characters", "not your name or address", "not your current one")
    )
    body = f'{alert}<form method="post">{fields}<ul id="rules">{rules}</ul><button>Set password</button></form>'
    return _page("Choose a new password", body, 400 if problem else 200)


def _closed(state: str) -> web.Response:
    return _page("This link does not work", f"<p>{escape(CLOSED[state])}</p>", 410)


def _page(title: str, body: str, status: int = 200) -> web.Response:
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{escape(title)} - Acme sign-in</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/sandbox/pages.css"></head>
<body><header><strong>ACME</strong> sign-in</header><main><h1>{escape(title)}</h1>{body}</main>
<footer>Acme identity services (sandbox). Nobody at Acme ever asks for your password.</footer></body></html>"""
    # A form's POST says where it comes from only under a policy that may tell the own site.
    return web.Response(text=html, content_type="text/html", status=status, headers={"Referrer-Policy": "same-origin"})
