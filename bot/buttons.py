"""Opaque ids for buttons. An id says, to nobody but this installation, what was pressed; who may is checked elsewhere.

Sealed deterministically (AES-SIV), so the same button keeps its id when its card is drawn again, and nothing is stored.
"""

import base64
import binascii
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV


class Verb(IntEnum):
    """What a press means. The subject is the id of what stands behind the number's name."""

    APPROVE = 1  # approval
    DENY = 2  # approval
    CONFIRM = 3  # request
    DECLINE = 4  # request
    CANCEL = 5  # request
    UNDO = 6  # request
    SOLVED = 7  # request
    NOT_SOLVED = 8  # request
    WANT_PERSON = 9  # conversation; the person who asks, where there is none yet
    NO_PERSON = 10  # conversation
    CHOOSE_FIRST = 11  # choice
    CHOOSE_SECOND = 12  # choice
    CHOOSE_THIRD = 13  # choice
    WANT_PERSON_FOR = 14  # request
    CLAIM = 20  # handoff
    NOTE = 21  # handoff
    REPLY = 22  # handoff
    ASSIGN = 23  # handoff
    RESOLVE = 24  # handoff
    RETURN = 25  # handoff
    RECALL = 26  # held reply
    HELPFUL = 30  # reply
    NOT_HELPFUL = 31  # reply
    FILL_FORM = 32  # request
    SEND_FORM = 33  # request
    START = 34  # skill, by bot.forms.skill_id
    CREATE_REQUEST = 35  # an id of its own
    ADD_ARTICLE = 36  # an id of its own
    JOIN = 37  # conversation
    LEAVE = 38  # conversation
    SHOW = 39  # request
    PUBLISH = 40  # article
    TEACH = 41  # handoff


@dataclass(frozen=True, slots=True)
class Pressed:
    verb: Verb
    subject: str


class Buttons:
    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)

    def id(self, verb: Verb, subject: str) -> str:
        """The action id; `subject` is a UUID."""
        sealed = self._cipher.encrypt(bytes([verb]) + UUID(subject).bytes, None)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, action_id: str) -> Pressed | None:
        """None for anything that this installation did not make."""
        try:
            sealed = base64.urlsafe_b64decode(action_id + "=" * (-len(action_id) % 4))
            plain = self._cipher.decrypt(sealed, None)
            return Pressed(Verb(plain[0]), str(UUID(bytes=plain[1:])))
        except (binascii.Error, InvalidTag, ValueError, IndexError):
            return None
