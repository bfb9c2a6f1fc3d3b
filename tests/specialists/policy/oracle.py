"""What policy must say, in plain Python, written from the sentences of the product's rules and not from the Cedar text."""

from dataclasses import dataclass

from connectors.ports.people import Person
from specialists.policy.model import PolicyQuery


@dataclass(frozen=True)
class Expected:
    outcome: str
    rules: frozenset[str]


def employed(person: Person) -> bool:
    return person.active and not person.guest


def expected(q: PolicyQuery) -> Expected:
    own = q.requester.id == q.beneficiary.id
    sure = q.confirmed or q.confidence >= q.act_at
    middling = not sure and q.confidence >= q.notify_at
    reads_own = own and not q.effect

    no: set[str] = set()
    # "All employees, never guests"; nobody who has left.
    if not (employed(q.requester) and employed(q.beneficiary)):
        no.add("not_an_employee")
    # "Nothing it emits can reach beyond what the requester could get": a skill for oneself is for oneself.
    if q.subject == "self" and not own:
        no.add("self_only")
    # "Privileged accounts are human-only."
    if q.effect and q.beneficiary.privileged:
        no.add("privileged_human_only")
    # "One control stops every new autonomous effect."
    if q.effect and q.paused:
        no.add("kill_switch")
    # "At most 8 autonomous actions a request, then a human", "plus a daily cap per subject".
    if q.actions_so_far > 7:
        no.add("action_cap")
    if q.actions_today > 29:
        no.add("daily_cap")
    # ">= 0.85 act; 0.65-0.85 act only for low-risk skills and notify the owner, otherwise confirm; below 0.65 ask."
    if not sure and not (middling and (q.risk == "low" or reads_own)):
        no.add("confidence_gate")
    # "After step-up."
    if q.required_assurance > q.assurance:
        no.add("step_up_required")
    # "Access is time-bound."
    if q.timed and not q.has_end:
        no.add("grant_needs_end")
    # "Nobody approves their own request."
    if q.approved_by in (q.requester.id, q.beneficiary.id):
        no.add("self_approval")
    if no:
        return Expected("deny", frozenset(no))

    if q.approved_by is not None:
        why = {"approved"}
        if sure:
            why.add("certain")
        if reads_own and q.confidence >= q.notify_at:
            why.add("own_data")
        return Expected("run_autonomous", frozenset(why))

    # "A tainted slot needs approval"; so does a skill that declares it.
    ask = set()
    if q.needs_approval:
        ask.add("approval_required")
    if q.tainted:
        ask.add("tainted_needs_approval")
    if ask:
        return Expected("run_with_approval", frozenset({"ask_for_approval", *ask}))

    why = set()
    if sure:
        why.add("certain")
    if reads_own and q.confidence >= q.notify_at:
        why.add("own_data")
    return Expected("run_autonomous", frozenset(why)) if why else Expected("run_notify", frozenset({"low_risk"}))
