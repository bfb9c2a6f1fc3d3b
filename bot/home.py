"""FOYER_HOME: one folder, owned by one process at a time, with the keys that only this installation has."""

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

KEY_BYTES = 32


class Refusal(Exception):
    """A command could not be carried out; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that owns a home, as others find it. `socket` takes commands of this machine's operator."""

    pid: int
    url: str
    socket: str


class Home:
    """The folder and its lock. `keys` are made on first use and never leave it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock = FileLock(self.path / "owner.lock")

    def make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = self.path / "secret.key"
        if not key.exists():
            # Whole or not at all, and the first one wins: all other keys come from it.
            aside = self.path / f"secret.key.{os.getpid()}"
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(aside, key)
            aside.unlink()

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose, derived from the installation's secret."""
        secret = (self.path / "secret.key").read_bytes()
        if len(secret) != KEY_BYTES:
            raise Refusal(f"{self.path / 'secret.key'} is damaged. Restore it from a backup: all other keys come from it.")
        return hmac.digest(secret, purpose.encode(), hashlib.sha256)

    def acquire(self) -> bool:
        """Takes ownership; False when another process has it."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def announce(self, owner: Owner) -> None:
        """Tells others how to reach the owner."""
        draft = self.path / "owner.json.new"
        draft.write_text(json.dumps({"pid": owner.pid, "url": owner.url, "socket": owner.socket}), encoding="utf-8")
        draft.replace(self.path / "owner.json")

    def owner(self) -> Owner | None:
        """The running owner, None when nobody owns this home."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            with contextlib.suppress(OSError, ValueError, KeyError):
                data = json.loads((self.path / "owner.json").read_text(encoding="utf-8"))
                return Owner(data["pid"], data["url"], data["socket"])
            return None
        self._lock.release()
        return None

    def release(self) -> None:
        (self.path / "owner.json").unlink(missing_ok=True)
        self._lock.release()
