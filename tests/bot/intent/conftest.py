"""A small company to understand people in, and one recogniser with the real encoder for all tests of a file."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from rapidfuzz import fuzz

from bot.conversation.model import Awaits, OpenRequest, Recall
from bot.intent.catalogue import Catalogue
from bot.intent.recognizer import Recognizer
from bot.intent.slots import SlotContext
from bot.intent.surroundings import Surroundings
from connectors.errors import Retry
from connectors.ports.people import DirectoryPerson, Person
from connectors.ports.systems import Application, CatalogueItem, Device
from knowledge.embedding.onnx_minilm import OnnxMiniLM
from specialists.loader import load_skills
from specialists.request import SlotValue
from specialists.skill import SkillSpec

DATA = Path(__file__).parent / "data"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""A Friday."""

CATALOGUE = Catalogue(
    (
        Application("figma", "Figma", ("viewer", "editor", "admin"), ("figjam",), None, "viewer", frozenset({"admin"})),
        Application("github", "GitHub", ("read", "write", "admin"), ("git hub",), None, "read", frozenset({"admin"})),
        Application(
            "salesforce", "Salesforce", ("read-only", "sales-user", "admin"), ("sales force", "crm"), None, None, frozenset({"admin"})
        ),
        Application(
            "tableau", "Tableau", ("viewer", "explorer", "creator", "admin"), ("dashboards",), None, "viewer", frozenset({"admin"})
        ),
        Application("jira", "Jira", ("viewer", "member", "project-admin"), (), None, "member", frozenset({"project-admin"})),
        Application("miro", "Miro", ("viewer", "editor", "admin"), (), None, "editor", frozenset({"admin"})),
        Application("zendesk", "Zendesk", ("light-agent", "agent", "admin"), (), None, "agent", frozenset({"admin"})),
        Application(
            "aws-console", "AWS console", ("read-only", "developer", "administrator"), ("aws",), None, None, frozenset({"administrator"})
        ),
        Application("snowflake", "Snowflake", ("reader", "analyst", "engineer"), ("data warehouse",), None, None),
        Application("looker", "Looker", ("viewer", "explorer", "developer"), (), None, None),
        Application("notion", "Notion", ("guest", "member", "admin"), (), None, None, frozenset({"admin"})),
        Application("netsuite", "NetSuite", ("employee", "accountant", "controller"), (), None, None),
        Application("datadog", "Datadog", ("read-only", "standard", "admin"), (), None, None, frozenset({"admin"})),
        Application("hubspot", "HubSpot", ("viewer", "marketer", "admin"), (), None, None, frozenset({"admin"})),
        Application("sentry", "Sentry", ("member", "admin"), (), None, None, frozenset({"admin"})),
        Application("docusign", "DocuSign", ("viewer", "sender", "admin"), (), None, None, frozenset({"admin"})),
        Application("expensify", "Expensify", ("submitter", "approver", "admin"), (), None, None, frozenset({"admin"})),
        Application("pagerduty", "PagerDuty", ("observer", "responder", "admin"), (), None, None, frozenset({"admin"})),
        Application("workday", "Workday", ("employee", "hr-partner", "admin"), (), None, None, frozenset({"admin"})),
        Application("confluence", "Confluence", ("viewer", "editor", "space-admin"), ("wiki",), None, None, frozenset({"space-admin"})),
    ),
    (
        CatalogueItem("macbook-pro-14", "MacBook Pro 14-inch", "laptop", 2199.0, "USD", ("macbook", "macbook pro", "mac")),
        CatalogueItem("macbook-air-13", "MacBook Air 13-inch", "laptop", 1299.0, "USD", ("macbook air",)),
        CatalogueItem("thinkpad-x1", "ThinkPad X1 Carbon", "laptop", 1849.0, "USD", ("thinkpad",)),
        CatalogueItem("monitor-24", "24-inch monitor", "monitor", 219.0, "USD", ("small monitor", "24 inch screen")),
        CatalogueItem("monitor-27-4k", "27-inch 4K monitor", "monitor", 429.0, "USD", ("27 inch screen", "4k monitor")),
        CatalogueItem("monitor-34-curved", "34-inch curved monitor", "monitor", 649.0, "USD", ("ultrawide", "curved screen")),
        CatalogueItem("dock-usb-c", "USB-C docking station", "dock", 189.0, "USD", ("dock", "docking station", "usb-c dock")),
        CatalogueItem("keyboard-standard", "Wireless keyboard", "keyboard", 59.0, "USD", ("keyboard",)),
        CatalogueItem("mouse-standard", "Wireless mouse", "mouse", 29.0, "USD", ("mouse",)),
        CatalogueItem("mouse-vertical", "Vertical mouse", "mouse", 79.0, "USD", ("ergonomic mouse",)),
        CatalogueItem("headset-wireless", "Wireless noise-cancelling headset", "headset", 249.0, "USD", ("headset", "headphones")),
        CatalogueItem("webcam-hd", "HD webcam", "webcam", 89.0, "USD", ("webcam", "camera")),
        CatalogueItem("phone-iphone", "iPhone 15", "phone", 799.0, "USD", ("iphone",)),
        CatalogueItem("phone-pixel", "Pixel 8", "phone", 599.0, "USD", ("pixel",)),
        CatalogueItem("tablet-ipad", "iPad Air", "tablet", 649.0, "USD", ("ipad", "tablet")),
        CatalogueItem("laptop-stand", "Laptop stand", "accessory", 49.0, "USD", ("stand",)),
        CatalogueItem("adapter-usb-c-hdmi", "USB-C to HDMI adapter", "accessory", 25.0, "USD", ("hdmi adapter", "dongle")),
        CatalogueItem("charger-usb-c-96w", "96 W USB-C charger", "accessory", 79.0, "USD", ("charger", "laptop charger")),
        CatalogueItem("desk-lamp", "Desk lamp", "accessory", 45.0, "USD", ("lamp",)),
    ),
)
CONTEXT = SlotContext(CATALOGUE, NOW.date(), "en-US")

