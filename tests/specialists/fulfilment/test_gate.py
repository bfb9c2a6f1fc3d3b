"""From policy's answers to the way of a request."""

import pytest

from specialists.gate import Way, rules, way
from specialists.policy.model import PolicyDecision


def deny(*named: str) -> PolicyDecision:
    return PolicyDecision("deny", named, "v1")


RUN = PolicyDecision("run_autonomous", ("certain",), "v1")
NOTIFY = PolicyDecision("run_notify", ("low_risk",), "v1")
APPROVAL = PolicyDecision("run_with_approval", ("ask_for_approval",), "v1")


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([RUN], Way.RUN),
        ([RUN, NOTIFY], Way.NOTIFY),
        ([RUN, APPROVAL, NOTIFY], Way.APPROVAL),
        ([RUN, deny("kill_switch")], Way.HOLD),
        ([deny("step_up_required"), APPROVAL], Way.STEP_UP),
        ([deny("step_up_required", "kill_switch")], Way.HOLD),
        ([deny("kill_switch"), deny("action_cap")], Way.STAFF),
        ([deny("privileged_human_only", "step_up_required")], Way.STAFF),
        ([deny("default_deny")], Way.STAFF),
        ([deny("evaluation_error")], Way.STAFF),
        ([deny("a_rule_of_the_organisation")], Way.STAFF),
        ([deny("self_only", "privileged_human_only", "kill_switch")], Way.DECLINE),
        ([deny("not_an_employee")], Way.DECLINE),
    ],
)
def test_a_plan_goes_the_way_of_its_most_restricted_action(decisions: list[PolicyDecision], expected: Way) -> None:
    assert way(decisions) is expected


def test_the_rules_named_are_those_that_denied() -> None:
    assert rules([RUN, deny("action_cap"), deny("action_cap", "daily_cap")]) == ("action_cap", "daily_cap")
    assert rules([RUN, NOTIFY]) == ("certain", "low_risk")
