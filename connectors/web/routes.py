"""The JSON API of the web chat, and its page.

An action id that somebody presses is only recorded here, with who pressed it; whether they may is the bot's decision.
Nobody reads or writes in a room that is not theirs: every handler that takes a conversation goes through `_address`.
"""

import re
import uuid
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import structlog
from aiohttp import web

from connectors.ports.chat import Activity, ActivityKind, Address, Intake, Press
from connectors.ports.people import ExternalId
from connectors.ports.records import Clock, new_id
from connectors.ports.secrets import without_secrets
from connectors.web import pages, store
from connectors.web.channel import CHANNEL, GROUP, TENANT, WebChannel
from connectors.web.guard import Guard, read_json, text_of
from connectors.web.render import safe_html
from connectors.web.session import LIFETIME, SignedIn, SignIn, seal
from connectors.web.store import Shown
from connectors.web.stream import Streams

log = structlog.get_logger()

Busy = Callable[[str, str | None], Awaitable[bool]]
"""(external id, conversation or None for all): is a turn, a step or an undelivered reply running for this person?"""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:~-]{0,99}")
ACTION = re.compile(r"[A-Za-z0-9_.:~=-]{1,200}")


class WebChat:
    """Everything the web chat serves. `secret` signs the session cookies; a new one signs everybody out."""

    def __init__(
        self,
        channel: WebChannel,
        intake: Intake,
        sign_in: SignIn | None,
        busy: Busy,
        *,
        secret: bytes,
        clock: Clock,
        address: str | None = None,
    ) -> None:
        self._channel = channel
        self._intake = intake
        self._sign_in = sign_in
        self._busy = busy
        self._secret = secret
        self._clock = clock
        self.guard = Guard(sign_in, secret, clock, address)
        self._streams = Streams(channel, self.guard.person, view)

    def add_to(self, app: web.Application) -> None:
        """Adds the API and the page; streams end when the application shuts down."""
        mine, anyone = self.guard.signed_in, self.guard.anyone
        app.router.add_get("/api/v1/people", anyone(self._people))
        app.router.add_post("/api/v1/session", anyone(self._sign_in_as))
        app.router.add_delete("/api/v1/session", anyone(self._sign_out))
        app.router.add_get("/api/v1/me", mine(self._me))
        app.router.add_get("/api/v1/conversations", mine(self._conversations))
        app.router.add_post("/api/v1/conversations/{conversation}/messages", mine(self._say))
        app.router.add_post("/api/v1/actions/{action}", mine(self._press))
        app.router.add_get("/api/v1/messages", mine(self._messages))
        app.router.add_get("/api/v1/waiting", mine(self._waiting))
        app.router.add_post("/api/v1/seen", mine(self._seen))
        app.router.add_get("/api/v1/stream", mine(self._streams.serve))
        app.router.add_get("/api/v1/idle", mine(self._idle))
        for path, handler in pages.routes():
            app.router.add_get(path, anyone(handler, html=True))
        app.on_shutdown.append(self._streams.close)

    async def _people(self, request: web.Request) -> web.Response:
        found = await self._signing_in().people(request.query.get("q", "").strip()[:100])
        people = [{"email": p.external_id, "name": p.name, "title": p.title, "country": p.country, "note": p.note} for p in found]
        return web.json_response({"people": people, "sandbox": self._signing_in().sandbox})

    async def _sign_in_as(self, request: web.Request) -> web.Response:
        email = text_of(await read_json(request), "email").strip().lower()
        person = await self._signing_in().verify(email)
        if person is None:
            raise web.HTTPNotFound(text="Nobody with this address works here.")
        response = web.json_response(_me(person))
        response.set_cookie(
            self.guard.cookie,
            seal(person.external_id, self._secret, self._clock()),
            max_age=int(LIFETIME.total_seconds()),
            httponly=True,
            samesite="Strict",
            secure=request.secure,
            path="/",
        )
        log.info("web_signed_in")
        return response

    async def _sign_out(self, request: web.Request) -> web.Response:
        response = web.json_response({})
        response.del_cookie(self.guard.cookie, path="/", httponly=True, samesite="Strict")
        return response

    def _signing_in(self) -> SignIn:
        if self._sign_in is None:
            raise web.HTTPForbidden(text="There is no sign-in for the web chat on this installation.")
        return self._sign_in

    async def _me(self, request: web.Request, person: SignedIn) -> web.Response:
        async with self._channel.sessions() as session:
            seq = await store.last_seq(session)
        return web.json_response({**_me(person), "seq": seq})

    async def _conversations(self, request: web.Request, person: SignedIn) -> web.Response:
        async with self._channel.sessions() as session:
            listed = await store.threads(session, person.rooms, person.own_room)
        conversations = [
            {"id": t.thread, "group": _group(t.room), "title": t.title, "at": t.at.isoformat(), "seq": t.seq, "unseen": t.unseen}
            for t in listed
        ]
        return web.json_response({"conversations": conversations})

    async def _say(self, request: web.Request, person: SignedIn) -> web.Response:
        content = await read_json(request)
        client_id, text = _client_id(content), without_secrets(text_of(content, "text"))
        address = await self._address(request.match_info["conversation"], person)
        message_id = new_id()
        await self._intake.record(self._activity(ActivityKind.MESSAGE, client_id, address, person, message_id, text))
        await self._channel.say(address, message_id, person.external_id, person.name, text, key=f"said:{client_id}:{person.external_id}")
        return web.json_response({"conversation": address.thread}, status=202)

    async def _press(self, request: web.Request, person: SignedIn) -> web.Response:
        content = await read_json(request)
        action_id = request.match_info["action"]
        if not ACTION.fullmatch(action_id):
            raise web.HTTPBadRequest(text="There is no such button.")
        client_id, text = _client_id(content), text_of(content, "text", default="")
        values = content.get("values", {})
        if not isinstance(values, dict) or len(values) > 50:
            raise web.HTTPBadRequest(text="“values” must be an object of texts.")
        typed = {text_of({"name": name}, "name"): text_of(values, name) for name in values}
        address = await self._address(text_of(content, "conversation"), person)
        label = await self._label(action_id, address)
        message_id = new_id()
        press = Press(action_id, text, typed)
        await self._intake.record(self._activity(ActivityKind.ACTION, client_id, address, person, message_id, "", press))
        if label is not None:
            said = f"{label}: {text}" if text.strip() else label
            await self._channel.say(
                address, message_id, person.external_id, person.name, said, key=f"pressed:{client_id}:{person.external_id}"
            )
        return web.json_response({"conversation": address.thread}, status=202)

    async def _label(self, action_id: str, address: Address) -> str | None:
        """What a button of this conversation said, so that the dialogue shows that it was pressed."""
        async with self._channel.sessions() as session:
            shown = await store.dialogue(session, address.room, address.thread or "")
        actions = (action for message in reversed(shown) if message.reply for action in message.reply.actions)
        return next((action.label for action in actions if action.id == action_id), None)

    def _activity(
        self, kind: ActivityKind, client_id: str, address: Address, person: SignedIn, order: str, text: str, press: Press | None = None
    ) -> Activity:
        # The sender is part of the id: nobody can make somebody else's message look like a redelivery.
        activity_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{person.external_id}\n{client_id}"))
        sender = ExternalId(CHANNEL, TENANT, person.external_id)
        return Activity(activity_id, kind, address, sender, self._clock(), text, press, order)

    async def _messages(self, request: web.Request, person: SignedIn) -> web.Response:
        after = _number(request, "after")
        name = request.query.get("conversation")
        address = None if name is None else await self._address(name, person)
        async with self._channel.sessions() as session:
            if address is None or address.thread is None:
                found = await store.changes(session, person.rooms, after)
            else:
                found = await store.dialogue(session, address.room, address.thread, after=after)
        seq = max((message.seq for message in found), default=after)
        return web.json_response({"messages": [view(message, person) for message in found], "seq": seq})

    async def _waiting(self, request: web.Request, person: SignedIn) -> web.Response:
        async with self._channel.sessions() as session:
            seq = await store.last_seq(session)
            found = await store.waiting(session, person.own_room, person.group_rooms)
        return web.json_response({"messages": [view(message, person) for message in found], "seq": seq})

    async def _seen(self, request: web.Request, person: SignedIn) -> web.Response:
        content = await read_json(request)
        seq, name = content.get("seq"), content.get("conversation")
        thread = "" if name is None else (await self._address(text_of(content, "conversation"), person)).thread or ""
        if not isinstance(seq, int) or isinstance(seq, bool) or seq < 0:
            raise web.HTTPBadRequest(text="“seq” must be a number.")
        async with self._channel.sessions.begin() as session:
            await store.mark_seen(session, person.own_room, thread, min(seq, await store.last_seq(session)))
        return web.json_response({})

    async def _idle(self, request: web.Request, person: SignedIn) -> web.Response:
        name = request.query.get("conversation")
        if name is not None:
            await self._address(name, person)
        # Asked in this order: what was shown before it became idle is below the number.
        idle = not await self._busy(person.external_id, name)
        async with self._channel.sessions() as session:
            seq = await store.last_seq(session)
        return web.json_response({"idle": idle, "seq": seq})

    async def _address(self, conversation: str, person: SignedIn) -> Address:
        """Where a conversation of this name is for this person; a new one is in their own room. Raises HTTPForbidden."""
        if not NAME.fullmatch(conversation):
            raise web.HTTPBadRequest(text="That is not the name of a conversation.")
        async with self._channel.sessions() as session:
            room = room_for(person, await store.rooms_of(session, conversation))
        if room is None:
            raise web.HTTPForbidden(text="That conversation belongs to somebody else.")
        return Address(CHANNEL, TENANT, room, conversation)


