"""Replies as the bot makes them, one of each kind that Slack shows."""

from datetime import UTC, datetime

from connectors.ports.chat import (
    Action,
    Author,
    Citation,
    Feedback,
    Field,
    Form,
    FormField,
    Item,
    Progress,
    Reply,
    ReplyKind,
    RequestRef,
    Section,
    Step,
)

UPDATED = datetime(2026, 8, 20, tzinfo=UTC)
APPROVAL = RequestRef("FOY-12", "access.grant", "awaiting_approval")
GRANT = "grant_access(system=figma, role=editor, until=2026-12-20)"

ANSWER = Reply(
    "answer",
    ReplyKind.ANSWER,
    "You may book a hotel up to **120 € a night**, in London and Zürich up to 180 €. [1]\n\n"
    "1. Book through *TravelDesk*.\n2. Keep the invoice; `VAT` must be shown on it.\n3. Hand it in within 30 days. [2]\n\n"
    "Ask <!channel> or see [our bank](https://evil.example/login). ![secret](https://evil.example/pixel.png)\n\n"
    "[1] Travel policy, Hotels, updated 3 months ago\n[2] Expenses, updated 2 years ago, so check whether it still holds",
    citations=(
        Citation(1, "Travel policy", "travel.md", "Hotels", url="https://kb.acme.example/travel#hotels", updated=UPDATED),
        Citation(2, "Expenses", "expenses.md"),
    ),
    actions=(Action("a", "Ask a person"),),
    feedback=Feedback(Action("up", "Helpful"), Action("down", "Not helpful", needs_text="optional", prompt="What was wrong?")),
)


def card(ball: str, next_step: str, *statuses: str, actions: tuple[Action, ...] = ()) -> Reply:
    titles = ("Approval: Priya Nair", "Check that a licence is free", "Give you the role editor in Figma")
    steps = tuple(Step(title, status) for title, status in zip(titles, statuses, strict=True))  # type: ignore[arg-type]
    progress = Progress("Access to an application: Figma, editor", ball, "the access specialist", steps, next_step)
    return Reply("card", ReplyKind.PROGRESS, f"**FOY-12** {ball}", request=APPROVAL, progress=progress, actions=actions)


WAITING = card(
    "Approval: Priya Nair, since 14:05",
    "Once she approves, it is done within a minute.",
    *("running", "pending", "pending"),
    actions=(Action("c", "Cancel", confirm="Cancel FOY-12?"), Action("p", "Ask a person")),
)
DONE = card("Done, 14:31.", "", "done", "done", "done")
FACTS = (
    Field("Application", "Figma"),
    Field("Role", "editor"),
    Field("Why", "Design review of the *new* checkout"),
    Field("Exactly", GRANT),
)
ASKED = Reply(
    "asked",
    ReplyKind.APPROVAL,
    "**FOY-12** Dana Kim asks for access to Figma as editor. You decide until 23 November, 14:05.",
    request=APPROVAL,
    fields=FACTS,
    actions=(
        Action("y", "Approve", "primary", "optional", "Reason"),
        Action("n", "Deny", "danger", "required", "Reason"),
    ),
)
DECIDED = Reply(
    "decided",
    ReplyKind.APPROVAL,
    "**FOY-12** Dana Kim asks for access to Figma as editor. Approved by Priya Nair, 14:31.",
    request=APPROVAL,
    fields=FACTS,
)
RECEIPT = Reply(
    "receipt",
    ReplyKind.RECEIPT,
    "**FOY-12** You have the role editor in Figma.\n\nDid this solve it?",
    request=APPROVAL,
    fields=(Field("Verified", "Figma lists you as editor"), Field("Until", "20 December 2026"), Field("By", "the access specialist")),
    actions=(
        Action("s", "Yes, solved", "primary"),
        Action("t", "No, not solved"),
        Action("u", "Undo", "danger", confirm="Take the role away again?"),
    ),
)
HANDOFF = Reply(
    "handoff",
    ReplyKind.HANDOFF,
    "**FOY-31** Dana Kim needs a person: the laptop does not start after the update.\n\nUrgency: high. Group: **IT support**.",
    request=RequestRef("FOY-31", "", "requested"),
    fields=(Field("Employee", "Dana Kim, Design, Berlin"), Field("Device", "ThinkPad T14, PF-3X9K2")),
    transcript=(
        *(f"Dana Kim: earlier line {n}" for n in range(23)),
        "Dana Kim: My laptop is black since this morning's update.",
        "Foyer: Does the power light blink?",
        "Dana Kim: Yes, three times. @channel please help <!here>",
    ),
    actions=tuple(
        Action(str(n), label, "primary" if n == 0 else "plain", "required" if n else "no")
        for n, label in enumerate(("Claim", "Reply to employee", "Note (internal)", "Assign", "Resolve", "Return to Foyer"))
    ),
)
STAFF = Reply("staff", ReplyKind.HANDOFF, "Hold the power key for 30 seconds, please. Does it start then?", author=Author("Sam Ortiz"))
HOME = Reply(
    "home",
    ReplyKind.HOME,
    "Hello **Dana**. Foyer answers from the company's articles and does things for you; it is a computer and can be wrong.",
    actions=(Action("h", "Book a holiday", "primary", opens_form=True), Action("i", "Get access", opens_form=True)),
    sections=(
        Section(
            "Waiting for your decision",
            (
                Item(
                    "**FOY-29** Lee Wong: two days of holiday, 3 to 4 December",
                    (Action("a", "Approve", "primary", "optional", "Reason"), Action("d", "Deny", "danger", "required", "Reason")),
                ),
            ),
        ),
        Section(
            "My requests",
            (
                Item("**FOY-12** Access to Figma, editor. *Approval: Priya Nair, since 14:05*", (Action("s", "Show"),)),
                Item("**FOY-8** Holiday, 24 to 31 December. *Done, 2 November*", (Action("t", "Show"),)),
            ),
        ),
    ),
)
FORM = Reply(
    "form",
    ReplyKind.FORM,
    "",
    form=Form(
        "Book a holiday",
        Action("f", "Send", "primary"),
        (
            FormField("first", "First day", "date", value="2026-12-24"),
            FormField("last", "Last day", "date"),
            FormField("kind", "Kind", "choice", choices=(("paid", "Paid leave"), ("unpaid", "Unpaid leave")), value="paid"),
            FormField("note", "Note to the approver", "long_text", required=False, hint="Your manager reads it."),
        ),
        "You have **12 days** left this year.",
    ),
)
TABLE = Reply(
    "table",
    ReplyKind.ANSWER,
    "Every office and its desk:\n\n| Office | City | Desk phone | Open |\n|---|---|---|---|\n"
    + "\n".join(f"| Office {n} | City {n} | +49 30 55{n:04} | 8 to 18 |" for n in range(105)),
)
REFUSAL = Reply(
    "refusal",
    ReplyKind.REFUSAL,
    "I can't book that: you have **2 days** left, and this takes 5. Nothing was changed.",
    request=RequestRef("FOY-40", "leave.book", "denied"),
    actions=(Action("p", "Ask a person"),),
)
ERROR = Reply("error", ReplyKind.NOTICE, "I can't search our articles right now. Please try again in a little while.")
