"""A language model's API that nobody here wrote: npm's aimock, as a process of its own, that answers from fixtures."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.e2e.foyer import free_port

FOLDER = Path(__file__).parent / "aimock"
START_SECONDS = 30.0

Json = dict[str, Any]


class Llmock:
    """`flags` are its own, such as --chaos-latency 5000. What no fixture matches it refuses; what it prints is in `out`."""

    def __init__(self, out: Path, fixtures: Path, *flags: str) -> None:
        self._out = out
        self._fixtures = fixtures
        self._flags = flags
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["node_modules/node/bin/node", "node_modules/.bin/llmock", "-p", str(self.port), "-f", str(self._fixtures), "--strict"]
        with self._out.open("ab") as out:
            self._process = subprocess.Popen([*command, *self._flags], cwd=FOLDER, env={}, stdout=out, stderr=out)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.get("/health")
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("aimock did not start:\n" + self._out.read_text(errors="replace")[-3000:]) from None
                time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    @property
    def journal(self) -> list[Json]:
        """What it was sent, oldest first; bodies are in aimock's own words for all vendors."""
        told: list[Json] = self.get("/__aimock/journal")
        return told

    def break_down(self, **chaos: float) -> None:
        """From now on, at these rates: dropRate, malformedRate, disconnectRate, rateLimitRate, latencyMs. None of them: as before."""
        request = urllib.request.Request(self.url + "/__aimock/chaos", method="POST" if chaos else "DELETE")
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(chaos).encode() if chaos else None
        with urllib.request.urlopen(request, timeout=10):
            pass