def room_for(person: SignedIn, rooms: Collection[str]) -> str | None:
    """Which of the rooms that have this thread somebody means; their own when there is none yet, None when all are foreign."""
    if not rooms or person.own_room in rooms:
        return person.own_room
    return next(iter(sorted(person.group_rooms & frozenset(rooms))), None)


def view(message: Shown, person: SignedIn) -> dict[str, Any]:
    """A message as the page and the terminal client get it."""
    return {
        "id": message.message_id,
        "seq": message.seq,
        "conversation": message.thread,
        "group": _group(message.room),
        "at": message.at.isoformat(),
        "mine": message.author_id == person.external_id,
        "author": message.author_name,
        "said": message.said,
        "reply": None if message.reply is None else message.reply.as_json(),
        "html": "" if message.reply is None else safe_html(message.reply.text),
        "deleted": message.deleted,
    }


def _me(person: SignedIn) -> dict[str, Any]:
    return {
        "email": person.external_id,
        "name": person.name,
        "roles": sorted(person.roles),
        "groups": sorted(person.groups),
        "picture": person.picture,
    }


def _group(room: str) -> str | None:
    return room.removeprefix(GROUP) if room.startswith(GROUP) else None


def _client_id(content: dict[str, Any]) -> str:
    value = text_of(content, "id")
    if not NAME.fullmatch(value):
        raise web.HTTPBadRequest(text="“id” must be a UUID that you made for this message.")
    return value


def _number(request: web.Request, name: str) -> int:
    value = request.query.get(name, "0")
    if not re.fullmatch(r"\d{1,18}", value):
        raise web.HTTPBadRequest(text=f"“{name}” must be a number.")
    return int(value)
