"""What Microsoft signs with, and where the bot signs in: an OpenID document with its keys, and a token endpoint.

`routes()` can be added to any application; `origin` is where that is served ("http://127.0.0.1:1234").
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from time import time
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

Json = dict[str, Any]
ISSUER = "https://api.botframework.com"
SERVICE_URL = "https://smba.trafficmanager.net/emea/"
ENDORSED = ("msteams", "webchat", "directline", "skype")
DOCUMENT, JWKS = "/v1/.well-known/openidconfiguration", "/v1/.well-known/keys"


@cache
def _rsa(number: int) -> RSAPrivateKey:
    """Made once a process: they take a while."""
    return generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True, slots=True)
class Key:
    """`endorsements`: the platforms whose messages it may sign."""

    kid: str
    private: RSAPrivateKey
    endorsements: tuple[str, ...] = ENDORSED

    def published(self) -> Json:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key()))
        named = {"kid": self.kid, "x5t": self.kid, "use": "sig", "alg": "RS256"}
        return {**public, **named, **({"endorsements": list(self.endorsements)} if self.endorsements else {})}


@dataclass
class FakeOpenId:
    """Signs as the Bot Connector does for the app `audience`. `status`: what it answers instead of its document."""

    audience: str = "11111111-2222-3333-4444-555555555555"
    origin: str = ""
    keys: list[Key] = field(default_factory=list)
    status: int = 200
    body: str | None = None
    """Answered instead of the keys."""
    asked: int = 0
    """How often the keys were fetched."""
    hanging: asyncio.Event | None = None
    """While it is there and not set, nothing is answered."""
    made: int = 0

    def __post_init__(self) -> None:
        if not self.keys:
            self.rotate()

    @property
    def url(self) -> str:
        return f"{self.origin}{DOCUMENT}"

    def rotate(self, endorsements: Sequence[str] = ENDORSED) -> Key:
        """Another key takes the place of all that were published."""
        self.keys = [self.stranger(endorsements)]
        return self.keys[0]

    def stranger(self, endorsements: Sequence[str] = ENDORSED, *, kid: str | None = None) -> Key:
        """A key that is not published."""
        self.made += 1
        return Key(kid or f"key-{self.made}", _rsa(self.made), tuple(endorsements))

    def token(
        self,
        *,
        audience: str | None = None,
        issuer: str = ISSUER,
        serviceurl: str | None = SERVICE_URL,
        expires: float | None = 3600.0,
        begins: float = -60.0,
        kid: str | None = None,
        key: Key | None = None,
        algorithm: str = "RS256",
        secret: Any = None,
        **claims: Any,
    ) -> str:
        """`expires` and `begins` in seconds from now. None leaves a claim out. `secret` signs instead of `key`, as `algorithm` wants it."""
        signing = key or self.keys[-1]
        now = int(time())
        said: Json = {"iss": issuer, "aud": self.audience if audience is None else audience, "serviceurl": serviceurl, **claims}
        said |= {"nbf": now + int(begins), "exp": now + int(expires) if expires is not None else None}
        private = signing.private if secret is None else secret
        headers = {"kid": kid or signing.kid, "x5t": kid or signing.kid}
        return jwt.encode({name: value for name, value in said.items() if value is not None}, private, algorithm=algorithm, headers=headers)

    def header(self, **changes: Any) -> dict[str, str]:
        """An Authorization header; `changes` as for `token`."""
        return {"Authorization": f"Bearer {self.token(**changes)}"}

    def routes(self) -> Sequence[web.RouteDef]:
        return [web.get(DOCUMENT, self._document), web.get(JWKS, self._jwks)]

    async def _document(self, request: web.Request) -> web.Response:
        if self.hanging is not None:
            await self.hanging.wait()
        if self.status != 200:
            return web.Response(status=self.status)
        return web.json_response({"issuer": ISSUER, "jwks_uri": f"{self.origin}{JWKS}", "id_token_signing_alg_values_supported": ["RS256"]})

    async def _jwks(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.body is not None:
            return web.Response(text=self.body, content_type="application/json")
        return web.json_response({"keys": [key.published() for key in self.keys]})


@dataclass
class FakeLogin:
    """Microsoft Entra's token endpoint, for one app with one secret. `tenants`: those that there are."""

    app_id: str = "11111111-2222-3333-4444-555555555555"
    secret: str = "right-secret"
    tenants: frozenset[str] = frozenset({"aaaaaaaa-0000-0000-0000-000000000001", "botframework.com"})
    origin: str = ""
    expires_in: int = 3600
    answer: tuple[int, Mapping[str, Any] | str] | None = None
    """Given instead of a token."""
    asked: list[Json] = field(default_factory=list)
    """The forms that a token was asked for with, and the tenant."""
    discovered: int = 0
    at_once: int = 0
    most_at_once: int = 0
    hanging: asyncio.Event | None = None

    def issued(self, number: int) -> str:
        """The token that the `number`th question was answered with, from 1."""
        return f"token-{number}"

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._discover),
            web.post("/{tenant}/oauth2/v2.0/token", self._token),
            web.get("/managed", self._managed),
        ]

    async def _discover(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        self.discovered += 1
        if tenant not in self.tenants:
            return web.json_response(_aadsts("invalid_tenant", 90002, f"Tenant '{tenant}' not found."), status=400)
        base = f"{self.origin.replace('http://', 'https://')}/{tenant}"
        return web.json_response(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "issuer": f"{base}/v2.0",
            }
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append({**form, "tenant": request.match_info["tenant"]})
        return await self._counted(len(self.asked), self._why_not(form))

    async def _managed(self, request: web.Request) -> web.Response:
        """As App Service serves managed identities."""
        self.asked.append(dict(request.query))
        if request.query.get("client_id") != self.app_id:
            return web.json_response({"statusCode": 400, "message": "No User Assigned or Delegated Managed Identity found"}, status=400)
        token = self.issued(len(self.asked))
        return web.json_response({"access_token": token, "expires_on": str(int(time()) + self.expires_in), "token_type": "Bearer"})

    async def _counted(self, number: int, refusal: web.Response | None) -> web.Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.hanging is not None:
                await self.hanging.wait()
        finally:
            self.at_once -= 1
        return refusal or web.json_response(
            {"access_token": self.issued(number), "expires_in": self.expires_in, "ext_expires_in": self.expires_in, "token_type": "Bearer"}
        )

    def _why_not(self, form: Mapping[str, str]) -> web.Response | None:
        if self.answer is not None:
            status, said = self.answer
            return web.Response(status=status, text=said) if isinstance(said, str) else web.json_response(said, status=status)
        if form.get("client_id") != self.app_id:
            return web.json_response(_aadsts("unauthorized_client", 700016, "Application was not found in the directory."), status=400)
        if form.get("client_secret") != self.secret:
            return web.json_response(_aadsts("invalid_client", 7000215, "Invalid client secret provided."), status=401)
        return None


@asynccontextmanager
async def served(*fakes: FakeOpenId | FakeLogin) -> AsyncIterator[str]:
    """On this machine, while the block runs; where."""
    app = web.Application()
    for fake in fakes:
        app.add_routes(fake.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    for fake in fakes:
        fake.origin = origin
    try:
        yield origin
    finally:
        for fake in fakes:
            if fake.hanging is not None:
                fake.hanging.set()
        await runner.cleanup()


def _aadsts(error: str, code: int, said: str) -> Json:
    description = f"AADSTS{code}: {said} Trace ID: 0 Correlation ID: 0"
    return {"error": error, "error_description": description, "error_codes": [code]}
