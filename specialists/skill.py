"""What a skill is: a folder with `skill.yaml`, `skill.py`, `messages.yaml` and `runbook.md`, read and checked at start.

The yaml is the declaration that policy, recognition and people read; the code plans (pure), performs, verifies, undoes.
A skill decides nothing about who may: that is policy's, before every effect.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from connectors.ports.knowledge import KnowledgeLookup
from connectors.ports.messages import Message
from connectors.ports.people import Directory, Person
from connectors.ports.records import Json
from connectors.ports.systems import Access, Accounts, Devices, Effect, EnrolledChannel, Hr, Purchasing

Idempotency = Literal["key", "natural", "read-back", "none"]
SlotType = Literal["text", "application", "role", "duration", "date", "hardware", "number", "choice", "amount", "person", "device"]
"""`amount`: money, "45.90 EUR"; `person`: a directory key; `device`: the tag of something that the requester has ("my laptop")."""
MAX_ACTIONS = 5
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
SUPERSEDED = "superseded"
"""In the detail of an undo's effect, true: somebody gave it anew since, so it was left alone and has not ended."""
LEFT = "left"
"""In the detail of an undo's effect: nothing can be taken back any more. The message that says why, as JSON; true where the end of the
other steps says all there is to say."""


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """One typed slot. The question asked for it is the skill's message `ask.<name>`.

    `of`: for a role, the slot that names its application. `choices`: for a choice. `after`: for a date, the slot that
    it may not precede. `maximum`: the longest duration.
    """

    name: str
    type: SlotType
    required: bool = True
    of: str | None = None
    after: str | None = None
    choices: tuple[str, ...] = ()
    maximum: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ApprovalSpec:
    """`by` manager: the beneficiary's manager, else the application's owner, else people; never nobody."""

    by: Literal["manager"]
    expires: timedelta


@dataclass(frozen=True, slots=True)
class SkillSpec:
    name: str
    description: str
    risk: Literal["low", "medium", "high"]
    utterances: tuple[str, ...]
    slots: tuple[SlotSpec, ...]
    subject: Literal["self", "other"]
    """self: only for the requester."""
    assurance: Literal[1, 2]
    """2: the requester must confirm on their enrolled channel first."""
    approval: ApprovalSpec | None
    connectors: Mapping[str, tuple[str, ...]]
    """Port name (accounts, enrolled, access, hr, purchasing, devices, people, knowledge) -> scopes."""
    effect: bool
    """False: it only reads."""
    undo: bool
    timed: bool
    """It grants something that must have an end."""
    assignment_group: str
    act_at: float = 0.85
    notify_at: float = 0.65
    notify_manager: bool = False
    """Recovery changes: the manager is told, too."""
    personal: bool = False
    """What it says concerns the employee alone: in a room of several people nobody else sees it."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class SkillContext:
    """All that a skill may know when it plans or acts."""

    request_id: str
    case: str
    requester: Person
    beneficiary: Person
    slots: Mapping[str, Json]
    labels: Mapping[str, str]
    now: datetime

    @property
    def today(self) -> date:
        """The date where the beneficiary is."""
        return self.now.astimezone(ZoneInfo(self.beneficiary.timezone)).date()

    def label(self, slot: str) -> str:
        """What people read for a slot: its value when it came without a label."""
        return self.labels.get(slot) or str(self.slots[slot])


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """One step. `arguments` are exact: policy judges them, the approver sees them, the hash binds them."""

    name: str
    arguments: Mapping[str, Json]
    idempotency: Idempotency
    effect: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """At most MAX_ACTIONS steps. `until`: when what is granted ends. `owner_key`: who approves when there is no manager."""

    actions: tuple[PlannedAction, ...]
    until: datetime | None = None
    owner_key: str | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """Nothing to do, or it cannot be done, for a reason that the employee can read. `offer_human`: offer a person."""

    message: Message
    offer_human: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """What reading back showed. `evidence` goes on the receipt."""

    holds: bool
    evidence: Message


@dataclass(frozen=True, slots=True)
class Ports:
    """What skills may reach. The loader gives each skill only what its yaml names."""

    people: Directory
    accounts: Accounts
    enrolled: EnrolledChannel
    access: Access
    hr: Hr
    purchasing: Purchasing
    devices: Devices
    knowledge: KnowledgeLookup


def one_day(slots: Iterable[Json]) -> bool:
    """Whether the dates among these values, at least two, are one and the same: then "from Friday to Friday" is a day too long.

    A message KEY has a form KEY.same for that.
    """
    dates = [value for value in slots if isinstance(value, str) and _DATE.fullmatch(value)]
    return len(dates) > 1 and len(set(dates)) == 1


class Skill(Protocol):
    """The code of a skill folder: a class `Skill` in `skill.py`. Raises only `connectors.errors`."""

    async def look(self, context: SkillContext, ports: Ports) -> Mapping[str, Any]:
        """Reads what planning needs."""

    def plan(self, context: SkillContext, facts: Mapping[str, Any]) -> Plan | Declined:
        """Pure."""

    async def perform(self, action: PlannedAction, context: SkillContext, ports: Ports, *, key: str) -> Effect: ...

    async def verify(self, action: PlannedAction, context: SkillContext, ports: Ports) -> Verified:
        """Reads back whether the action's postcondition holds."""

    async def undo(self, action: PlannedAction, context: SkillContext, reference: str, ports: Ports, *, key: str) -> Effect:
        """Compensates what this action did and nothing else. Only for skills that declare `undo: true`.

        `reference` is the effect's, "" when its answer was lost: then what the arguments name for certain is undone, else
        NeedsHuman. What was replaced since stays, and the effect says SUPERSEDED; what cannot be taken back says LEFT.
        """


@dataclass(frozen=True, slots=True)
class Receipt:
    """What changed, verified how, by which rules, until when, and whether it can be undone."""

    changed: tuple[Message, ...]
    verified: tuple[Message, ...]
    rules: tuple[str, ...]
    until: datetime | None = None
    undo: bool = False
    references: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        return {
            "changed": [message.as_json() for message in self.changed],
            "verified": [message.as_json() for message in self.verified],
            "rules": list(self.rules),
            "until": self.until.isoformat() if self.until else None,
            "undo": self.undo,
            "references": list(self.references),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Receipt":
        return Receipt(
            changed=tuple(Message.from_json(item) for item in data["changed"]),
            verified=tuple(Message.from_json(item) for item in data["verified"]),
            rules=tuple(data["rules"]),
            until=datetime.fromisoformat(data["until"]) if data["until"] else None,
            undo=data["undo"],
            references=tuple(data["references"]),
        )
