"""Who may speak to the fake Teams: the tokens that its login gave out, by scope; and what it signs with itself."""

from itertools import count

from aiohttp import web

from tests.fakes.teams.openid import FakeLogin, FakeOpenId


class Login:
    """Also what a client takes its tokens from where a test needs no login of Microsoft's: `token`, `forget`."""

    def __init__(self, app_id: str, secret: str, tenant: str) -> None:
        self.openid = FakeOpenId(audience=app_id)
        self.entra = FakeLogin(app_id=app_id, secret=secret, tenants=frozenset({tenant, "botframework.com"}))
        self.forgotten: list[str] = []
        self._given: dict[str, str] = {}
        self._numbers = count(1)
        self._revoked = 0

    def add_routes(self, app: web.Application) -> None:
        app.add_routes([*self.openid.routes(), *self.entra.routes()])

    def stand_at(self, origin: str) -> None:
        self.openid.origin = self.entra.origin = origin

    async def token(self, scope: str) -> str:
        return self.give(scope)

    def forget(self, scope: str) -> None:
        self.forgotten.append(scope)

    def give(self, scope: str) -> str:
        token = f"given-{next(self._numbers)}"
        self._given[token] = scope
        return token

    def accepts(self, token: str, scope: str) -> bool:
        for n, asked in enumerate(self.entra.asked, 1):
            if n > self._revoked and token == self.entra.issued(n):
                return scope in (asked.get("scope"), f"{asked.get('resource')}/.default")
        return self._given.get(token) == scope

    def revoke(self) -> None:
        """No token that was given so far is good any more."""
        self._given.clear()
        self._revoked = len(self.entra.asked)

    def inbound(self, service_url: str) -> str:
        """What proves to the bot that Teams speaks."""
        return self.openid.token(serviceurl=service_url)
