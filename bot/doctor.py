"""`foyer doctor`: what is configured, what is missing, and how to mend it; each thing is tried, not just looked up."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from bot import stranded
from bot.bootstrap import App
from bot.config import ConfigError, check_groups, organisation_of
from bot.outside import Checked, connect
from connectors.calling.codes import FOR_OPERATOR
from connectors.chat.loopback import leads_here
from connectors.errors import ConnectorError
from connectors.ports.calls import Finding
from connectors.ports.chat import Address

Check = Callable[[App], Awaitable[str]]

PATIENCE = 15.0
"""Seconds that a connector has to check everything."""
CONNECTOR = "connectors."
"""Before the name of a connector that is examined."""


class Broken(Exception):
    """A check found that something does not work; the text says what."""


def rounds(app: App) -> list[list[str]]:
    """What `examine` can be asked for by itself, in the order in which it is told. Those of one round are for asking all at once: a
    system that hangs keeps nobody waiting for the others.
    """
    found = []
    for name, check, _ in CHECKS:
        found.append([name])
        if check is _systems:
            found.append([f"{CONNECTOR}{connector}" for connector in app.outside.connectors])
    return found


async def examine(app: App, patience: float = PATIENCE, *, part: str | None = None) -> list[dict[str, Any]]:
    """One finding a check: name, ok, what was found, and how to mend it when it is not ok. `patience`: seconds that a connector has.
    `part`: this one alone, of those of `rounds`.
    """
    found: list[Finding] = []
    for together in rounds(app) if part is None else [[part]]:
        for some in await asyncio.gather(*(_examined(app, name, patience) for name in together)):
            found += some
    return [{"name": one.name, "ok": one.ok, "found": one.found, "mend": one.mend} for one in found]


async def _examined(app: App, part: str, patience: float) -> list[Finding]:
    if part.startswith(CONNECTOR):
        name = part.removeprefix(CONNECTOR)
        return [replace(one, name=f"{name}: {one.name}") for one in await _connector(app, name, patience)]
    ((check, mend),) = [(check, mend) for name, check, mend in CHECKS if name == part]
    try:
        return [Finding(part, True, await check(app))]
    except Exception as error:  # a broken part is a finding, whatever broke
        return [Finding(part, False, _said(error), mend)]


async def _connector(app: App, name: str, patience: float) -> list[Finding]:
    """What a connector finds between it and its system."""
    connector, closed = app.outside.connectors[name], app.outside.guards[name].closed_to
    if not isinstance(connector, Checked):
        return [Finding("reach", True, "nothing to reach: it lives in this process")]
    try:
        async with asyncio.timeout(patience):
            told = list(await connector.check())
    except TimeoutError:
        told = [Finding("reach", False, f"no answer within {patience:g} s", f"check {name} in foyer.yaml, and the network")]
    except Exception as error:  # a broken part is a finding, whatever broke
        code = f"{error.code}: " if isinstance(error, ConnectorError) and error.detail else ""
        told = [Finding("check", False, code + _said(error), f"check {name} in foyer.yaml; the log has the details")]
    if closed is not None and all(one.ok for one in told):
        mend = "mend what the log says of it, if that is not done; then " if closed in FOR_OPERATOR else ""
        told.append(Finding("calls", False, f"not called at this moment, because of {closed}", f"{mend}it is tried again by itself"))
    return told


def _said(error: Exception) -> str:
    if isinstance(error, ConnectorError):
        return error.detail or error.code
    return str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"


async def _configuration(app: App) -> str:
    path = app.home.path / "foyer.yaml"
    if not path.exists():
        raise Broken("foyer.yaml is gone, and the next start would write the sandbox company's in its place")
    if path.read_bytes() == app.foyer_yaml:
        return f"{path}, as it was when Foyer started"
    said = "foyer.yaml was changed after Foyer started, and what follows is of before"
    try:
        organisation = organisation_of(path)
        check_groups(organisation, {name: skill.spec for name, skill in app.skills.items()}, app.roster)
        changed = connect(app.settings.model_copy(update={"organisation": organisation}), app.clock, app.sessions)
    except ConfigError as error:
        raise Broken(f"{said}; as it is now Foyer would not start with it: {error}") from error
    for connector in changed.connectors.values():
        await connector.close()
    raise Broken(said)


async def _home(app: App) -> str:
    path = app.home.path
    if not os.access(path, os.W_OK):
        raise Broken(f"{path} cannot be written")
    free = os.statvfs(path)
    return f"{path}, {free.f_bavail * free.f_frsize / 1e9:.1f} GB free"


async def _database(app: App) -> str:
    async with app.sessions() as session:
        await session.execute(text("SELECT 1"))
    return app.engine_db.dialect.name + (" in FOYER_HOME" if app.settings.database_url is None else ", by FOYER_DATABASE_URL")


async def _embeddings(app: App) -> str:
    started = time.perf_counter()
    vectors = await app.encoder.encode(["how do I reset my password?"])
    return f"{app.encoder.name}, {vectors.shape[1]} dimensions, {1000 * (time.perf_counter() - started):.0f} ms for one sentence"


async def _knowledge(app: App) -> str:
    articles = await app.library.list()
    published = sum(1 for article in articles if article.state == "published")
    if not published:
        raise Broken("no article is published")
    progress = await app.library.projection.progress()
    indexed = f"; {progress.done} of {progress.total} in the new index, the former one or text search serves" if progress else ""
    return f"{published} articles published, {len(articles) - published} others{indexed}"


async def _systems(app: App) -> str:
    served = ", ".join(sorted(app.outside.ports))
    applications = await app.outside.ports["access"].applications()
    return f"{', '.join(app.outside.connectors)} for {served}; {len(applications)} applications"


async def _grants(app: App) -> str:
    found = await stranded.stranded(app.sessions, app.outside)
    if found:
        raise Broken("; ".join(str(one) for one in found))
    return "whatever was given with an end is on a system that foyer.yaml names"


async def _skills(app: App) -> str:
    missing = {name: app.outside.missing(skill.spec) for name, skill in app.skills.items()}
    off = [f"{name} (no connector serves {', '.join(ports)})" for name, ports in missing.items() if ports]
    return f"{len(missing) - len(off)} on; off: {', '.join(off)}" if off else f"all {len(missing)} on"


async def _specialists(app: App) -> str:
    paused = [name for name, state in (await app.switch.state()).items() if state.paused]
    return f"{len(app.roster.specialists)} specialists, {len(app.skills)} skills, " + (
        f"paused: {', '.join(paused)}" if paused else "none paused"
    )


async def _policy(app: App) -> str:
    return f"version {app.policy.version}"


async def _audit(app: App) -> str:
    await app.audit.seal(app.sessions)
    verified = await app.audit.verify(app.sessions)
    if not verified.ok:
        raise Broken(verified.message)
    return f"{verified.count} events, the chain holds"


async def _sign_in(app: App) -> str:
    if app.sign_in_off is not None:
        return f"none for the web chat: the sandbox's is off, because {app.sign_in_off}"
    if not app.sandbox_people:
        (people,) = app.outside.served["people"]
        raise Broken(f"asks for no password, by FOYER_SANDBOX_SIGN_IN: whoever uses this machine may be anybody in {people}")
    return "sandbox: whoever uses this machine chooses who they are; put no proxy before it"


async def _address(app: App) -> str:
    settings = app.settings
    sending = [name for name, sends in (("Slack", settings.slack_over_http), ("Teams", settings.teams_over_http)) if sends]
    if sending and (not settings.public_url or leads_here(settings.public_url)):
        raise Broken(f"{' and '.join(sending)} cannot reach {settings.base_url}, and FOYER_PUBLIC_URL names no other address")
    if sending and not settings.base_url.startswith("https://"):
        raise Broken(f"FOYER_PUBLIC_URL is {settings.base_url}, and {' and '.join(sending)} will send to https:// only")
    return settings.base_url


def _rooms(app: App, channel: str) -> list[tuple[str, Address, bool]]:
    """What foyer.yaml says of this channel's rooms, and whether the bot has to be in them."""
    rooms = [(f"the desk {group}", desk, True) for group, desk in app.rooms.desks.items()]
    rooms += [("a room", room, mode != "off") for room, mode in app.rooms.modes.items()]
    return [named for named in rooms if named[1].channel == channel]


