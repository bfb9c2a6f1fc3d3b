"""What the operator of this machine can ask of the recognition: `foyer lessons` and `foyer recognition`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.console.understanding import added_view, lesson_view, look_view, retrained_view, version_view
from bot.home import Refusal
from bot.intent.pooling import Evidence
from bot.teaching.calibrating import Calibration
from bot.teaching.lessons import LessonState, NothingNew, NotTaught
from connectors.ports.people import Person

if TYPE_CHECKING:
    from bot.bootstrap import App

Command = Callable[["App", Mapping[str, Any]], Awaitable[Any]]


def commands(operator: Person) -> Mapping[str, Command]:
    """By name; each takes and returns JSON, and raises Refusal."""

    async def lessons_list(app: "App", given: Mapping[str, Any]) -> Any:
        state = LessonState(given["state"]) if given.get("state") else None
        words = app.words(operator)
        return [look_view(one, words) for one in await _told(app, app.lessons.listed(operator, state))]

    async def lessons_add(app: "App", given: Mapping[str, Any]) -> Any:
        lesson = await _told(app, app.lessons.add(given["text"], given["label"], operator))
        return added_view(lesson, await app.lessons.against(lesson), app.words(operator))

    async def lessons_decide(app: "App", given: Mapping[str, Any]) -> Any:
        decided = await _told(app, app.lessons.decide(given["id"], operator, accepted=given["accepted"]))
        return lesson_view(decided, app.words(operator))

    async def retrain(app: "App", given: Mapping[str, Any]) -> Any:
        try:
            done = await app.versions.retrain(operator)
        except NothingNew as nothing:
            return {"nothing_new": app.words(operator)(nothing.key)}
        except NotTaught as error:
            raise Refusal(app.words(operator)(error.key, **error.params)) from error
        return retrained_view(done, app.words(operator))

    async def versions(app: "App", given: Mapping[str, Any]) -> Any:
        return {"serving": app.versions.serving, "versions": [version_view(one) for one in await _told(app, app.versions.listed(operator))]}

    async def activate(app: "App", given: Mapping[str, Any]) -> Any:
        return {"serving": await _told(app, app.versions.activate(given["number"], operator))}

    def calibration(app: "App") -> Calibration:
        if app.calibration is None:
            raise NotTaught("recognition.no_model")
        return app.calibration

    async def read(app: "App", given: Mapping[str, Any]) -> Any:
        """`rows`: a few of [text, label]. What the engines say of them, for `calibrate`."""

        async def all_of() -> Any:
            by = calibration(app)
            found = await asyncio.gather(*(by.read(text, label, operator) for text, label in given["rows"]))
            return [[one.offline, one.model, one.agree, right] for rows in found for one, right in rows]

        return await _told(app, all_of())

    async def calibrate(app: "App", given: Mapping[str, Any]) -> Any:
        """`rows`: all that `read` returned. `version` 0: refused, since they are worse on what was held out."""

        async def fitted() -> Any:
            rows = [(Evidence(offline, model, agree), right) for offline, model, agree, right in given["rows"]]
            found, version = await calibration(app).fit(rows, operator)
            return {"version": version, **asdict(found)}

        return await _told(app, fitted())

    async def _told(app: "App", work: Awaitable[Any]) -> Any:
        try:
            return await work
        except NotTaught as error:
            raise Refusal(app.words(operator)(error.key, **error.params)) from error

    return {
        "lessons.list": lessons_list,
        "lessons.add": lessons_add,
        "lessons.decide": lessons_decide,
        "recognition.retrain": retrain,
        "recognition.versions": versions,
        "recognition.activate": activate,
        "recognition.read": read,
        "recognition.calibrate": calibrate,
    }
