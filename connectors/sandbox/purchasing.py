"""The sandbox company's hardware store. An order leaves a day after it was made, and arrives on the expected date."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from connectors.errors import Refused
from connectors.ports.systems import CatalogueItem, Effect, Order
from connectors.sandbox.people import active_row_of, row_of
from connectors.sandbox.schema import to_text
from connectors.sandbox.store import Applied, Database, Store

LEAVES_AFTER = timedelta(days=1)
MOST = 20
"""Pieces in one order."""


def orders_of(db: Database, now: datetime, person_key: str) -> list[Order]:
    row_of(db, person_key)
    rows = db.execute("SELECT * FROM orders WHERE person_key = ? ORDER BY id", (person_key,)).fetchall()
    return [
        Order(f"order:{row['id']}", row["item_key"], row["quantity"], _status(row, now), date.fromisoformat(row["expected"]))
        for row in rows
    ]


class SandboxPurchasing:
    """Implements `connectors.ports.systems.Purchasing`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def catalogue(self) -> Sequence[CatalogueItem]:
        def work(db: Database, now: datetime) -> Sequence[CatalogueItem]:
            return [
                CatalogueItem(row["key"], row["name"], row["category"], row["price"], row["currency"], tuple(json.loads(row["aliases"])))
                for row in db.execute("SELECT * FROM catalogue ORDER BY category, price").fetchall()
            ]

        return await self._store.read("purchasing.catalogue", work)

    async def orders(self, person_key: str) -> Sequence[Order]:
        return await self._store.read("purchasing.orders", lambda db, now: orders_of(db, now, person_key))

    async def order(self, person_key: str, item_key: str, *, quantity: int, reason: str, key: str) -> Effect:
        """Raises Refused("unknown_item" | "bad_quantity")."""

        def work(db: Database, now: datetime) -> Applied:
            active_row_of(db, person_key)
            item = db.execute("SELECT * FROM catalogue WHERE key = ?", (item_key,)).fetchone()
            if item is None:
                raise Refused("unknown_item", item_key)
            if not 1 <= quantity <= MOST:
                raise Refused("bad_quantity", str(quantity))
            expected = (now.date() + timedelta(days=item["lead_days"])).isoformat()
            made = db.execute(
                "INSERT INTO orders (person_key, item_key, quantity, reason, ordered_at, expected, cancelled) VALUES (?, ?, ?, ?, ?, ?, 0)",
                (person_key, item_key, quantity, reason, to_text(now), expected),
            )
            return Applied(person_key, f"order:{made.lastrowid}", detail={"expected": expected, "total": item["price"] * quantity})

        return await self._store.change("purchasing.order", f"{person_key}/{item_key}", key, work)

    async def cancel_order(self, reference: str, *, key: str) -> Effect:
        """Raises Refused("unknown_order" | "already_shipped")."""

        def work(db: Database, now: datetime) -> Applied:
            row = db.execute("SELECT * FROM orders WHERE 'order:' || id = ?", (reference,)).fetchone()
            if row is None:
                raise Refused("unknown_order", reference)
            if row["cancelled"]:
                return Applied(row["person_key"], reference, changed=False)
            if _status(row, now) != "ordered":
                raise Refused("already_shipped", reference)
            db.execute("UPDATE orders SET cancelled = 1 WHERE id = ?", (row["id"],))
            return Applied(row["person_key"], reference)

        return await self._store.change("purchasing.cancel_order", reference, key, work)


def _status(row: sqlite3.Row, now: datetime) -> Literal["ordered", "shipped", "delivered", "cancelled"]:
    if row["cancelled"]:
        return "cancelled"
    if now.date() >= date.fromisoformat(row["expected"]):
        return "delivered"
    return "shipped" if now >= datetime.fromisoformat(row["ordered_at"]) + LEAVES_AFTER else "ordered"
