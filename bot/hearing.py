"""What belongs to an activity but did not come with it: files, and what was said in a thread before the bot was called into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import NAMESPACE_OID, uuid5

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation.model import TranscriptEvent
from bot.files import FileStore
from bot.talk import Talk
from connectors.errors import Refused, Retry
from connectors.ports.chat import Activity, ActivityKind, Attachment, Channel, FileRef, Heard, ReplyKind
from connectors.ports.secrets import without_secrets

log = structlog.get_logger()
MOST_FILES = 10
"""Taken from one message."""
MOST_CONTEXT = 20
"""Messages that are read of a thread which the bot is called into."""
LONGEST = 600
"""Characters kept of each of them."""


@dataclass(frozen=True, slots=True)
class Hearing:
    channels: Mapping[str, Channel]
    files: FileStore

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
        if activity.kind is not ActivityKind.MESSAGE:
            return
        taken = [await self._take(talk, activity, file) for file in activity.files[:MOST_FILES]]
        talk.files = tuple(file for file in taken if file is not None)

    async def _take(self, talk: Talk, activity: Activity, file: FileRef) -> Attachment | None:
        try:
            data = await self.channels[activity.address.channel].download(activity.address.tenant, file)
            return await self.files.keep(
                data,
                id=str(uuid5(NAMESPACE_OID, f"{activity.address.channel}\n{activity.address.tenant}\n{activity.id}\n{file.id}")),
                name=file.name,
                mime=file.mime,
                conversation_id=talk.conversation.id,
                person_id=talk.person.id,
                now=talk.now,
                private_to=talk.private_to,
            )
        except (Refused, Retry) as error:
            log.warning("file_not_taken", code=error.code, channel=activity.address.channel)
            known = talk.words.messages.has(f"file.{error.code}")
            reason = talk.words(f"file.{error.code}" if known else "file.unavailable")
            talk.say(ReplyKind.NOTICE, talk.words("say.file.refused", name=file.name, reason=reason))
            return None

    def keep_private(self, talk: Talk) -> None:
        """What came with a word that turned out to be private is as private."""
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
