"""What the recognition learns, for reviewers: lessons beside what is understood now, versions with their figures, retraining."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.console.bodies import read_object
from bot.console.inbox import PersonOf, signed_in
from bot.console.ports import Guard
from bot.intent.training import NEITHER
from bot.teaching.lessons import Lesson, NotTaught, all_labels
from bot.teaching.proposing import title_of
from bot.teaching.reviewing import Looked, Review
from bot.teaching.versions import Retrained, Version, Versions
from bot.words import Words
from connectors.ports.people import Person

PersonHandler = Callable[[web.Request, Person], Awaitable[web.StreamResponse]]


def add_understanding(
    app: web.Application,
    guard: Guard,
    person_of: PersonOf,
    review: Review,
    versions: Versions,
    *,
    words: Callable[[Person], Words],
    name_of: Callable[[str], Awaitable[str]],
) -> None:
    """Adds /api/v1/lessons and /api/v1/recognition. `name_of`: of a person, by id; empty for nobody in the directory."""

    async def listed(request: web.Request, person: Person) -> web.Response:
        own = words(person)
        found = [
            {**look_view(one, own), "by": await name_of(one.lesson.by), "mine": one.lesson.by == person.id}
            for one in await review.listed(person)
        ]
        labels = [{"name": label, "title": title_of(label, own)} for label in all_labels(review.skills)]
        return web.json_response({"lessons": found, "labels": labels})

    async def add(request: web.Request, person: Person) -> web.Response:
        content = await read_object(request)
        text, label = content.get("text"), content.get("label")
        if not isinstance(text, str) or not isinstance(label, str):
            raise web.HTTPBadRequest(text="Write what somebody may say, and choose what it means.")
        lesson = await review.add(text, label, person)
        return web.json_response(added_view(lesson, await review.against(lesson), words(person)), status=201)

    def decide(accepted: bool) -> PersonHandler:
        async def decided(request: web.Request, person: Person) -> web.Response:
            lesson = await review.decide(request.match_info["lesson"], person, accepted=accepted)
            return web.json_response(lesson_view(lesson, words(person)))

        return decided

    async def history(request: web.Request, person: Person) -> web.Response:
        found = [{**version_view(one), "by": await name_of(one.by)} for one in await versions.listed(person)]
        return web.json_response({"versions": found, "serving": versions.serving})

    async def retrain(request: web.Request, person: Person) -> web.Response:
        return web.json_response(retrained_view(await versions.retrain(person), words(person)))

    async def activate(request: web.Request, person: Person) -> web.Response:
        number = request.match_info["number"]
        return web.json_response({"serving": await versions.activate(int(number), person)})

    def reviewer(handler: PersonHandler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Who may is decided by the lessons themselves; what they refuse becomes a sentence in the person's language."""

        async def handled(request: web.Request) -> web.StreamResponse:
            person = await signed_in(guard, person_of, request)
            try:
                return await handler(request, person)
            except NotTaught as error:
                status = web.HTTPForbidden if error.key == "lesson.reviewers_only" else web.HTTPUnprocessableEntity
                raise status(text=words(person)(error.key, **error.params)) from error

        return guard.anyone(handled)

    app.router.add_get("/api/v1/lessons", reviewer(listed))
    app.router.add_post("/api/v1/lessons", reviewer(add))
    app.router.add_post("/api/v1/lessons/{lesson}/accept", reviewer(decide(True)))
    app.router.add_post("/api/v1/lessons/{lesson}/reject", reviewer(decide(False)))
    app.router.add_get("/api/v1/recognition", reviewer(history))
    app.router.add_post("/api/v1/recognition/retrain", reviewer(retrain))
    app.router.add_post(r"/api/v1/recognition/{number:\d{1,9}}/activate", reviewer(activate))


def lesson_view(lesson: Lesson, words: Words) -> dict[str, Any]:
    return {
        "id": lesson.id,
        "text": lesson.text,
        "label": lesson.label,
        "title": title_of(lesson.label, words),
        "source": lesson.source,
        "at": lesson.at.isoformat(),
        "state": lesson.state.value,
        "kept": lesson.kept,
    }


def added_view(lesson: Lesson, against: str | None, words: Words) -> dict[str, Any]:
    """`against`: what the same words were accepted as, when it is something else, and the sentence that says so."""
    return {**lesson_view(lesson, words), "against": _against_view(against, words)}


def _against_view(label: str | None, words: Words) -> dict[str, str] | None:
    if label is None:
        return None
    known = words.messages.has(f"skill.{label}.title") or label in NEITHER
    title = title_of(label, words) if known else label  # the skill may be gone
    return {"label": label, "title": title, "text": words("lesson.against", label=title)}


def look_view(looked: Looked, words: Words) -> dict[str, Any]:
    """`now`: what it is understood as by the version that serves, while it waits."""
    view = added_view(looked.lesson, looked.against, words)
    if looked.label is None:
        return {**view, "now": None}
    known = words.messages.has(f"skill.{looked.label}.title") or words.messages.has(f"lesson.label.{looked.label}")
    title = title_of(looked.label, words) if known else words(f"lesson.act.{looked.label}")
    return {**view, "now": {"label": looked.label, "title": title, "confidence": round(looked.confidence, 2)}}


def version_view(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "at": version.at.isoformat(),
        "lessons": len(version.lessons),
        "kept": version.kept,
        "accuracy": version.accuracy,
        "accuracy_before": version.accuracy_before,
        "calibration_error": version.calibration_error,
        "state": version.state.value,
    }


def retrained_view(done: Retrained, words: Words) -> dict[str, Any]:
    """`why` it was refused, None if it serves; `lost`: questions that it gets wrong and the other got right."""
    why = done.comparison.why
    return {**version_view(done.version), "why": words(why) if why is not None else None, "lost": list(done.comparison.lost)}
