"""A Slack that nobody here wrote: npm's `emulate`, as a process of its own, and people who write in it."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.foyer import free_port

FOLDER = Path(__file__).parent / "slack_emulator"
START_SECONDS, ANSWER_SECONDS = 30.0, 20.0
BOT = "xoxb-foyer"
SIGNING_SECRET = "not-a-secret"

Json = dict[str, Any]


class Emulator:
    """`seed.yaml` says who is there. Events go to `events_url`; what it prints is in `out`."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, events_url: str) -> None:
        command = ["node_modules/node/bin/node", "emulator.mjs", "start", "-s", "slack", "-p", str(self.port), "--seed", "seed.yaml"]
        with self._out.open("ab") as out:
            self._process = subprocess.Popen(command, cwd=FOLDER, env={"EVENTS_URL": events_url}, stdout=out, stderr=out)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.call(BOT, "auth.test")
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the emulator did not start:\n" + self._out.read_text(errors="replace")[-3000:]) from None
                time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)

    def call(self, token: str, method: str, **arguments: str) -> Json:
        """Raises OSError when it does not answer, AssertionError when it refuses."""
        data = urllib.parse.urlencode(arguments).encode()
        request = urllib.request.Request(self.url + method, data, {"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            told: Json = json.load(answer)
        assert told["ok"], (method, told)
        return told

    def user(self, token: str) -> str:
        return str(self.call(token, "auth.test")["user_id"])

    def chat_with_bot(self, token: str) -> str:
        return str(self.call(token, "conversations.open", users=self.user(BOT))["channel"]["id"])

    def room(self, name: str) -> str:
        rooms = self.call(BOT, "conversations.list")["channels"]
        return str(next(room["id"] for room in rooms if room["name"] == name))

    def say(self, token: str, channel: str, text: str, *, thread: str = "") -> str:
        """The message's timestamp."""
        more = {"thread_ts": thread} if thread else {}
        return str(self.call(token, "chat.postMessage", channel=channel, text=text, **more)["ts"])

    def answers(self, channel: str, thread: str) -> list[Json]:
        """What the bot has said in a thread, oldest first."""
        bot = self.user(BOT)
        return [said for said in self.call(BOT, "conversations.replies", channel=channel, ts=thread)["messages"] if said["user"] == bot]

    def see(self, channel: str, thread: str, wanted: Callable[[Json], bool]) -> Json:
        """Waits for an answer like this."""
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end:
            for said in self.answers(channel, thread):
                if wanted(said):
                    return said
            time.sleep(0.1)
        raise AssertionError(f"no such answer among {self.answers(channel, thread)}")


def words(said: Json) -> str:
    """All that a message shows, as text."""
    return json.dumps([said.get("text", ""), said.get("blocks", [])], ensure_ascii=False)
