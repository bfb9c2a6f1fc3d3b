"""What the operator of this machine can ask of a running Foyer. The command line calls these, in its own process or over
the socket of the process that owns the home; they take and return JSON.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from bot.bootstrap import OPERATOR, App
from bot.doctor import PATIENCE, examine, rounds
from bot.home import Refusal
from bot.language.control import commands as usage_commands
from bot.outside import Connected, Offering
from bot.teaching.control import commands
from bot.words import warnings_of
from connectors.errors import ConnectorError
from connectors.sandbox.connector import SandboxCompany
from knowledge.errors import KnowledgeError
from knowledge.gaps import GapGroup
from knowledge.model import Article, ArticleState, spelled
from knowledge.sources import source_path
from specialists.audit_chain import Checkpoint
from specialists.switch import ALL

Command = Callable[[App, Mapping[str, Any]], Awaitable[Any]]


async def knowledge_add(app: App, given: Mapping[str, Any]) -> Any:
    """`name`: the file's own, or its path from the chosen folder on. Returns whether anything `changed`, and the `warnings` then, too."""
    data, name = base64.b64decode(given["data"]), source_path(given["name"])
    added = await _knowing(app, app.library.add_changed(data, name, by=OPERATOR, audience=given["audience"]))
    warnings = warnings_of(added.article, app.words(OPERATOR)) if added.changed else []
    if not given["publish"] or added.article.state is not ArticleState.DRAFT:
        return {**_article(added.article), "changed": added.changed, "warnings": warnings}
    return {**await knowledge_publish(app, {"id": added.article.id}), "changed": True, "warnings": warnings}


async def knowledge_publish(app: App, given: Mapping[str, Any]) -> Any:
    return _article(await _knowing(app, app.library.publish(given["id"], by=OPERATOR)))


async def knowledge_retire(app: App, given: Mapping[str, Any]) -> Any:
    return _article(await _knowing(app, app.library.retire(given["id"], by=OPERATOR)))


async def knowledge_try(app: App, given: Mapping[str, Any]) -> Any:
    answer = await _knowing(app, app.library.try_question(given["id"], given["question"], by=OPERATOR))
    return [quote.text for quote in answer.quotes]


async def knowledge_list(app: App, given: Mapping[str, Any]) -> Any:
    vocabulary = app.library.vocabulary
    return [{**_article(article), "audience": spelled(article.audience, vocabulary)} for article in await app.library.list()]


async def knowledge_gaps(app: App, given: Mapping[str, Any]) -> Any:
    groups, count = await _knowing(app, app.gaps.groups(OPERATOR))
    return {"groups": [_gap_group(group) for group in groups], "count": count}


async def knowledge_close_gap(app: App, given: Mapping[str, Any]) -> Any:
    return await _knowing(app, app.gaps.close(given["id"], given["as"], OPERATOR))


async def knowledge_reviews(app: App, given: Mapping[str, Any]) -> Any:
    found = []
    for one in await app.reviews.overdue():
        owner = await app.people.name(one.article.owner_id)
        found.append({**_article(one.article), "days": one.days, "owner": owner or one.article.owner_id})
    return found


async def knowledge_review(app: App, given: Mapping[str, Any]) -> Any:
    return _article(await _knowing(app, app.reviews.confirm(given["id"], OPERATOR)))


async def knowledge_reindex(app: App, given: Mapping[str, Any]) -> Any:
    """Works for about a second, and says how far it came: `done` of `total` articles, or the `passages` at the end. `begin`: anew."""
    if given.get("begin"):
        await app.library.projection.forget_index()
    until = time.monotonic() + 1.0
    while await app.library.projection.step():
        if time.monotonic() > until:
            progress = await app.library.projection.progress()
            return {"done": progress.done, "total": progress.total} if progress is not None else {}
    return {"passages": await app.library.projection.count()}


async def audit_verify(app: App, given: Mapping[str, Any]) -> Any:
    await app.audit.seal(app.sessions)
    checkpoint = given.get("checkpoint")
    verified = await app.audit.verify(app.sessions, Checkpoint(**checkpoint) if checkpoint else None)
    return {"ok": verified.ok, "count": verified.count, "first_bad": verified.first_bad, "message": verified.message}


async def audit_checkpoint(app: App, given: Mapping[str, Any]) -> Any:
    await app.audit.seal(app.sessions)
    checkpoint = await app.audit.checkpoint(app.sessions)
    return {"seq": checkpoint.seq, "hash": checkpoint.hash}


