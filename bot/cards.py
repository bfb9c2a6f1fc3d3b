"""Cards about requests: who has the ball, what is to be approved, what was done. Pure; worded for one reader."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.buttons import Buttons, Verb
from bot.talk import request_ref
from bot.words import Words
from connectors.ports.chat import Action, Feedback, Field, Progress, Reply, ReplyKind, Step
from connectors.ports.messages import Message
from connectors.ports.records import Json
from specialists.approvals import Approval
from specialists.request import COMPOSED, EventKind, Request, RequestEvent, RequestState
from specialists.skill import Receipt

S = RequestState
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")

_CANCELLABLE = COMPOSED | {S.AWAITING_STEP_UP, S.AWAITING_APPROVAL, S.HELD}
_STEP_STATUS = {
    EventKind.STEP_STARTED: "running",
    EventKind.STEP_DONE: "done",
    EventKind.STEP_FAILED: "failed",
    EventKind.COMPENSATED: "undone",
}


@dataclass(frozen=True, slots=True)
class RequestStory:
    """A request with all that happened to it and the names that its cards need."""

    request: Request
    events: Sequence[RequestEvent]
    specialist: str
    """Its name as people see it."""
    names: Mapping[str, str]
    """Person id -> name, for approvers and whoever decided."""
    handoff: str = ""
    """The case in which people have it, after it did not solve it; empty where that is not known, or nobody's business."""

    def last(self, *kinds: EventKind) -> RequestEvent | None:
        return next((event for event in reversed(self.events) if event.kind in kinds), None)


def status_card(story: RequestStory, words: Words, buttons: Buttons, reply_id: str, *, openly: bool = False) -> Reply:
    """The one live card of a request. `openly`: where others read along, who are not told why something was refused."""
    request = story.request
    title = titled(request, words)
    ball, next_step = _ball(story, words, openly)
    actions: list[Action] = []
    if request.state is S.DECLINED:
        actions.append(Action(buttons.id(Verb.WANT_PERSON_FOR, request.id), words("button.person")))
    if request.state in COMPOSED:
        actions.append(Action(buttons.id(Verb.SHOW, request.id), words("button.continue"), "primary"))
    if request.state in _CANCELLABLE:
        actions.append(cancel_button(request, words, buttons))
        actions.append(Action(buttons.id(Verb.WANT_PERSON_FOR, request.id), words("button.person")))
    return Reply(
        id=reply_id,
        kind=ReplyKind.PROGRESS,
        text=words("card.text", case=request.case, title=title, ball=ball),
        request=request_ref(request),
        actions=tuple(actions),
        progress=Progress(title, ball, story.specialist, _steps(story, words), next_step),
    )


def declined(story: RequestStory, words: Words) -> str:
    """Why it was not done; empty where only its rules are known and none of them has words."""
    event = story.last(EventKind.DECLINED)
    if event is None:
        return ""
    if "message" in event.data:
        return words.of(Message.from_json(event.data["message"]))
    keys = [f"refused.{rule}" for rule in event.data.get("rules", ())]
    return next((words(key) for key in keys if words.messages.has(key)), "")


def cancel_button(request: Request, words: Words, buttons: Buttons, label: str = "") -> Action:
    """Asks before it takes back what was sent; what is still being put together is dropped at once."""
    sent = request.state not in COMPOSED
    confirm = words("confirm.cancel", case=request.case, title=titled(request, words)) if sent else ""
    return Action(buttons.id(Verb.CANCEL, request.id), label or words("button.cancel"), confirm=confirm)


def cancellable(request: Request) -> bool:
    """Whether nothing has been done yet, so that it can be taken back."""
    return request.state in _CANCELLABLE


def judged(answer_id: str, words: Words, buttons: Buttons) -> Feedback:
    """What stands under an answer: was it of use?"""
    return Feedback(
        Action(buttons.id(Verb.HELPFUL, answer_id), words("button.helpful")),
        Action(buttons.id(Verb.NOT_HELPFUL, answer_id), words("button.not_helpful"), "plain", "optional", words("prompt.missing")),
    )


