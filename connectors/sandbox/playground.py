"""The sandbox company in Microsoft's Agents Playground, which stands in for Teams where there is no tenant."""

from typing import Any

from connectors.sandbox.facts import DANA, KIM, NAMED, OMAR, PRIYA, SAM, VIC, Named
from connectors.sandbox.people import TENANT, object_id

FILE = ".m365agentsplayground.yml"
"""Read by the playground from the folder that it is started in."""
PEOPLE = (DANA, PRIYA, SAM, OMAR, KIM, VIC)
"""It starts with no fewer."""
BOT = "28:foyer"
PERSONAL_CHAT, GROUP_CHAT, CHANNEL = "personal-chat-id", "group-chat-id", "channel-support"


def configuration(email: str) -> dict[str, Any]:
    """What the playground reads, with this one of PEOPLE at its screen. Raises ValueError with whom there is."""
    known = {one.email: one for one in NAMED if one.key in PEOPLE}
    if email.lower() not in known:
        raise ValueError(f"{email} is nobody whom the playground can show. There are {', '.join(known)}.")
    first = known.pop(email.lower())
    return {
        "version": "0.1.1",
        "tenantId": TENANT,
        "bot": {"id": BOT, "name": "Foyer"},
        "currentUser": _account(first),
        "users": [_account(one) for one in known.values()],
        "personalChat": {"id": PERSONAL_CHAT},
        "groupChat": {"id": GROUP_CHAT, "name": "Group Chat"},
        "team": {
            "id": "team-id",
            "name": "Acme",
            "aadGroupId": "00000000-0000-0000-0000-000000000031",
            "channels": [{"id": CHANNEL, "name": "Support"}],
        },
    }


def _account(one: Named) -> dict[str, str]:
    first, _, last = one.name.partition(" ")
    names = {"givenName": first, "surname": last, "email": one.email, "userPrincipleName": one.email}
    return {"id": f"user-{one.key}", "name": one.name, "aadObjectId": object_id(one.key)} | names
