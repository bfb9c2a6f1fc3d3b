"""A SCIM service that nobody here wrote: PyPI's scim2-server as a process of its own on loopback, one tenant an application.

`async with scim_server() as server: service = server.service("figma")`, and point Foyer to `service.url` with TOKEN.
"""

import asyncio
import atexit
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp

TOKEN = "s3cret"
USER, GROUP = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, slots=True)
class ScimService:
    """One application. What tests do to it and look at goes to the server itself, past any proxy."""

    port: int
    tenant: str

    @property
    def path(self) -> str:
        return f"/{self.tenant}/v2"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    def by(self, base: str) -> str:
        """Its address through a proxy that listens at `base`."""
        return f"{base}{self.path}"

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, self.url + path, json=body) as answer,
        ):
            assert answer.status < 300, await answer.text()
            return {} if answer.status == 204 else dict(await answer.json(content_type=None))

    async def make_group(self, name: str, members: Sequence[str] = ()) -> str:
        """Its id."""
        group = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]}
        return str((await self.ask("POST", "/Groups", group))["id"])

    async def make_user(self, user_name: str, **more: Any) -> str:
        """Its id."""
        return str((await self.ask("POST", "/Users", {"schemas": [USER], "userName": user_name, "active": True, **more}))["id"])

    async def change_user(self, user_id: str, **values: Any) -> None:
        operations = [{"op": "replace", "path": name, "value": value} for name, value in values.items()]
        await self.ask("PATCH", f"/Users/{user_id}", {"schemas": [PATCH], "Operations": operations})

    async def users(self) -> dict[str, dict[str, Any]]:
        """By userName."""
        return {one["userName"]: one for one in (await self.ask("GET", "/Users")).get("Resources", [])}

    async def members(self, group: str) -> set[str]:
        """The userNames of a group's members, by its displayName."""
        names = {one["id"]: name for name, one in (await self.users()).items()}
        groups = (await self.ask("GET", "/Groups")).get("Resources", [])
        [found] = [one for one in groups if one["displayName"] == group]
        return {names[one["value"]] for one in found.get("members", [])}


@dataclass(frozen=True, slots=True)
class ScimServer:
    port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    def service(self, tenant: str) -> ScimService:
        """The application of this name, empty when it is new."""
        return ScimService(self.port, tenant)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def scim_server() -> AsyncIterator[ScimServer]:
    server = _started()
    try:
        yield server
    finally:
        await asyncio.to_thread(server.stop)


@cache
def shared_server() -> ScimServer:
    """One for all tests of this process: they take tenants of their own."""
    server = _started()
    atexit.register(server.stop)
    return server


def _started() -> ScimServer:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    # Where Linux can see to it, it dies with whoever started it, however that ends: with that thread, so never started in a pool's.
    dying = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    server = str(Path(sys.executable).with_name("scim2-server"))
    command = [*dying, server, "--port", str(port), "--bearer-token", TOKEN, "--dynamic-tenants"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    line = process.stdout.readline()  # "Serving SCIM on ...": printed once it listens
    if not line.startswith(b"Serving"):
        process.kill()
        process.wait()
        raise RuntimeError(f"scim2-server did not start on port {port}")
    return ScimServer(port, process)
