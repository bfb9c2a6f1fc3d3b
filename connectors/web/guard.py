"""What every route of the web chat is wrapped in: where the caller is, which page sent them, who they are, how an error looks.

The sandbox sign-in asks for no password. It is safe only as long as nobody but the person at this machine can reach it, so in that
mode everything is refused unless the connection comes from loopback and the Host is a loopback name with the port that is served:
a page of another site that points its own name at 127.0.0.1 fails the second test. A proxy on this machine passes both if it
says neither whom it serves nor under which name, which is how nginx comes: whoever lets others reach the server gives no sign-in
here at all, and a proxy that does say so is refused in any case.
"""

import json
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from connectors.calling.codes import FOR_OPERATOR, cause
from connectors.errors import ConnectorError, Retry
from connectors.ports.records import Clock
from connectors.web.session import SignedIn, SignIn, cookie_name, unseal

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PersonHandler = Callable[[web.Request, SignedIn], Awaitable[web.StreamResponse]]

QUIET = timedelta(minutes=1)
"""After a failed call was logged, the same one is not logged again for so long."""
JSON_LIMIT = 1_000_000
TELL_IT = "Please tell your IT support: the log says what is wrong."
SAFE = {"GET", "HEAD"}
FORWARDED = {"forwarded", "via", "x-real-ip"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Wraps handlers. `sign_in` None: there is no sign-in on this installation, and nobody is anybody. `address`: under which people
    reach it, where that is another than its own: what comes through a proxy that ends TLS has come by http as far as is seen here.
    """

    def __init__(self, sign_in: SignIn | None, secret: bytes, clock: Clock, address: str | None = None) -> None:
        self._sign_in = sign_in
        self._secret = secret
        self._clock = clock
        self._address = urlsplit(address)[:2] if address else None
        self._logged: dict[tuple[str, str], datetime] = {}
        self.cookie = cookie_name(secret)

    def anyone(self, handler: Handler, *, html: bool = False) -> Handler:
        """For callers who need not be signed in. `html`: errors are pages, not JSON."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                self._check_place(request)
                self._check_origin(request)
                response = await handler(request)
            except web.HTTPException as error:
                response = error if error.status < 400 else _refusal(error.status, error.text or error.reason, html)
            except ConnectorError as error:
                self._log(error, _route(request))
                response = _refusal(*_unanswered(error), html)
            except HttpProcessingError:
                response = _refusal(400, "That request cannot be read.", html)
            except (ConnectionResetError, TimeoutError):
                raise
            except Exception:
                log.exception("web_failed", path=_route(request))
                response = _refusal(500, "Something went wrong on our side. It is in the log; please try again.", html)
            if not response.prepared:
                protect(response)
            return response

        return guarded

    def _log(self, error: ConnectorError, path: str) -> None:
        """One line a minute for each: an open page asks again and again while a system is away."""
        now, last = self._clock(), self._logged.get((error.code, path))
        if last is None or not timedelta(0) <= now - last < QUIET:
            self._logged[error.code, path] = now
            log.warning("web_connector_failed", connector=error.connector, code=error.code, path=path)

    def signed_in(self, handler: PersonHandler) -> Handler:
        """For the person whose session this is; 401 otherwise."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            return await handler(request, await self.person(request))

        return self.anyone(guarded)

    async def person(self, request: web.Request) -> SignedIn:
        """Who is asking, with what they may do now. Raises HTTPUnauthorized; HTTPServiceUnavailable while the directory is away: then
        nobody is shown anything, for nobody knows what they may see.
        """
        email = unseal(request.cookies.get(self.cookie, ""), self._secret, self._clock())
        try:
            person = await self._sign_in.verify(email) if email and self._sign_in else None
        except Retry as error:
            self._log(error, _route(request))
            what, then = ("is not set up right", f" {TELL_IT}") if cause(error) in FOR_OPERATOR else ("cannot be reached", "")
            raise web.HTTPServiceUnavailable(text=f"The directory {what}, so Foyer does not know who you are.{then}") from error
        if person is None:
            raise web.HTTPUnauthorized(text="Please sign in first.")
        return person

    def _check_place(self, request: web.Request) -> None:
        if self._sign_in is None:
            return
        if not local(request):
            raise web.HTTPForbidden(text="The sandbox sign-in works on this machine only, under its own address.")

    def _check_origin(self, request: web.Request) -> None:
        if request.method in SAFE:
            return
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if origin is None:
            # A browser always says where a POST comes from; other programs have neither header and no cookie jar to abuse.
            allowed = site is None
        else:
            parts = urlsplit(origin)
            ours = (parts.scheme, parts.netloc) in ((request.scheme, request.host), self._address)
            allowed = ours and site in (None, "same-origin")
        if not allowed:
            raise web.HTTPForbidden(text="This came from another site and was not carried out.")


def local(request: web.Request) -> bool:
    """Whether a request comes from this machine, straight, and names it by a loopback name and the served port."""
    transport = request.transport
    if transport is None or any(name in FORWARDED or name.startswith("x-forwarded") for name in map(str.lower, request.headers)):
        return False
    served = transport.get_extra_info("socket")
    peer = transport.get_extra_info("peername")
    try:
        host = urlsplit(f"//{request.host}")
        name, port = host.hostname, host.port
    except ValueError:
        return False
    if name not in ("localhost", "127.0.0.1", "::1") or host.username is not None:
        return False
    if served is not None and served.family == socket.AF_UNIX:
        return True
    address = transport.get_extra_info("sockname")
    return bool(peer) and peer[0] in ("127.0.0.1", "::1", "::ffff:127.0.0.1") and (port or 80) == address[1]


async def read_json(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request, at most JSON_LIMIT bytes. Raises the HTTP error that says what is wrong."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send JSON (Content-Type: application/json).")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > JSON_LIMIT:
            raise web.HTTPRequestEntityTooLarge(JSON_LIMIT, len(body), text="That is more than 1 MB; please send less at once.")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(text="That is not valid JSON.") from error
    if not isinstance(content, dict):
        raise web.HTTPBadRequest(text="Send a JSON object.")
    return content


def text_of(content: dict[str, Any], name: str, *, default: str | None = None) -> str:
    """A text of a JSON body, without what no database stores: NUL and other control characters, lone surrogates."""
    value = content.get(name, default)
    if not isinstance(value, str):
        raise web.HTTPBadRequest(text=f"“{name}” is missing or not a text.")
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in whole.replace("\r\n", "\n") if c >= " " or c in "\n\t").replace("\x7f", "")


def protect(response: web.StreamResponse) -> None:
    """The headers every response has: no foreign scripts, frames, guesses at the type, or referrers."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


def _unanswered(error: ConnectorError) -> tuple[int, str]:
    """The status and the words for what a system behind this did not do."""
    if cause(error) in FOR_OPERATOR:
        return 503, f"A system behind this is not set up right. {TELL_IT}"
    if isinstance(error, Retry):
        return 503, "A system behind this did not answer. Please try again in a moment."
    if error.code == "ambiguous":
        return 409, "More than one person has this address in the directory. Ask your IT support to give each one of their own."
    return 502, "A system behind this refused. It is in the log; ask your IT support if it lasts."


def _refusal(status: int, sentence: str, html: bool) -> web.Response:
    if html:
        return web.Response(status=status, text=sentence, content_type="text/plain")
    return web.json_response({"error": sentence}, status=status)


def _route(request: web.Request) -> str:
    """The route's pattern: a path may hold a token or an id, and neither belongs into a log."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "?"
