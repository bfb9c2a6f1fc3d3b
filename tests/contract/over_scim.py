"""The company's applications behind SCIM services, ready to be put through the contract of Access."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from bot.access import JoinedAccess, Source
from connectors.sandbox import facts
from tests.connectors.scim.stage import another_service, stage
from tests.contract.cases import AccessCase
from tests.outside.proxy import APPLY_THEN_CUT, CUT, Fault, FaultProxy, When, always, answer, asks


@asynccontextmanager
async def _access(folder: Path, editor: str, *, patch: bool = True, has_account: bool = True) -> AsyncIterator[AccessCase]:
    """Three applications, each behind a service of its own. `editor`: what the role is there, a group or a role."""
    async with stage(folder) as on:
        slack, intranet = another_service(), another_service()
        await on.service.make_group("Editors")
        if has_account:
            await on.service.make_user("dana@acme.example")
        await slack.make_group("Members", [await slack.make_user("dana@acme.example")])
        if not patch:
            on.proxy.plan(answer(501), when=asks("PATCH"), times=None)
        roles = {"editor": {editor: "Editors"}, "viewer": {"entitlement": "view"}}
        made = {
            "figma": on.connect(roles, owner="priya@acme.example", default_role="viewer"),
            "slack": on.connect({"member": {"group": "Members"}}, key="slack", service=slack),
            "old-intranet": on.connect({"reader": {"role": "reader"}}, key="old-intranet", service=intranet),
        }
        sources = {key: Source(one.access, frozenset({key})) for key, one in made.items()}
        keys = [f"e{number}" for number in range(2001, 2001 + facts.HEADCOUNT - len(facts.NAMED))]
        found = [await on.people.get(key) for key in keys]

        async def departs() -> None:
            on.delete_person(facts.DANA)

        yield AccessCase(
            port=JoinedAccess(sources, {key: key for key in sources}),
            clock=on.clock,
            person=facts.DANA,
            leaver=next(person.key for person in found if person is not None and not person.active),
            application="figma",
            role="editor",
            ownerless="old-intranet",
            permanent=("slack", "member"),
            departs=departs,
            unreachable=partial(_plan, on.proxy, CUT, always),
            answer_lost=partial(_plan, on.proxy, APPLY_THEN_CUT, asks("POST", "PATCH" if patch else "PUT")),
        )


async def _plan(proxy: FaultProxy, fault: Fault, when: When) -> None:
    proxy.plan(fault, when=when)


SCIM_ACCESSES: dict[str, Callable[[Path], AbstractAsyncContextManager[AccessCase]]] = {
    "scim groups": partial(_access, editor="group"),
    "scim groups by PUT": partial(_access, editor="group", patch=False),
    "scim roles, new account": partial(_access, editor="role", has_account=False),
}