def titled(request: Request, words: Words) -> str:
    """What it is about, with what is known of it."""
    details = ", ".join(dict.fromkeys(slot.label for slot in request.slots.values()))
    return words.of_skill(request, "title") + (f": {details}" if details else "")


def exact_arguments(request: Request, approval: Approval, words: Words) -> list[Field]:
    """What an approver says yes to: in words, and exactly as it will be used."""
    fields = []
    for name, slot in request.slots.items():
        key = f"skill.{request.skill}.label.{name}"
        fields.append(Field(words(key) if words.messages.has(key) else name, slot.label))
    for action in approval.actions:
        exact = ", ".join(f"{name}={_exact(value, words)}" for name, value in action.arguments.items() if value is not None)
        fields.append(Field(words("approval.exact"), f"{action.name}({exact})"))
    return fields


def _exact(value: Json, words: Words) -> str:
    """As it will be used; a moment to the second, by the reader's clock."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return str(value)
    return datetime.fromisoformat(value).astimezone(ZoneInfo(words.reader.timezone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _ball(story: RequestStory, words: Words, openly: bool) -> tuple[str, str]:
    """Who has it, and what comes next."""
    request = story.request
    match request.state:
        case S.AWAITING_APPROVAL:
            asked = story.last(EventKind.APPROVAL_REQUESTED)
            approvers = tuple(story.names.get(i, "?") for i in asked.data["approver_ids"]) if asked else ()
            return words("ball.awaiting_approval", approvers=approvers, since=asked.at if asked else request.updated_at), words(
                "next.approval"
            )
        case S.AWAITING_STEP_UP:
            asked = story.last(EventKind.STEP_UP_REQUESTED)
            until = _moment(asked.data, "expires_at") if asked else None
            return words("ball.awaiting_step_up", until=until or request.updated_at), words("next.step_up")
        case S.DENIED:
            decided = story.last(EventKind.APPROVAL_DECIDED)
            by = story.names.get(decided.data.get("by") or "", "?") if decided else "?"
            if decided is None:
                return words("ball.denied_by_you"), ""
            reason = decided.data.get("reason")
            return words("ball.denied.why", by=by, reason=reason) if reason and not openly else words("ball.denied", by=by), ""
        case S.DECLINED:
            return (declined(story, words) if not openly else "") or words("ball.declined"), ""
        case S.DONE if request.resolution == "reopened":
            return words("ball.reopened.case", case=story.handoff) if story.handoff else words("ball.reopened"), ""
        case S.DONE:
            completed = story.last(EventKind.COMPLETED)
            return words("ball.done", at=completed.at if completed is not None else request.updated_at), ""
        case state:
            return words(f"ball.{state.value}", specialist=story.specialist, at=request.updated_at), ""


def _steps(story: RequestStory, words: Words) -> tuple[Step, ...]:
    planned = story.last(EventKind.PLANNED)
    titles: dict[int, str] = {}
    if planned is not None:
        for n, step in enumerate(planned.data["steps"]):
            titles[n] = words.of(Message.from_json(step["message"]))
    status: dict[int, str] = {}
    approvals: list[Step] = []
    for event in story.events:
        if event.kind in _STEP_STATUS:
            status[event.data["n"]] = _STEP_STATUS[event.kind]
        elif event.kind is EventKind.UNDONE:
            status = dict.fromkeys(titles, "undone")
        elif event.kind is EventKind.STEP_UP_REQUESTED:
            approvals.append(Step(words("step.step_up"), "running"))
        elif event.kind is EventKind.STEP_UP_PASSED:
            approvals[-1] = Step(words("step.step_up"), "done")
        elif event.kind is EventKind.APPROVAL_REQUESTED:
            names = tuple(story.names.get(i, "?") for i in event.data["approver_ids"])
            approvals.append(Step(words("step.approval", approvers=names), "running"))
        elif event.kind in (EventKind.EXPIRED, EventKind.CANCELLED, EventKind.DENIED) and approvals and approvals[-1].status == "running":
            approvals[-1] = Step(approvals[-1].title, "pending")
        elif event.kind is EventKind.APPROVAL_DECIDED and approvals:
            approvals[-1] = Step(approvals[-1].title, "done" if event.data["verdict"] == "approved" else "failed")
    steps = [Step(title, status.get(n, "pending")) for n, title in titles.items()]  # type: ignore[arg-type]
    return (*approvals, *steps)


def approval_card(
    story: RequestStory, approval: Approval, requester: str, arguments: Sequence[Field], words: Words, buttons: Buttons, reply_id: str
) -> Reply:
    """What exactly is asked of an approver; without buttons once it is decided."""
    request = story.request
    summary = words.of_skill(request, "approval", person=requester)
    actions: tuple[Action, ...] = ()
    if approval.state == "pending":
        text = words("approval.asked", case=request.case, summary=summary, until=approval.expires_at)
        actions = (
            Action(buttons.id(Verb.APPROVE, approval.id), words("button.approve"), "primary", "optional", words("prompt.reason")),
            Action(buttons.id(Verb.DENY, approval.id), words("button.deny"), "danger", "required", words("prompt.reason")),
        )
    else:
        by = story.names.get(approval.decided_by or "", "")
        text = words(
            f"approval.{approval.state}",
            case=request.case,
            summary=summary,
            by=by,
            at=approval.decided_at or request.updated_at,
            reason=approval.reason or words("approval.no_reason"),
        )
    return Reply(id=reply_id, kind=ReplyKind.APPROVAL, text=text, request=request_ref(request), actions=actions, fields=tuple(arguments))


def receipt(story: RequestStory, words: Words, buttons: Buttons, reply_id: str) -> Reply:
    """What changed, verified how, by which rule, until when; with Undo while it can be undone."""
    request = story.request
    completed = story.last(EventKind.COMPLETED)
    if completed is None:
        raise ValueError("only a completed request has a receipt")
    done = Receipt.from_json(completed.data["receipt"])
    lines = [words.of(message) for message in done.changed]
    fields = [Field(words("receipt.verified"), words.of(message)) for message in done.verified]
    if done.until is not None:
        fields.append(Field(words("receipt.until"), words("receipt.until_value", until=done.until)))
    fields.append(Field(words("receipt.by"), story.specialist))
    fields.append(Field(words("receipt.rule"), ", ".join(done.rules)))
    if done.references:
        fields.append(Field(words("receipt.reference"), ", ".join(done.references)))
    actions: list[Action] = []
    if request.state is S.UNDONE:
        fields = [Field(words("receipt.by"), story.specialist)]
        lines = [words("receipt.undone", at=request.updated_at), *(f"~~{line}~~" for line in lines)]
    else:
        if request.resolution in (None, "assumed") and request.state is S.DONE:
            lines.append(words("receipt.solved?"))
            actions.append(Action(buttons.id(Verb.SOLVED, request.id), words("button.solved"), "primary"))
            actions.append(Action(buttons.id(Verb.NOT_SOLVED, request.id), words("button.not_solved")))
        ended = story.last(EventKind.GRANT_ENDED, EventKind.NOTHING_TO_UNDO) is not None
        if done.undo and request.state is S.DONE and not ended:
            confirm = words("confirm.undo", case=request.case, title=titled(request, words))
            actions.append(Action(buttons.id(Verb.UNDO, request.id), words("button.undo"), "danger", confirm=confirm))
    return Reply(
        id=reply_id,
        kind=ReplyKind.RECEIPT,
        text=words("receipt.text", case=request.case, lines="\n\n".join(lines)),
        request=request_ref(request),
        actions=tuple(actions),
        fields=tuple(fields),
    )


def _moment(data: Mapping[str, Any], name: str) -> datetime | None:
    value = data.get(name)
    return datetime.fromisoformat(value) if value else None
