"""What the operator of this machine can ask of what language models cost: `foyer usage`."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from bot.language.budgets import Scope
from bot.language.notices import amounts, money, name_of
from bot.language.report import By, Standing, Used, standing, used
from connectors.ports.people import Person

if TYPE_CHECKING:
    from bot.bootstrap import App

SINCE = timedelta(days=30)


def commands(operator: Person) -> Mapping[str, Callable[["App", Mapping[str, Any]], Awaitable[Any]]]:
    """By name; each takes and returns JSON."""

    async def usage(app: "App", given: Mapping[str, Any]) -> Any:
        """`by`: what to sum by; `since`: an ISO date, None for SINCE ago."""
        now, by = app.clock(), cast(By, given["by"])
        settings = app.settings.organisation.model
        since = datetime.fromisoformat(given["since"]).replace(tzinfo=UTC) if given.get("since") else now - SINCE
        groups = await used(app.sessions, by, since)
        return {
            "by": by,
            "since": since.date().isoformat(),
            "currency": settings.currency,
            "groups": [{**_used(one), by: one.key or None, "name": await _name(app, by, one.key)} for one in groups],
            "total": _used(sum(groups, Used())),
            "limits": [await _standing(app, one) for one in await standing(app.sessions, settings.limits, now)],
        }

    async def _name(app: "App", by: By, key: str) -> str:
        """What people call it; empty where that is the key."""
        match by:
            case "person" | "conversation" if key:
                scope = Scope("person_day" if by == "person" else "conversation", key)
            case "specialist":
                scope = Scope("specialist_month", key)
            case _:
                return ""
        return await name_of(scope, app.sessions, app.people, app.roster, app.words(operator))

    async def _standing(app: "App", one: Standing) -> Any:
        settings, words = app.settings.organisation.model, app.words(operator)
        spent, most = amounts(words, one.spent, settings.limits.of(one.scope.limit), settings.currency)
        return {
            "limit": one.scope.limit,
            "of": one.scope.of,
            "period": one.scope.period,
            "name": await name_of(one.scope, app.sessions, app.people, app.roster, words) if one.scope.limit != "turn" else "",
            "tokens": one.spent.tokens,
            "money": money(one.spent.cost),
            "share": round(one.share, 4),
            "spent": spent,
            "most": most,
        }

    return {"usage": usage}


def _used(one: Used) -> dict[str, Any]:
    return {
        "calls": one.calls,
        "input": one.usage.input,
        "output": one.usage.output,
        "cache_read": one.usage.cache_read,
        "cache_written": one.usage.cache_written,
        "from_cache": round(one.from_cache, 4),
        "money": money(one.cost),
        "failures": dict(one.failures),
    }
