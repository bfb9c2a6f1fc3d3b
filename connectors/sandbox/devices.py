"""What the sandbox company has handed to its people."""

from collections.abc import Sequence
from datetime import datetime

from connectors.ports.systems import Device
from connectors.sandbox.people import row_of
from connectors.sandbox.store import Database, Store


class SandboxDevices:
    """Implements `connectors.ports.systems.Devices`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, person_key: str) -> Sequence[Device]:
        def work(db: Database, now: datetime) -> Sequence[Device]:
            row_of(db, person_key)
            rows = db.execute("SELECT tag, kind, model FROM devices WHERE person_key = ? ORDER BY tag", (person_key,)).fetchall()
            return [Device(row["tag"], row["kind"], row["model"]) for row in rows]

        return await self._store.read("devices.of", work)
