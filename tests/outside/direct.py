"""The servers of the fault tests, asked and prepared directly: nothing stands between, and nothing of Foyer's code is used."""

from dataclasses import dataclass

from tests.outside import company
from tests.outside.proxy import FaultProxy, asks
from tests.outside.scim import ScimService
from tests.outside.slapd import Slapd

EDITORS = "Figma Editors"
DANA = "dana@acme.example"


@dataclass(frozen=True, slots=True)
class ScimMembers:
    """Dana as an editor of Figma, by SCIM. `proxy` knows what reached the server."""

    service: ScimService
    proxy: FaultProxy

    async def has(self) -> bool:
        users = await self.service.users()
        return DANA in await self.service.members(EDITORS) and users[DANA].get("active") is not False

    async def effects(self) -> int:
        """Changes of the group that the server took."""
        changes = self.proxy.reached(asks("PATCH", "PUT", target="/Groups/"))
        return len([one for one in changes if one.told is not None and one.told < 300])

    async def listed(self) -> int:
        accounts = [one for one in (await self.service.ask("GET", "/Users"))["Resources"] if one["userName"].lower() == DANA]
        groups = (await self.service.ask("GET", "/Groups"))["Resources"]
        members = [one["value"] for group in groups if group["displayName"] == EDITORS for one in group.get("members", [])]
        return max([len(accounts), *(members.count(one["id"]) for one in accounts)])


@dataclass(frozen=True, slots=True)
class LdapMembers:
    """Dana in the group of Figma's editors."""

    slapd: Slapd

    async def has(self) -> bool:
        return company.dn_of(company.LOCKED) in await self.slapd.members(GROUP)

    async def effects(self) -> int:
        return len(self.slapd.writes(GROUP))

    async def listed(self) -> int:
        found = await self.slapd.entry(GROUP)
        assert found is not None
        return found["member"].count(company.dn_of(company.LOCKED))


@dataclass(frozen=True, slots=True)
class LdapLock:
    """Dana's account, which she locked by wrong passwords."""

    slapd: Slapd

    async def has(self) -> bool:
        return "pwdaccountlockedtime" not in await self.slapd.person(company.LOCKED)

    async def effects(self) -> int:
        return len(self.slapd.writes(company.dn_of(company.LOCKED)))

    async def listed(self) -> int:
        return 1


[GROUP] = [one.dn for one in company.held() if (one.application, one.role) == ("figma", "editor")]
