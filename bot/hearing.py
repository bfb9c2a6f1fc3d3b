"""What belongs to an activity but did not come with it: files, and what was said in a thread before the bot was called into it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import NAMESPACE_OID, uuid5

import structlog
from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.conversation.model import TranscriptEvent
from bot.database import Sessions
from bot.files import FileStore
from bot.talk import Talk
from connectors.errors import Refused, Retry
from connectors.ports.chat import Activity, ActivityKind, Address, Attachment, Channel, FileRef, Heard, ReplyKind
from connectors.ports.secrets import without_secrets

log = structlog.get_logger()
_activity: TypeAdapter[Activity] = TypeAdapter(Activity)
MOST_FILES = 10
"""Taken from one message."""
AT_ONCE = 5
"""Files of one message that are in memory at the same time."""
MOST_CONTEXT = 20
"""Messages that are read of a thread which the bot is called into."""
LONGEST = 600
"""Characters kept of each of them."""


@dataclass(frozen=True, slots=True)
class Hearing:
    channels: Mapping[str, Channel]
    files: FileStore
    sessions: Sessions
    patience: float
    """Seconds that the files of one message may take: less than a turn has, so that large ones never cost the answer."""

    async def complete(self, activity: Activity) -> Activity:
        """With what the platform left out: files, or the message that was marked and its thread. Raises Retry when it cannot be
        asked.
        """
        channel = self.channels[activity.address.channel]
        if activity.kind is ActivityKind.MARKED:
            marked = await channel.read(activity.address, activity.target or "")
            thread = marked.thread if marked is not None else None
            return replace(activity, about=marked, address=replace(activity.address, thread=thread or activity.address.thread))
        if activity.incomplete:
            heard = await channel.read(activity.address, activity.id)
            return replace(activity, files=heard.files if heard is not None else (), incomplete=False)
        return activity

    async def take_files(self, talk: Talk, activity: Activity) -> None:
        """Fetches what was sent and keeps it with the conversation; says of each file that cannot be had why."""
        if activity.kind is ActivityKind.MESSAGE:
            await self.take(talk, activity.id, activity.files, activity.address)

    async def take(self, talk: Talk, message_id: str, files: Sequence[FileRef], where: Address | None = None) -> None:
        """The files of a message that is the person's own now, as `take_files`. `where` it stands, if not in this conversation."""
        there = where or talk.conversation.address
        deadline, slots = asyncio.get_running_loop().time() + self.patience, asyncio.Semaphore(AT_ONCE)
        taken = await asyncio.gather(*(self._take(talk, message_id, file, there, deadline, slots) for file in files[:MOST_FILES]))
        talk.files = tuple(one for one in taken if isinstance(one, Attachment))
        if len(files) > MOST_FILES:
            talk.untaken.append(talk.words("say.file.too_many", count=len(files) - MOST_FILES))
        for file, code in zip(files, taken, strict=False):
            if isinstance(code, str):
                log.warning("file_not_taken", code=code, channel=there.channel)
                known = talk.words.messages.has(f"file.{code}")
                reason = talk.words(f"file.{code}" if known else "file.unavailable")
                talk.untaken.append(talk.words("say.file.refused", name=file.name, reason=reason))

    async def take_with(self, talk: Talk, message_id: str) -> Heard | None:
        """A message of this room as it stands there now, its files taken. Raises Retry when the channel cannot be asked."""
        address = talk.conversation.address
        heard = await self.channels[address.channel].read(address, message_id)
        if heard is not None:
            await self.take(talk, message_id, heard.files)
        return heard

    async def used_on(self, talk: Talk, shortcut_id: str) -> Heard | None:
        """The message on which this person used a shortcut; None for what is no shortcut, or somebody else's."""
        here, i = talk.conversation.address, t.inbox.c
        own = (
            i.channel == here.channel,
            i.tenant == here.tenant,
            i.activity_id == shortcut_id,
            i.sender == (talk.reader.external_id if talk.reader is not None else None),
            i.activity["kind"].as_string() == ActivityKind.SHORTCUT.value,
        )
        async with self.sessions() as session:
            found = (await session.execute(select(i.activity).where(*own))).scalar_one_or_none()
        return _activity.validate_python(found).about if found is not None else None

    async def _take(
        self, talk: Talk, message_id: str, file: FileRef, address: Address, deadline: float, slots: asyncio.Semaphore
    ) -> Attachment | str:
        """The code of what was wrong instead. Only the fetching is cut off: what is being saved is let finish."""
        async with slots:
            try:
                async with asyncio.timeout_at(deadline):
                    data = await self.channels[address.channel].download(address.tenant, file)
                return await self.files.keep(
                    data,
                    # By the turn: what two people, or two requests, take of one message is a file of each.
                    id=str(uuid5(NAMESPACE_OID, f"{address.channel}\n{address.tenant}\n{talk.id}\n{file.id}")),
                    name=file.name,
                    mime=file.mime,
                    conversation_id=talk.conversation.id,
                    person_id=talk.person.id,
                    now=talk.now,
                    private_to=talk.private_to,
                    message_id=message_id,
                )
            except (Refused, Retry) as error:
                return error.code
            except TimeoutError:
                return "unavailable"

    def finish(self, talk: Talk) -> None:
        """At the end of a turn: what came with a word that turned out to be private is as private; what could not be had is told."""
        for text in talk.untaken:
            talk.say(ReplyKind.NOTICE, text)
        talk.untaken.clear()
        files, handoff_id = talk.files, talk.private_to
        if not files or handoff_id is None:
            return

        async def keep(session: AsyncSession) -> None:
            await self.files.make_private(session, files, handoff_id)

        talk.changes.inside.append(keep)

    async def before(self, talk: Talk, activity: Activity) -> Sequence[Heard]:
        """What was said in the thread before the bot was called into it. It goes into the memory of the conversation, so that
        nobody has to repeat it; it is data, and chooses nothing.
        """
        channel = self.channels[activity.address.channel]
        said = await channel.history(activity.address, before=activity.id, limit=MOST_CONTEXT)
        kept = [replace(heard, text=without_secrets(heard.text)[:LONGEST]) for heard in said if heard.text.strip()]
        for n, heard in enumerate(kept):
            own = heard.author == activity.sender
            talk.changes.transcript.append(
                TranscriptEvent(
                    str(uuid5(NAMESPACE_OID, f"{talk.conversation.id}\n{heard.message_id}\n{n}")),
                    talk.conversation.id,
                    heard.at,
                    "person" if own else "other",
                    heard.text if own else f"{heard.author_name}: {heard.text}",
                    talk.person.id if own else None,
                    private_to=talk.private_to,
                )
            )
        return kept