DANA = Person("dana", "p1", "Dana Brooks", "dana@acme.example", "America/New_York", "en-US", manager_key="p5")
PEOPLE = [
    DirectoryPerson(key, name, f"{mail}@acme.example", "UTC", "en-US")
    for key, name, mail in (
        ("p1", "Dana Brooks", "dana"),
        ("p2", "Omar Haddad", "omar"),
        ("p3", "Lena Vogel", "lena.vogel"),
        ("p4", "Lena Graf", "lena.graf"),
        ("p5", "Priya Nair", "priya"),
    )
]


class SmallDirectory:
    """Finds by likeness, as the port promises; `down`: cannot be reached."""

    def __init__(self, *, down: bool = False) -> None:
        self.down = down

    async def find(self, text: str, *, limit: int = 5) -> Sequence[DirectoryPerson]:
        if self.down:
            raise Retry("unreachable")
        wanted = text.lower().lstrip("@")
        return [one for one in PEOPLE if fuzz.token_set_ratio(wanted, one.name.lower()) >= 75 or wanted in one.email][:limit]

    async def get(self, key: str) -> DirectoryPerson | None:
        return next((one for one in PEOPLE if one.key == key), None)

    async def by_email(self, email: str) -> DirectoryPerson | None:
        return next((one for one in PEOPLE if one.email == email), None)

    async def by_account(self, account: str) -> DirectoryPerson | None:
        return None

    async def members(self, group: str) -> Sequence[DirectoryPerson]:
        return []


class FixedCatalogue:
    async def current(self) -> Catalogue:
        return CATALOGUE


class DanasDevices:
    async def of(self, person_key: str) -> Sequence[Device]:
        laptops = (Device("AC-5001", "laptop", "MacBook Pro 14-inch"), Device("AC-5002", "monitor", "27-inch 4K monitor"))
        return (*laptops, Device("AC-5003", "phone", "iPhone 15"), Device("AC-5004", "phone", "Pixel 8")) if person_key == "p1" else ()


def surroundings(specs: Mapping[str, SkillSpec], directory: SmallDirectory | None = None) -> Surroundings:
    catalogues: Any = FixedCatalogue()
    return Surroundings(catalogues, DanasDevices(), directory or SmallDirectory(), specs, clock=lambda: NOW)


def recalling(*awaits: Awaits, requests: tuple[OpenRequest, ...] = (), **more: Any) -> Recall:
    return Recall(DANA, awaits, requests=requests, **more)


def open_request(
    id: str, skill: str, case: str = "FOY-1", state: str = "gathering", missing: tuple[str, ...] = (), **slots: Any
) -> OpenRequest:
    return OpenRequest(id, case, skill, state, missing, {name: SlotValue(value, str(value)) for name, value in slots.items()})


def data(name: str) -> Any:
    return yaml.safe_load((DATA / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def specs() -> Mapping[str, SkillSpec]:
    return {name: loaded.spec for name, loaded in load_skills().items()}


@pytest.fixture(scope="session")
def recognizer(specs: Mapping[str, SkillSpec]) -> Recognizer:
    made = Recognizer(OnnxMiniLM(), specs, SmallDirectory(), surroundings(specs))
    asyncio.run(made.warm())
    return made