async def audit_show(app: App, given: Mapping[str, Any]) -> Any:
    case = str(given["case"]).upper().removeprefix("FOY-")
    request = await app.requests.by_number(int(case)) if case.isdigit() else None
    handoff = await app.handoffs.by_number(int(case)) if case.isdigit() and request is None else None
    if request is not None:
        about, what, state = request.id, request.skill, request.state.value
    elif handoff is not None:
        about, what, state = handoff.request_id or handoff.id, f"handoff to {handoff.assignment_group}", handoff.state.value
    else:
        raise Refusal(f"There is no request and no handoff {given['case']}.")
    people: dict[str, str] = {}
    story = []
    for entry in await app.audit.story(app.sessions, about):
        if entry.actor_id not in people:
            person = await app.people.get(entry.actor_id)
            people[entry.actor_id] = person.name if person is not None else entry.actor_id
        story.append(
            {
                "at": entry.at.isoformat(),
                "kind": entry.kind,
                "event": entry.event,
                "actor": people[entry.actor_id],
                "data": entry.data,
                "private": entry.private,
            }
        )
    return {"case": f"FOY-{case}", "what": what, "state": state, "story": story}


async def connectors_list(app: App, given: Mapping[str, Any]) -> Any:
    """Each connector with its folder, the ports it serves, the applications that it gives, and, where it is not called
    at this moment, the code of why; and the skills that are off, each with the ports that nobody serves."""
    outside = app.outside
    try:
        whose = await outside.ports["access"].whose()
    except ConnectorError:  # then what foyer.yaml says
        whose = outside.applications
    return {
        "connectors": [
            {
                "name": name,
                "folder": outside.folders[name],
                "ports": [port for port, serving in outside.served.items() if name in serving],
                "applications": [key for key, of in whose.items() if of == name],
                "closed_to": outside.guards[name].closed_to,
            }
            for name in outside.connectors
        ],
        "off": {name: list(missing) for name, skill in app.skills.items() if (missing := outside.missing(skill.spec))},
    }


async def connectors_offers(app: App, given: Mapping[str, Any]) -> Any:
    """Kind of thing, as foyer.yaml calls it -> the names that the system has."""
    connector = app.outside.connectors.get(given["name"])
    if connector is None:
        raise Refusal(f"There is no connector {given['name']!r}. There are {', '.join(app.outside.connectors)}.")
    if not isinstance(connector, Offering):
        raise Refusal(f"{given['name']} has nothing that foyer.yaml would name.")
    try:
        async with asyncio.timeout(PATIENCE):
            offered = await connector.offers()
    except ConnectorError as error:
        raise Refusal(f"{given['name']} cannot be asked: {error.code}{f', {error.detail}' if error.detail else ''}.") from error
    except TimeoutError:
        raise Refusal(f"{given['name']} does not answer within {PATIENCE:g} s.") from None
    return {kind: list(names) for kind, names in offered.items()}


async def specialists_list(app: App, given: Mapping[str, Any]) -> Any:
    switches = await app.switch.state()
    everybody = ALL in switches and switches[ALL].paused
    return [
        {
            "name": one.name,
            "display_name": one.display_name,
            "skills": list(one.skills),
            "manager": one.manager,
            "paused": everybody or (one.name in switches and switches[one.name].paused),
        }
        for one in app.roster.specialists.values()
    ]


async def specialists_pause(app: App, given: Mapping[str, Any]) -> Any:
    await app.switch.pause(_known(app, given["name"]), "operator")
    return await specialists_list(app, {})


async def specialists_resume(app: App, given: Mapping[str, Any]) -> Any:
    await app.switch.resume(_known(app, given["name"]), "operator")
    app.committed()
    return await specialists_list(app, {})


def _known(app: App, name: str) -> str:
    if name != ALL and name not in set(app.roster.specialists):
        raise Refusal(f"There is no specialist {name!r}. There are {', '.join(app.roster.specialists)}.")
    return name


_PARTS: Final = {
    "person": "people",
    "account": "accounts",
    "inbox": "enrolled",
    "entitlements": "access",
    "leave": "hr",
    "orders": "purchasing",
    "devices": "devices",
}
"""Of what the sandbox company knows of somebody: the port that it belongs to."""


