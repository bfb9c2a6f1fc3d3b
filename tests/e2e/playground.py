"""A Teams that nobody here wrote: Microsoft's Agents Playground, as a process of its own, and people who use it.

It speaks the Bot Connector protocol and shows what its users would see. It has one person at its screen; what others do reaches the bot
by the playground's own custom activities.
"""

import asyncio
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from connectors.sandbox.people import TENANT
from connectors.sandbox.playground import BOT, FILE, configuration
from connectors.sandbox.playground import PERSONAL_CHAT as OWN_CHAT
from tests.e2e.foyer import free_port

FOLDER = Path(__file__).parent / "teams_playground"
START_SECONDS, ANSWER_SECONDS = 60.0, 20.0
Json = dict[str, Any]


@dataclass
class Message:
    """What a user sees; `conversation` is where, `text` and `card` as they are now."""

    id: str
    conversation: str
    text: str
    card: Json | None
    versions: list[Json] = field(default_factory=list)

    @property
    def words(self) -> str:
        """All that it shows, as text."""
        return json.dumps([self.text, self.card], ensure_ascii=False)


class Playground:
    """`email` is of who is at the screen."""

    def __init__(self, folder: Path, email: str) -> None:
        self._folder = folder
        self._config = configuration(email)
        self._me: Json = self._config["currentUser"]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._endpoint = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._listening = threading.Event()
        self._stopping = threading.Event()
        self._seen: list[Json] = []

    def start(self, endpoint: str) -> None:
        self._endpoint = endpoint
        (self._folder / FILE).write_text(json.dumps(self._config), encoding="utf-8")
        out = (self._folder / "playground.out").open("ab")
        modules = FOLDER / "node_modules"
        command = [str(modules / "node/bin/node"), str(modules / "@microsoft/m365agentsplayground/cli.js"), "start"]
        command += ["-e", endpoint, "-c", "msteams", "-p", str(self.port), "--dt"]
        environment = {"TEAMSAPPTESTER_BROWSER": "none", "HOME": str(self._folder), "PATH": "/usr/bin:/bin"}
        self._process = subprocess.Popen(command, cwd=self._folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self._get("/_internal/v1/config")
                break
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    told = (self._folder / "playground.out").read_text(errors="replace")[-3000:]
                    raise RuntimeError(f"the playground did not start:\n{told}") from None
                time.sleep(0.2)
        self._listener = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)
        self._listener.start()
        assert self._listening.wait(10)

    def stop(self) -> None:
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
        if self._listener is not None:
            self._listener.join(timeout=10)

    # -- what people do ----------------------------------------------------------------------------------------------

    def install(self, conversation: str = OWN_CHAT) -> None:
        self._post(f"/_debug/conversation/{conversation}/installation", {})

    def say(self, text: str, conversation: str = OWN_CHAT, *, mention: bool = False) -> str:
        """Whoever is at the screen says it; the conversation that it is in, a thread's in a channel."""
        said = f"<at>Foyer</at> {text}" if mention else text
        mentions = [{"mentioned": {"id": BOT}, "text": "<at>Foyer</at>"}] if mention else []
        body = {"from": {"id": self._me["id"]}, "text": said, "textFormat": "plain", "mentions": mentions}
        told = self._post(f"/_conversation/v1/conversations/{conversation}/messages", body)
        return str(told.get("postConversationId") or conversation)

    def execute(self, message: Message, data: Json) -> Json:
        """Presses an Action.Execute; what the bot answered."""
        value = {"action": {"type": "Action.Execute", "verb": "press", "data": data}, "trigger": "manual"}
        return self._post("/_conversation/v1/invoke", self._pressed(message) | {"name": "adaptiveCard/action", "value": value})

    def submit(self, message: Message, data: Json) -> None:
        """Presses an Action.Submit."""
        self._post("/_conversation/v1/submit", self._pressed(message) | {"value": data})

    def fetch_task(self, message: Message, data: Json) -> Json:
        """Opens a form. The playground knows no task modules, so this goes to the bot as the playground would send it."""
        invoke = self._activity(self._me, message.conversation, "invoke") | {"name": "task/fetch", "replyToId": message.id}
        return _post(self._endpoint, invoke | {"value": {"data": data, "context": {"theme": "default"}}})

    def shortcut(self, command: str, text: str) -> Json:
        """A message extension's command on a message that says this, in whoever is at the screen's own chat."""
        author = {"user": {"id": self._me["aadObjectId"], "displayName": "Dana Whitfield", "userIdentityType": "aadUser"}}
        payload = {"id": "1", "createdDateTime": "2026-11-21T09:00:00Z", "from": author, "body": {"contentType": "text", "content": text}}
        value = {"commandId": command, "commandContext": "message", "messagePayload": payload, "context": {"theme": "default"}}
        body = {
            "conversation": {"id": OWN_CHAT},
            "from": {"id": self._me["id"]},
            "name": "composeExtension/fetchTask",
            "value": value,
        }
        return self._post("/_conversation/v1/invoke", body)

    def other(self, who: str, conversation: str, kind: str, **activity: Any) -> None:
        """What somebody does who is not at the screen."""
        self._post("/_internal/v1/customActivities", self._activity(self._user(who), conversation, kind) | activity)

    def other_executes(self, who: str, message: Message, data: Json) -> None:
        value = {"action": {"type": "Action.Execute", "verb": "press", "data": data}, "trigger": "manual"}
        self.other(who, message.conversation, "invoke", name="adaptiveCard/action", replyToId=message.id, value=value)

    # -- what they see -----------------------------------------------------------------------------------------------

    def messages(self, conversation: str | None = None) -> list[Message]:
        """What the bot said, oldest first, as it is now."""
        shown: dict[str, Message] = {}
        for event in list(self._seen):
            if event.get("action") not in ("createMessage", "updateMessage"):
                continue
            told = event["message"]
            where = str(told.get("postConversationId") or event["actionConversationId"])
            cards = [one["content"] for one in told.get("attachments") or () if "card.adaptive" in one.get("contentType", "")]
            message = shown.setdefault(told["messageId"], Message(told["messageId"], where, "", None))
            message.text, message.card = told.get("text") or "", cards[0] if cards else None
            message.versions.append(told)
        return [message for message in shown.values() if conversation is None or message.conversation == conversation]

    def see(self, wanted: Callable[[Message], bool], conversation: str | None = None) -> Message:
        """Waits for a message like this; the newest one."""
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end:
            for message in reversed(self.messages(conversation)):
                if wanted(message):
                    return message
            time.sleep(0.1)
        raise AssertionError("no such message among " + "\n".join(message.words[:600] for message in self.messages(conversation)))

    # -- how -----------------------------------------------------------------------------------------------------------

    def _pressed(self, message: Message) -> Json:
        return {"conversation": {"id": message.conversation}, "from": {"id": self._me["id"]}, "replyToId": message.id}

    def _user(self, first_name: str) -> Json:
        return next(user for user in self._config["users"] if user["givenName"].lower() == first_name)

    def _activity(self, user: Json, conversation: str, kind: str) -> Json:
        personal = conversation == OWN_CHAT or "@" in conversation
        where = {"conversationType": "personal"} if personal else {"conversationType": "channel", "isGroup": True}
        return {
            "type": kind,
            "id": str(uuid4()),
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "channelId": "msteams",
            "serviceUrl": f"http://localhost:{self.port}/_connector",
            "recipient": {"id": BOT, "name": "Foyer"},
            "from": {name: user[name] for name in ("id", "name", "aadObjectId")},
            "conversation": {"id": conversation, "tenantId": TENANT, **where},
            "channelData": {"tenant": {"id": TENANT}},
        }

    async def _listen(self) -> None:
        address = f"{self.url}/_ws_conversation/v1/conversations/stream".replace("http:", "ws:")
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            self._listening.set()
            while not self._stopping.is_set():
                try:
                    told = await socket.receive(timeout=0.5)
                except TimeoutError:
                    continue
                if told.type is not aiohttp.WSMsgType.TEXT:
                    return
                self._seen.append(json.loads(told.data))

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def _post(self, path: str, body: Json) -> Json:
        return _post(self.url + path, body)


def _post(url: str, body: Json) -> Json:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            told = answer.read()
    except urllib.error.HTTPError as refused:
        raise AssertionError(f"{url}: {refused.code} {refused.read().decode()[:500]}") from refused
    read: Json = json.loads(told) if told.strip() else {}
    return read


def data_of(card: Json | None, title: str) -> Json:
    """The data of the button that is called so, in whatever part of a card; of one that asks first, of its yes."""
    found = _find(card, title)
    assert found is not None, f"no button {title!r} in {json.dumps(card)[:1500]}"
    return found


def _find(part: Any, title: str) -> Json | None:
    if isinstance(part, list):
        return next((found for inner in part if (found := _find(inner, title)) is not None), None)
    if not isinstance(part, dict):
        return None
    if part.get("title") == title and part.get("type") in ("Action.Execute", "Action.Submit"):
        found: Json = part["data"]
        return found
    asked = _find(part["card"], "Yes") if part.get("title") == title and part.get("type") == "Action.ShowCard" else None
    return asked or next((found for inner in part.values() if (found := _find(inner, title)) is not None), None)
