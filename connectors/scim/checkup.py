"""What `foyer doctor` asks of a SCIM service, in words; it only reads."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from connectors.calling.declared import DeclaredRole
from connectors.errors import ConnectorError
from connectors.ports.calls import Finding
from connectors.scim.client import ScimClient
from connectors.scim.resources import Offered, values
from connectors.scim.settings import ScimSettings

SKEW: Final = 60.0
"""Seconds by which two clocks may differ."""
LOOKED_THROUGH: Final = 1000
"""Users whose roles and entitlements are listed."""

_MEND: Final = {
    "unreachable": "Look at url, the network between, and whether the service is up.",
    "timeout": "Look at the network between, and whether the service is up; raise timeout where it is only slow.",
    "unavailable": "Look at the service: it is there and fails.",
    "connection_lost": "Look at what stands between: a proxy, a firewall.",
    "bad_certificate": "Renew the service's certificate, or name the authority that issued it in ca_file.",
    "bad_credentials": "Renew the token (or password, or client_secret) at the service, and put it where foyer.yaml says.",
    "not_permitted": "Give Foyer's account there the right to read and write users and groups.",
    "misconfigured": "Correct url: it is the address before /Users.",
    "bad_answer": "Correct url: what answers there does not speak SCIM.",
    "rate_limited": "Try again later; set requests_per_second.",
}
_USUAL: Final = "Look at the service."


class Checkup:
    def __init__(self, name: str, settings: ScimSettings, client: ScimClient) -> None:
        self._name = name
        self._settings = settings
        self._client = client

    async def findings(self) -> Sequence[Finding]:
        """From the network upwards; what cannot be asked because of an earlier one is left out."""
        host = urlsplit(self._settings.url).netloc
        try:
            offered = await self._client.offered()
            users = await self._client.count("User")
        except ConnectorError as error:
            return [_broken(error, host)]
        tls = self._settings.url.startswith("https:")
        found = [
            Finding("reach", True, f"{host} answers"),
            Finding("certificate", tls, "its certificate holds") if tls else _plain(host),
            Finding("credentials", True, f"accepted; {users} users can be read"),
            _offer(offered),
            self._clock(),
        ]
        if any(role.group is not None for role in self._settings.application.roles.values()):
            try:
                groups = await self._client.count("Group")
                found.append(Finding("rights", True, f"{groups} groups can be read; writing cannot be tried without writing"))
            except ConnectorError as error:
                found.append(_broken(error, host))
        for name, role in self._settings.application.roles.items():
            found.append(await self._role(name, role, offered))
        return found

    async def offers(self) -> Mapping[str, Sequence[str]]:
        """Roles and entitlements are those that the service declares, and those of the first users."""
        offered = await self._client.offered()
        groups = sorted([str(one.get("displayName") or one["id"]) async for one in self._client.each("Group")])
        seen = {name: set(offered.values.get(name, ())) for name in ("roles", "entitlements")}
        looked = 0
        async for user in self._client.each("User"):
            for name, had in seen.items():
                had |= values(user, name)
            looked += 1
            if looked == LOOKED_THROUGH:
                break
        return {"group": groups, "role": sorted(seen["roles"]), "entitlement": sorted(seen["entitlements"])}

    def _clock(self) -> Finding:
        skew = self._client.wire.skew
        if skew is None:
            return Finding("clock", True, "the service does not tell the time")
        said = f"the service's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
        return Finding("clock", abs(skew) <= SKEW, said, "" if abs(skew) <= SKEW else "Set this machine's clock by NTP.")

    async def _role(self, name: str, role: DeclaredRole, offered: Offered) -> Finding:
        where = f"application.roles.{name}"
        if role.group is not None:
            return await self._group(where, role.group)
        attribute, value = ("roles", role.role) if role.role is not None else ("entitlements", role.entitlement)
        known = offered.values.get(attribute, ())
        if not known:
            return Finding(where, True, f"{attribute} {value!r}: the service does not say which there are")
        if value in known:
            return Finding(where, True, f"{attribute} {value!r} is one of the service's")
        return Finding(where, False, f"{attribute} {value!r} is none of the service's", f"Name one of {', '.join(known)}.")

    async def _group(self, where: str, group: str) -> Finding:
        try:
            named = await self._client.find("Group", "displayName", group)
            if not named and await self._client.read("Group", group) is None:
                mend = f"Correct the name; `foyer connectors offers {self._name}` lists them."
                return Finding(where, False, f"there is no group {group!r}", mend)
        except ConnectorError as error:
            return Finding(where, False, error.detail or error.code, _MEND.get(error.code, _USUAL))
        if len(named) > 1:
            ids = ", ".join(sorted(str(one["id"]) for one in named))
            return Finding(where, False, f"{len(named)} groups are called {group!r}", f"Name one by its id: {ids}.")
        return Finding(where, True, f"group {group!r} is there")


def _broken(error: ConnectorError, host: str) -> Finding:
    name = {"bad_certificate": "certificate", "bad_credentials": "credentials", "not_permitted": "rights"}.get(error.code, "reach")
    return Finding(name, False, f"{host}: {error.detail or error.code}", _MEND.get(error.code, _USUAL))


def _plain(host: str) -> Finding:
    local = host.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]")
    return Finding("certificate", local, "http: neither token nor people's data are protected on the way", "" if local else "Use https.")


def _offer(offered: Offered) -> Finding:
    if not offered.described:
        return Finding("offers", True, "it tells nothing of itself and is taken as RFC 7644 describes one: PATCH, filters, no bulk")
    words = [
        "changes by PATCH" if offered.patch else "changes by PUT" if offered.patch is False else "PATCH is tried first",
        "searches" if offered.filter is not False else "no searches: all users are read for each look",
        "ETags" if offered.etag else "no ETags: what others change in the same moment may be lost where PUT is used",
        f"bulk of {offered.bulk}" if offered.bulk else "no bulk",
    ]
    return Finding("offers", True, "; ".join(words))
