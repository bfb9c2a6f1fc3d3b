"""The negative control of the policy tests: every small damage to the policies must be noticed by them."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import cedarpy
from cedarpy import pst

from specialists.policy import InvalidPolicy, Policy, PolicyQuery
from specialists.policy.decide import HERE
from tests.specialists.policy.cases import BASE, DANA, GONE, GUEST, OMAR, PRIYA, boundaries, randoms
from tests.specialists.policy.test_decide import mismatches

TEXT = (HERE / "policies.cedar").read_text(encoding="utf-8")
SWAPS = {
    "less": ("less_eq", "greater", "greater_eq", "eq"),
    "less_eq": ("less", "greater", "greater_eq", "eq"),
    "greater": ("less", "less_eq", "greater_eq", "eq"),
    "greater_eq": ("less", "less_eq", "greater", "eq"),
    "eq": ("not_eq",),
    "not_eq": ("eq",),
    "and": ("or",),
    "or": ("and",),
}


def damaged(node: Any) -> Iterator[Any]:
    """Every expression that differs from this one in one place."""
    match node:
        case pst.BinaryOp(op=op) if op in SWAPS:
            yield from (replace(node, op=other) for other in SWAPS[op])
        case pst.UnaryOp(op="not", arg=arg):
            yield arg
        case pst.GetAttr(attr="confirmed" | "effect" | "active" | "guest" | "privileged" | "paused" | "timed" | "has_end" | "tainted"):
            yield pst.UnaryOp("not", node)
        case pst.HasAttr():
            yield pst.UnaryOp("not", node)
        case pst.LongLit(value=value):
            yield from (pst.LongLit(value - 1), pst.LongLit(value + 1))
        case pst.StringLit():
            yield pst.StringLit("else")
        case _:
            pass
    if is_dataclass(node) and not isinstance(node, type):
        for field in fields(node):
            inner = getattr(node, field.name)
            if isinstance(inner, tuple):
                for place, item in enumerate(inner):
                    yield from (replace(node, **{field.name: (*inner[:place], other, *inner[place + 1 :])}) for other in damaged(item))
            elif is_dataclass(inner):
                yield from (replace(node, **{field.name: other}) for other in damaged(inner))


def mutants() -> Iterator[tuple[str, pst.PolicySet]]:
    whole = cedarpy.policies_to_pst(TEXT)
    rules = dict(whole.static_policies)
    for key, rule in rules.items():
        name = rule.annotations["id"]
        rest = {other: value for other, value in rules.items() if other != key}
        yield f"{name} deleted", replace(whole, static_policies=rest)
        changed = [replace(rule, clauses=clauses.clauses) for clauses in damaged(replace(rule, action=pst.ScopeAny()))]
        changed += [replace(rule, clauses=rule.clauses[:n] + rule.clauses[n + 1 :]) for n in range(len(rule.clauses))]
        changed += [
            replace(rule, action=pst.ActionEq(pst.EntityUid(pst.EntityType("Action"), other)))
            for other in ("run_autonomous", "run_notify", "run_with_approval", "approve")
        ]
        for n, other in enumerate(changed):
            if other != rule:
                yield f"{name} damaged {n}", replace(whole, static_policies={**rest, key: other})


RIGHT = Policy()
QUERIES = [*randoms(2_000), *boundaries()]
APPROVALS = [
    (approver, requester, beneficiary, to)
    for approver in (DANA, OMAR, PRIYA, GUEST, GONE)
    for requester in ("dana", "omar")
    for beneficiary in ("dana", "omar")
    for to in ((), ("priya",), (approver.id,))
]
ANSWERS = [frozenset(RIGHT.may_approve(*question).rules) for question in APPROVALS]
NEVER_ALONE = '@id("never_alone") forbid (principal, action == Action::"run_autonomous", resource);'
LADDER = (
    (BASE, "run_notify"),
    (replace(BASE, risk="medium"), "run_with_approval"),
    (replace(BASE, confidence=0.5, confirmed=True), "run_with_approval"),
    (replace(BASE, risk="medium", approved_by="priya"), "deny"),
)
"""What an organisation gets that takes the first rung away: the second by its own rule, else the third, never a way around."""


def noticed(text: str, queries: list[PolicyQuery]) -> bool:
    policy, narrowed = Policy.of(text), Policy.of(text + NEVER_ALONE)
    return (
        any(frozenset(policy.may_approve(*question).rules) != answer for question, answer in zip(APPROVALS, ANSWERS, strict=True))
        or any(narrowed.decide(query).outcome != outcome for query, outcome in LADDER)
        or bool(mismatches(policy, queries))
    )


def test_every_mutant_is_killed() -> None:
    killed, refused, survived = 0, 0, []
    for name, nodes in mutants():
        try:
            if noticed(str(cedarpy.PolicySet.from_pst(nodes)), QUERIES):
                killed += 1
            else:
                survived.append(name)
        except InvalidPolicy:
            refused += 1
    assert survived == []
    assert killed > 150, f"{killed} killed, {refused} refused by validation: too few to mean something"


def test_the_undamaged_policies_are_not_killed() -> None:
    assert not noticed(TEXT, QUERIES[:1_000])
