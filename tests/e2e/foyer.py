"""The real product as a process of its own: started as a newcomer starts it, stopped as an operator does."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Foyer:
    """`foyer demo` on a free port, with a home of its own; `more` is added to its environment."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home = home
        self._more = more
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "FOYER_HOME": str(self.home), **self._more}
        command = [str(Path(sys.executable).with_name("foyer")), "demo", "--port", str(self.port)]
        with (self.home.parent / "foyer.out").open("ab") as out:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        end = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("Foyer did not start:\n" + (self.home.parent / "foyer.out").read_text(errors="replace")[-3000:])
            time.sleep(0.1)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """SIGTERM as an operator, SIGKILL as a power cut."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