async def sandbox_show(app: App, given: Mapping[str, Any]) -> Any:
    try:
        return of_sandbox(await _company(app).show(given["person"]), app.outside)
    except ConnectorError:
        raise Refusal(f"Nobody called {given['person']!r} works at the sandbox company; give their address.") from None


def of_sandbox(shown: Mapping[str, Any], outside: Connected) -> dict[str, Any]:
    """Without what another connector serves: of that the sandbox has a copy of its own, which nothing changes."""
    (name,) = (name for name, folder in outside.folders.items() if folder == "sandbox")
    served = {part: outside.served.get(port, ()) for part, port in _PARTS.items()}
    told = {part: f"served by {', '.join(by) or 'nobody'}, not by the sandbox" for part, by in served.items() if name not in by}
    mine = [one for one in shown["entitlements"] if outside.applications.get(one["application_key"], name) == name]
    return {**shown, "entitlements": mine, **told}


async def sandbox_reset(app: App, given: Mapping[str, Any]) -> Any:
    await _company(app).reset()
    return "The sandbox company starts over."


async def sandbox_confirm(app: App, given: Mapping[str, Any]) -> Any:
    """What the person would do in their mailbox: follow the newest confirmation link and press the button."""
    person = await app.people.by_email(given["person"])
    if person is None:
        raise Refusal(f"Nobody called {given['person']!r} works at the sandbox company; give their address.")
    links = [mail.link for mail in await _company(app).inbox(person.directory_key) if mail.link and "/step-up/" in mail.link]
    tokens = [link.rsplit("/", 1)[1] for link in reversed(links)]
    open_tokens = [token for token in tokens if await app.step_ups.look(token) is not None]
    token = open_tokens[0] if open_tokens else None
    if token is None:
        raise Refusal(f"{person.first_name} has no open confirmation link in their mailbox.")
    result = await app.step_ups.answer(token, bool(given["yes"]))
    return f"Confirmed as {person.name}." if result == "passed" else f"Refused as {person.name}."


def _company(app: App) -> SandboxCompany:
    if app.company is None:
        raise Refusal("The sandbox company is not configured here.")
    return app.company


async def doctor(app: App, given: Mapping[str, Any]) -> Any:
    """`part`: one of those that `doctor.rounds` names."""
    return await examine(app, part=given["part"])


async def doctor_rounds(app: App, given: Mapping[str, Any]) -> Any:
    return rounds(app)


async def _knowing(app: App, work: Awaitable[Any]) -> Any:
    try:
        return await work
    except KnowledgeError as error:
        raise Refusal(app.words(OPERATOR)(error.message_key, **error.details)) from error


def _article(article: Article) -> dict[str, Any]:
    return {
        "id": article.id,
        "title": article.title,
        "source": article.source,
        "state": article.state.value,
        "version": article.version,
        "audience": {key: sorted(values) for key, values in article.audience.items()},
        "review_due": article.review_due.isoformat() if article.review_due else None,
    }


def _gap_group(group: GapGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "count": group.count,
        "people": group.people,
        "first_seen": group.first_seen.isoformat(),
        "last_seen": group.last_seen.isoformat(),
        "samples": list(group.samples),
        "nearest": group.nearest.title if group.nearest else None,
    }


COMMANDS: Mapping[str, Command] = {
    "knowledge.add": knowledge_add,
    "knowledge.publish": knowledge_publish,
    "knowledge.retire": knowledge_retire,
    "knowledge.try": knowledge_try,
    "knowledge.list": knowledge_list,
    "knowledge.gaps": knowledge_gaps,
    "knowledge.close_gap": knowledge_close_gap,
    "knowledge.reviews": knowledge_reviews,
    "knowledge.review": knowledge_review,
    "knowledge.reindex": knowledge_reindex,
    "audit.verify": audit_verify,
    "audit.checkpoint": audit_checkpoint,
    "audit.show": audit_show,
    "connectors.list": connectors_list,
    "connectors.offers": connectors_offers,
    "specialists.list": specialists_list,
    "specialists.pause": specialists_pause,
    "specialists.resume": specialists_resume,
    **commands(OPERATOR),
    **usage_commands(OPERATOR),
    "sandbox.show": sandbox_show,
    "sandbox.reset": sandbox_reset,
    "sandbox.confirm": sandbox_confirm,
    "doctor": doctor,
    "doctor.rounds": doctor_rounds,
}
