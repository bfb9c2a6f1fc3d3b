from dataclasses import replace
from pathlib import Path

import pytest

from specialists.policy import InvalidPolicy, Policy, PolicyQuery
from tests.specialists.policy.cases import BASE, DANA, GONE, GUEST, OMAR, PRIYA, VIC, boundaries, randoms
from tests.specialists.policy.oracle import expected

POLICY = Policy()


def mismatches(policy: Policy, queries: "list[PolicyQuery]", limit: int = 1) -> list[str]:
    wrong = []
    for query in queries:
        decision, want = policy.decide(query), expected(query)
        if decision.outcome != want.outcome or set(decision.rules) != want.rules:
            wrong.append(f"{query}\n  wanted {want}\n  got {decision}")
            if len(wrong) == limit:
                break
    return wrong


def test_agrees_with_the_oracle_on_every_boundary() -> None:
    queries = list(boundaries())
    assert len(queries) > 3_000
    assert mismatches(POLICY, queries) == []


def test_agrees_with_the_oracle_on_random_questions() -> None:
    assert mismatches(POLICY, list(randoms(10_000))) == []


def test_a_decision_carries_its_rules_and_the_version() -> None:
    decision = POLICY.decide(replace(BASE, paused=True, beneficiary=VIC))
    assert decision.outcome == "deny"
    assert decision.rules == ("self_only", "privileged_human_only", "kill_switch")
    assert decision.policy_version == POLICY.version == Policy().version
    assert len(POLICY.version) == 12


def test_an_approval_names_what_made_it_necessary() -> None:
    decision = POLICY.decide(replace(BASE, tainted=True))
    assert (decision.outcome, decision.rules) == ("run_with_approval", ("ask_for_approval", "tainted_needs_approval"))


@pytest.mark.parametrize("wild", [float("nan"), float("inf"), -0.1, 1.000001, 99.0])
def test_a_wild_confidence_is_not_certainty(wild: float) -> None:
    assert POLICY.decide(replace(BASE, confidence=wild)).rules == ("evaluation_error",)


def test_a_value_of_another_type_is_denied() -> None:
    assert POLICY.decide(replace(BASE, actions_so_far="0")).rules == ("evaluation_error",)  # type: ignore[arg-type]


def test_a_rule_that_cannot_be_evaluated_denies() -> None:
    overflowing = Policy.of(
        '@id("everything") permit (principal, action in Action::"run", resource);'
        '@id("too_large") forbid (principal, action in Action::"run", resource)'
        " when { context.actions_so_far * 9223372036854775807 > 10 };"
    )
    assert overflowing.decide(BASE).outcome == "run_autonomous"
    assert overflowing.decide(replace(BASE, actions_so_far=2)).rules == ("evaluation_error",)


def test_no_policy_means_no() -> None:
    nothing = Policy.of("")
    assert nothing.decide(BASE).rules == ("default_deny",)
    assert nothing.may_approve(PRIYA, "dana", "dana", ["priya"]).rules == ("default_deny",)


def test_the_organisation_adds_rules_but_cannot_lift_ours(tmp_path: Path) -> None:
    extra = tmp_path / "own.cedar"
    extra.write_text(
        '@id("anything_goes") permit (principal, action in Action::"run", resource);\n'
        '@id("payroll_needs_approval") forbid (principal, action in Action::"unattended", resource == Skill::"unlock_account")\n'
        'when { context.arguments.contains("application=payroll") && !(context has approved_by) };\n'
        '@id("not_in_germany") forbid (principal, action in Action::"run", resource)\n'
        'when { context.beneficiary.attributes.contains("country=DE") };'
    )
    policy = Policy(extra)
    assert policy.version != POLICY.version
    assert policy.decide(replace(BASE, paused=True)).rules == ("kill_switch",)
    payroll = replace(BASE, arguments={"application": "payroll", "days": 3})
    assert policy.decide(payroll).outcome == "run_with_approval"
    assert policy.decide(replace(payroll, approved_by="priya")).outcome == "run_autonomous"
    assert policy.decide(replace(BASE, requester=OMAR, beneficiary=OMAR)).rules == ("not_in_germany",)


def test_when_only_autonomy_is_forbidden_after_approval_the_deny_says_by_what(tmp_path: Path) -> None:
    extra = tmp_path / "own.cedar"
    extra.write_text('@id("hands_off") forbid (principal, action in Action::"unattended", resource);')
    assert Policy(extra).decide(BASE).outcome == "run_with_approval"
    assert Policy(extra).decide(replace(BASE, approved_by="priya")).rules == ("hands_off",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("permit (principal", "cannot be read"),
        ("permit (principal, action, resource);", "@id"),
        ('@id("default_deny") permit (principal, action, resource);', "@id"),
        ('@id("a") permit (principal, action, resource); @id("a") forbid (principal, action, resource);', "two policies"),
        ('@id("typo") forbid (principal, action in Action::"run", resource) when { context.puased };', "typo: .*puased"),
        ('@id("unguarded") forbid (principal, action in Action::"run", resource) when { context.approved_by == "x" };', "unguarded"),
    ],
)
def test_policies_that_do_not_validate_refuse_to_start(text: str, says: str) -> None:
    with pytest.raises(InvalidPolicy, match=says):
        Policy.of(text)


def test_who_may_approve() -> None:
    assert POLICY.may_approve(PRIYA, "dana", "dana", ["priya", "vic"]).allowed
    assert POLICY.may_approve(OMAR, "dana", "dana", ["priya"]).rules == ("default_deny",)
    assert POLICY.may_approve(DANA, "dana", "omar", ["dana"]).rules == ("self_approval",)
    assert POLICY.may_approve(OMAR, "dana", "omar", ["omar"]).rules == ("self_approval",)
    assert POLICY.may_approve(GUEST, "dana", "dana", ["guest"]).rules == ("approver_not_an_employee",)
    assert POLICY.may_approve(GONE, "dana", "dana", ["gone"]).rules == ("approver_not_an_employee",)
    assert not POLICY.may_approve(PRIYA, "dana", "dana", []).allowed
