"""Asks Cedar. Pure and synchronous: what was verified elsewhere goes in, an outcome with the rules that decided comes out.

Policies are parsed once, validated against the schema, and known by their `@id`; the text they were made from has a
version, so that an old decision can be read against the rules of its day.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any, Final

import cedarpy

from connectors.ports.people import Person
from connectors.ports.records import Json
from specialists.policy.model import Outcome, PolicyDecision, PolicyQuery

HERE: Final = Path(__file__).parent
LEVELS: Final = (Outcome.RUN, Outcome.NOTIFY, Outcome.APPROVAL)
"""The most autonomous first: the first that is permitted is the outcome."""
EVALUATION_ERROR: Final = "evaluation_error"
DEFAULT_DENY: Final = "default_deny"


class InvalidPolicy(Exception):
    """The policies cannot be used: the message says which and why. Foyer does not start with such policies."""


class Policy:
    """The policies in force.

    `extra` is a file of the organisation's own policies, added to Foyer's. They can narrow and, where no forbid of
    Foyer's speaks against it, widen. Raises InvalidPolicy.
    """

    def __init__(self, extra: Path | None = None) -> None:
        texts = [(HERE / "policies.cedar").read_text(encoding="utf-8")]
        if extra is not None:
            texts.append(extra.read_text(encoding="utf-8"))
        self._load("\n".join(texts))

    @classmethod
    def of(cls, text: str) -> "Policy":
        """Policies of this text alone: a change is tried on this before it is installed."""
        policy = cls.__new__(cls)
        policy._load(text)
        return policy

    def _load(self, text: str) -> None:
        schema_text = (HERE / "schema.cedarschema").read_text(encoding="utf-8")
        self._schema = cedarpy.Schema.from_str(schema_text)
        try:
            self._policies = cedarpy.PolicySet.from_str(text)
        except ValueError as error:
            raise InvalidPolicy(f"the policies cannot be read: {error}") from error
        self._rules = _rule_ids(self._policies)
        checked = cedarpy.validate_policies(text, self._schema)
        if not checked:
            problems = "; ".join(f"{self._rules.get(error.policy_id, error.policy_id)}: {error.error}" for error in checked.errors)
            raise InvalidPolicy(f"the policies do not fit the schema: {problems}")
        self._actions = cedarpy.Entities.from_json_str("[]", self._schema)
        self.version: str = hashlib.sha256((schema_text + text).encode()).hexdigest()[:12]

    def decide(self, query: PolicyQuery) -> PolicyDecision:
        """How this action may be run.

        A deny names the forbids that stand even when a person approves; "default_deny" when nothing permits it,
        "evaluation_error" when the question cannot be judged. Other outcomes name what permits them and what forbade
        more autonomy.
        """
        try:
            context = json.dumps(_step(query))
        except (ValueError, ArithmeticError, TypeError):
            return self._denied(EVALUATION_ERROR)
        blocked: list[str] = []
        for level in LEVELS:
            verdict = self._ask(("Specialist", query.specialist), level, ("Skill", query.skill), context)
            if verdict is None:
                return self._denied(EVALUATION_ERROR)
            allowed, rules = verdict
            if allowed:
                return PolicyDecision(level, (*rules, *dict.fromkeys(blocked)), self.version)  # type: ignore[arg-type]
            blocked += rules
        return self._denied(*(rules or tuple(dict.fromkeys(blocked)) or (DEFAULT_DENY,)))

    def may_approve(self, approver: Person, requester_id: str, beneficiary_id: str, approver_ids: Iterable[str]) -> PolicyDecision:
        """Whether this person may say yes or no to a request that was given to `approver_ids`: `allowed` is the answer."""
        context = {
            "approved_by": approver.id,
            "approver": _employee(approver),
            "approver_ids": sorted(approver_ids),
            "requester": {"id": requester_id},
            "beneficiary": {"id": beneficiary_id},
        }
        verdict = self._ask(("Person", approver.id), "approve", ("Request", "this"), json.dumps(context))
        if verdict is None:
            return self._denied(EVALUATION_ERROR)
        allowed, rules = verdict
        return PolicyDecision("run_autonomous", rules, self.version) if allowed else self._denied(*(rules or (DEFAULT_DENY,)))

    def _ask(self, principal: tuple[str, str], action: str, resource: tuple[str, str], context: str) -> tuple[bool, tuple[str, ...]] | None:
        """Whether it is allowed and by which rules, in the order of the file; None when it cannot be judged."""
        request = {
            "principal": {"type": principal[0], "id": principal[1]},
            "action": {"type": "Action", "id": action},
            "resource": {"type": resource[0], "id": resource[1]},
            "context": context,
        }
        result = cedarpy.is_authorized(request, self._policies, self._actions, schema=self._schema)
        if result.diagnostics.errors or result.decision is cedarpy.Decision.NoDecision:
            return None
        decided = frozenset(result.diagnostics.reasons)
        return result.allowed, tuple(rule for policy, rule in self._rules.items() if policy in decided)

    def _denied(self, *rules: str) -> PolicyDecision:
        return PolicyDecision("deny", rules, self.version)


def _rule_ids(policies: Any) -> dict[str, str]:
    """Cedar's positional ids -> `@id`, in the order of the text. Raises InvalidPolicy when one is missing or there twice."""
    static = policies.to_pst().static_policies
    rules: dict[str, str] = {}
    for position in range(len(static)):
        rule = static[f"policy{position}"].annotations.get("id", "")
        if not rule.isidentifier() or rule in (EVALUATION_ERROR, DEFAULT_DENY):
            raise InvalidPolicy(f"policy number {position + 1} needs an @id in snake_case of its own, not {rule!r}")
        if rule in rules.values():
            raise InvalidPolicy(f"two policies have the @id {rule!r}")
        rules[f"policy{position}"] = rule
    return rules


def _employee(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "active": person.active,
        "guest": person.guest,
        "privileged": person.privileged,
        "roles": sorted(person.roles),
        "groups": sorted(person.groups),
        "attributes": _pairs(person.attributes),
    }


def _step(query: PolicyQuery) -> dict[str, Any]:
    context = {
        "action": query.action,
        "arguments": _pairs(query.arguments),
        "risk": query.risk,
        "requester": _employee(query.requester),
        "beneficiary": _employee(query.beneficiary),
        "effect": query.effect,
        "confidence": _millionths(query.confidence, ROUND_FLOOR),
        "act_at": _millionths(query.act_at, ROUND_CEILING),
        "notify_at": _millionths(query.notify_at, ROUND_CEILING),
        "confirmed": query.confirmed,
        "subject": query.subject,
        "needs_approval": query.needs_approval,
        "required_assurance": query.required_assurance,
        "assurance": query.assurance,
        "timed": query.timed,
        "has_end": query.has_end,
        "tainted": query.tainted,
        "paused": query.paused,
        "actions_so_far": query.actions_so_far,
        "actions_today": query.actions_today,
    }
    return context if query.approved_by is None else {**context, "approved_by": query.approved_by}


def _pairs(values: Mapping[str, Json]) -> list[str]:
    return sorted(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in values.items())


def _millionths(share: float, rounding: str) -> int:
    """A share of one, rounded away from permission. Raises ValueError outside 0..1, so that no wild figure counts as certain."""
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"not a share of one: {share}")
    return int((Decimal(repr(float(share))) * 1_000_000).to_integral_value(rounding))
