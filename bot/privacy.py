"""Who may see what is said. Decided here and nowhere else: whoever says something only says what it is about.

Pure, and closed where it is in doubt: what cannot be shown to one person alone in a room of several goes to their own room.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from bot.conversation.model import Conversation
from bot.handoff.model import Handoff
from connectors.ports.chat import Reply, ReplyKind
from specialists.request import Request, RequestState

Subject = Request | Handoff
"""What something that is said is about. A handoff's own requests are subjects beside it."""
WHISPERED_CHARS = 3000
"""More than this is not whispered: a platform cuts it, and has no file of it to give."""
_OWN = frozenset({ReplyKind.REFUSAL, ReplyKind.APPROVAL})
"""Kinds that are for the person who is told and for nobody else, whatever they are about."""


class Where(Enum):
    HERE = "here"
    """In the conversation, for all who read there."""
    WHISPERED = "whispered"
    """In the conversation, shown to the one person alone, now and never again."""
    OWN_ROOM = "own_room"


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the person is while this is said to them. `shared`: several people read in the conversation's room; `present`: they
    have just spoken or pressed something there, and this answers it; `apart`: they have gone on with it in their own room;
    `outsiders`: people of other organisations read in the conversation's room, who are told nothing."""

    shared: bool
    present: bool
    apart: bool = False
    outsiders: bool = False


def where(
    reply: Reply,
    subjects: Sequence[Subject],
    conversation: Conversation,
    situation: Situation,
    personal_skills: Collection[str],
    *,
    personal: bool = False,
    lasting: bool = False,
) -> Where:
    """`personal`: whoever says it knows that it is for this person alone; `lasting`: it is changed later, as a card is."""
    apart = situation.apart or situation.outsiders
    if not situation.shared or not (personal or apart or _is_personal(reply, subjects, conversation, personal_skills)):
        return Where.HERE
    passing = not lasting and not reply.files and len(reply.text) <= WHISPERED_CHARS
    return Where.WHISPERED if situation.present and passing else Where.OWN_ROOM


def _is_personal(reply: Reply, subjects: Sequence[Subject], conversation: Conversation, personal_skills: Collection[str]) -> bool:
    return (
        reply.kind in _OWN
        or any(citation.restricted for citation in reply.citations)
        or not _is_known(reply, subjects)
        or any(_is_own(subject, conversation, personal_skills) for subject in subjects)
    )


def _is_known(reply: Reply, subjects: Sequence[Subject]) -> bool:
    """False for the card of a request that nobody named: it may be of anything, and from anywhere."""
    return reply.request is None or any(isinstance(one, Request) and one.case == reply.request.case for one in subjects)


def _is_own(subject: Subject, conversation: Conversation, personal_skills: Collection[str]) -> bool:
    """What was said elsewhere stays there, and so does what was told to this person alone: what is personal, or was refused."""
    if subject.conversation_id != conversation.id:
        return True
    if isinstance(subject, Handoff):
        return subject.sensitive is not None
    return subject.skill in personal_skills or subject.state is RequestState.DECLINED
