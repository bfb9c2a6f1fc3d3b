"""What happens when somebody edits or deletes what they said to the bot, or tells it to stop.

What staff and employee carry to each other follows in `bot/handoff/relay.py`; this is the rest.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.buttons import Buttons, Verb
from bot.cards import cancel_button, cancellable, titled
from bot.conversation.store import ConversationStore
from bot.handoff.desk import Desk
from bot.intake import Inbox
from bot.outbox import Outbox
from bot.talk import Talk
from connectors.ports.chat import Action, Activity, ReplyKind
from connectors.ports.secrets import REMOVED
from specialists import request as requests
from specialists.request import COMPOSED, Request
from specialists.store import RequestStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SecondThoughts:
    inbox: Inbox
    outbox: Outbox
    conversations: ConversationStore
    requests: RequestStore
    desk: Desk
    buttons: Buttons

    async def edited(self, talk: Talk, activity: Activity) -> bool:
        """The memory follows. True when the new words are to be understood anew: they were the last ones, and what came of the
        old ones can still be dropped. What is under way is not touched; the person is told.
        """
        if not await self._rewrite(talk, activity, activity.text):
            return False
        begun = await self._begun(talk, activity)
        if any(request.state not in COMPOSED and not request.ended for request in begun):
            for request in begun:
                actions = (Action(self.buttons.id(Verb.CANCEL, request.id), talk.words("button.cancel")),)
                text = talk.words("edit.too_late", case=request.case)
                talk.say(ReplyKind.NOTICE, text, request=request, actions=actions, personal=True)
            return False
        for request in begun:
            self._drop(talk, request)
        return not begun or any(request.state in COMPOSED for request in begun)

    async def deleted(self, talk: Talk, activity: Activity) -> None:
        """The memory forgets the words and the files, and so do the cards that staff read; a request that was being put together
        from them is dropped. What is under way is not touched; the person is told.
        """
        await self.desk.forget(talk, activity.target or "")
        last = await self._rewrite(talk, activity, "")
        for request in await self._begun(talk, activity):
            if last and self._drop(talk, request):
                talk.say(ReplyKind.NOTICE, talk.words("deleted.cancelled", case=request.case), personal=True)
            elif request.state not in COMPOSED and not request.ended and (last or request.key.startswith(f"{activity.target}:")):
                actions = (cancel_button(request, talk.words, self.buttons),) if cancellable(request) else ()
                text = talk.words("deleted.too_late", case=request.case)
                talk.say(ReplyKind.NOTICE, text, request=request, actions=actions, personal=True)

    async def stopped(self, talk: Talk) -> None:
        """What was not said yet stays unsaid, and what is being put together is dropped; what is under way goes on."""
        address = talk.conversation.address
        if not talk.conversation.engaged:
            return  # it is somebody else's that they would stop
        others = [one for one in await self.conversations.people_at(address) if one != talk.person.id]

        async def withdraw(session: AsyncSession) -> None:
            await self.outbox.withdraw(session, address)

        if not others:
            talk.changes.inside.append(withdraw)
        still = [one for one in await self.requests.of_conversation(talk.conversation.id) if not one.ended]
        running = [request for request in still if not self._drop(talk, request)]
        talk.conversation = talk.conversation.passing_over()
        for request in running:
            actions = (Action(self.buttons.id(Verb.CANCEL, request.id), talk.words("button.cancel")),)
            text = talk.words("stopped.running", case=request.case, title=titled(request, talk.words))
            talk.say(ReplyKind.NOTICE, text, request=request, actions=actions)
        if not running:
            talk.say(ReplyKind.NOTICE, talk.words("stopped"))

    async def _rewrite(self, talk: Talk, activity: Activity, text: str) -> bool:
        """Whether it was this person's last word in this conversation, and is another now; the transcript follows in any case."""
        target = activity.target or ""
        if await self._is_said(talk, activity, text):
            return False  # a platform tells of an edit, too, when it has only added a preview

        async def rewrite(session: AsyncSession) -> None:
            await self.conversations.rewrite(session, talk.conversation.id, target, text)

        talk.changes.inside.append(rewrite)
        return await self.inbox.last_word(activity) == target and REMOVED not in text

    async def _is_said(self, talk: Talk, activity: Activity, text: str) -> bool:
        """Whether the message says just that as it is remembered, with its files or without."""
        with_files = "\n".join(filter(None, (text, *(talk.words("say.file", name=file.name) for file in activity.files))))
        said = await self.conversations.transcript(talk.conversation.id)
        return any(line.message_id == activity.target and line.text in (text, with_files) for line in said)

    async def _begun(self, talk: Talk, activity: Activity) -> list[Request]:
        """The requests that came of the message."""
        since = await self.inbox.received_at(activity.address, activity.target or "")
        if since is None:
            return []
        here = [one for one in await self.requests.of_conversation(talk.conversation.id) if one.created_at >= since]
        gone_on = await self.requests.by_key(f"{activity.target}:1")  # perhaps on another platform
        if gone_on is not None and gone_on.requester_id == talk.person.id and all(one.id != gone_on.id for one in here):
            here.append(gone_on)
        return [talk.current(one) for one in here]

    @staticmethod
    def _drop(talk: Talk, request: Request) -> bool:
        """Whether it was still being put together, and so is dropped."""
        if request.state not in COMPOSED:
            return False
        talk.changes.request(requests.cancelled(request, talk.now))
        talk.conversation = talk.conversation.forgetting(request.id)
        return True