async def _slack(app: App) -> str:
    return "not configured" if app.slack is None else await app.slack.check(_rooms(app, app.slack.channel.name))


async def _teams(app: App) -> str:
    if app.teams is None:
        return "not configured"
    desks = set(app.rooms.desks.values())
    return await app.teams.check([(what, room, room in desks) for what, room, _ in _rooms(app, app.teams.channel.name)])


async def _language_model(app: App) -> str:
    if app.claude is not None:
        return await app.claude.check()
    if app.model is not None:
        return f"{app.model.name('small')} (small), {app.model.name('large')} (large), given by the program"
    return "none: the offline engine answers (complete, English)"


CHECKS: tuple[tuple[str, Check, str], ...] = (
    ("configuration", _configuration, "correct what is named, if anything is, and start Foyer again"),
    ("home", _home, "make the folder writable, or point FOYER_HOME elsewhere"),
    ("database", _database, "check FOYER_DATABASE_URL and that the server is reachable"),
    ("embeddings", _embeddings, "run `make setup`: it builds the embedding runtime"),
    ("articles", _knowledge, "add some: foyer knowledge add PATH --publish"),
    ("systems", _systems, "check `connectors` in foyer.yaml"),
    ("grants", _grants, stranded.MEND),
    ("skills", _skills, ""),
    ("specialists", _specialists, "foyer specialists list"),
    ("policy", _policy, "mend specialists/policy/policies.cedar"),
    ("audit", _audit, "restore the database from a backup; keep this one as evidence"),
    ("sign-in", _sign_in, "to try Foyer out this may be so; take FOYER_SANDBOX_SIGN_IN away before anybody works with it"),
    (
        "address",
        _address,
        "set FOYER_PUBLIC_URL to the https address at which they reach this server; Slack needs none with Socket Mode",
    ),
    ("slack", _slack, "README, Slack in ten minutes"),
    ("teams", _teams, "README, Teams in fifteen minutes"),
    (
        "language model",
        _language_model,
        "check ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL and `model` in foyer.yaml; meanwhile the offline engine answers",
    ),
)
