"""What policy is asked and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connectors.ports.people import Person
from connectors.ports.records import Json


class Outcome:
    """How an action may be run, the most autonomous first."""

    RUN = "run_autonomous"
    NOTIFY = "run_notify"
    APPROVAL = "run_with_approval"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class PolicyQuery:
    """One action about to be taken by a specialist for somebody. Everything is verified elsewhere; nothing is a model's word."""

    specialist: str
    skill: str
    action: str
    risk: Literal["low", "medium", "high"]
    requester: Person
    beneficiary: Person
    arguments: Mapping[str, Json] = field(default_factory=dict)
    effect: bool = True
    confidence: float = 0.0
    confirmed: bool = False
    """The employee said yes to exactly these slots."""
    act_at: float = 0.85
    notify_at: float = 0.65
    subject: Literal["self", "other"] = "self"
    needs_approval: bool = False
    """The skill declares that somebody approves."""
    approved_by: str | None = None
    """Person id of whoever approved exactly these arguments; None = nobody yet."""
    required_assurance: int = 1
    assurance: int = 1
    """2 after a step-up on the enrolled channel."""
    timed: bool = False
    has_end: bool = False
    tainted: bool = False
    paused: bool = False
    actions_so_far: int = 0
    """Autonomous actions in this request already."""
    actions_today: int = 0
    """Autonomous actions for this beneficiary since midnight UTC."""


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """`rules` are the ids of the policies that decided, never empty. `outcome` is one of `Outcome`."""

    outcome: Literal["run_autonomous", "run_notify", "run_with_approval", "deny"]
    rules: tuple[str, ...]
    policy_version: str

    @property
    def allowed(self) -> bool:
        return self.outcome != "deny"
