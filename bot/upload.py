"""One upload of many files: what became of each, pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.ports.people import Person
from knowledge.errors import KnowledgeError, NotAllowed

MOST_BYTES = 500 * 1024 * 1024
"""Of one upload."""


class FileState(StrEnum):
    WAITING = "waiting"
    READING = "reading"
    ENCODING = "encoding"
    """Read, and about to be published."""
    ADDED = "added"
    """A draft."""
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    LEFT = "left"
    """The upload was cancelled before."""


PENDING = frozenset({FileState.WAITING, FileState.READING, FileState.ENCODING})


class UploadRefused(KnowledgeError):
    """An upload that cannot be begun or gone on with. Codes: empty, too_many, too_much, busy, unknown, no_file, over, twin, failed."""

    @property
    def message_key(self) -> str:
        return f"upload.{self.code}"


class NotYours(UploadRefused, NotAllowed):
    """Somebody else's upload. Code: not_yours."""


@dataclass(slots=True)
class File:
    """`name`: its path from the chosen folder on, which is the article's key."""

    name: str
    state: FileState = FileState.WAITING
    arrived: bool = False
    article: str | None = None
    version: int = 0
    changed: bool = False
    draft: bool = False
    """Whether this version waits to be published."""
    refusal: KnowledgeError | None = None

    @property
    def wanted(self) -> bool:
        """Whether its content is waited for."""
        return self.state is FileState.WAITING and not self.arrived

    def refuse(self, refusal: KnowledgeError) -> None:
        self.state, self.refusal = FileState.REFUSED, refusal

    def rest(self) -> None:
        """Back to what it is without being published."""
        self.state = FileState.ADDED if self.changed else FileState.UNCHANGED


@dataclass(slots=True)
class Upload:
    """One person's files."""

    id: str
    by: Person
    audience: Sequence[str]
    publish: bool
    files: Sequence[File]
    heard: float
    """When something of it came last, in seconds of a clock that is never set."""
    room: int = MOST_BYTES
    cancelled: bool = False
    kept: bool = True
    """Whether there may still be files of it on the disk."""
    working: Sequence[File] = field(default=())
    """What is being published right now."""

    @property
    def open(self) -> bool:
        return any(file.state in PENDING for file in self.files)

    @property
    def state(self) -> str:
        """open, cancelling, cancelled or done."""
        if self.open:
            return "cancelling" if self.cancelled else "open"
        return "cancelled" if self.cancelled or any(file.state is FileState.LEFT for file in self.files) else "done"

    @property
    def counts(self) -> Mapping[FileState, int]:
        return Counter(file.state for file in self.files)

    @property
    def done(self) -> int:
        return sum(file.state not in PENDING for file in self.files)

    @property
    def now(self) -> File | None:
        """The file that is being worked at."""
        return next((file for file in self.files if file.state is FileState.READING), None) or next(iter(self.working), None)

    @property
    def drafts(self) -> Sequence[File]:
        """What could be published."""
        return [file for file in self.files if file.draft and file.state in (FileState.ADDED, FileState.UNCHANGED)]

    def leave(self) -> None:
        """What was not begun is left; what is read stays a draft, but for what is being published right now."""
        for file in self.files:
            if file.state is FileState.WAITING:
                file.state = FileState.LEFT
            elif file.state is FileState.ENCODING and file not in self.working:
                file.rest()
