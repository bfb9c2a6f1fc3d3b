"""What people start from a message that was not said to the bot: a request, an article, an invitation to help.

The words of such a message are data. They choose nothing until a person sends them as their own, in a form or by a yes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

from bot.buttons import Buttons, Verb
from bot.changes import Redraw
from bot.config import Organisation
from bot.conversation.model import AwaitsInvitation
from bot.conversation.store import ConversationStore
from bot.forms import LONGEST, MOST_CHOICES, show
from bot.hearing import Hearing
from bot.outbox import Outbox
from bot.people import PeopleStore
from bot.talk import Talk, Talks
from connectors.ports.chat import Action, Activity, Form, FormField, Heard, Reply, ReplyKind, Shortcut
from connectors.ports.messages import Message
from connectors.ports.people import Person
from connectors.ports.records import new_id
from connectors.ports.secrets import without_secrets
from knowledge.errors import KnowledgeError
from knowledge.library import Library
from knowledge.model import ADMIN_ROLE

LEFT = "left"
"""Chosen in a form: the files stay where they are."""
NAMED = 5
"""Knowledge admins that are named to whoever may not add an article."""
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Shortcuts:
    people: PeopleStore
    conversations: ConversationStore
    talks: Talks
    outbox: Outbox
    hearing: Hearing
    library: Library
    organisation: Organisation
    buttons: Buttons
    articles_url: str | None
    """Where knowledge admins look after articles; None where nobody can sign in."""

    # -- on a message ----------------------------------------------------------------------------------------------

    async def used(self, talk: Talk, activity: Activity) -> None:
        """Shows the form of a shortcut, with what the message says in it; or why there is none."""
        heard, surface = activity.about, activity.surface
        if not talk.person.employed:
            show(talk, surface, _told(ReplyKind.REFUSAL, talk.words("shortcut.employees")))
        elif activity.target == Shortcut.ADD_TO_KNOWLEDGE and ADMIN_ROLE not in talk.person.roles:
            show(talk, surface, _told(ReplyKind.REFUSAL, await self._who_may(talk)))
        elif heard is None or not heard.text.strip():
            show(talk, surface, _told(ReplyKind.NOTICE, talk.words(_wordless(heard))))
        elif activity.target == Shortcut.ADD_TO_KNOWLEDGE:
            show(talk, surface, self._article_form(talk, heard))
        else:
            show(talk, surface, self._request_form(talk, heard, own=heard.author == activity.sender))

    def _request_form(self, talk: Talk, heard: Heard, *, own: bool) -> Reply:
        words = talk.words
        fields = [FormField("text", words("shortcut.request.field"), "long_text", value=without_secrets(heard.text)[:LONGEST])]
        if heard.files:
            # What is chosen names this use of the shortcut: only whoever used it gets the files by it.
            along = words("shortcut.request.files.along", names=tuple(file.name for file in heard.files))
            choices = ((talk.id, along), (LEFT, words("shortcut.request.files.left")))
            fields.append(FormField("files", words("shortcut.request.files"), "choice", choices=choices, value=talk.id))
        submit = Action(self.buttons.id(Verb.CREATE_REQUEST, new_id()), words("button.send"), "primary")
        said = words("shortcut.request.yours") if own else words("shortcut.request.text", name=heard.author_name)
        title = words("shortcut.request")
        return Reply(new_id(), ReplyKind.FORM, title, form=Form(title, submit, tuple(fields), said))

    async def requested(self, talk: Talk, values: Mapping[str, str]) -> str | None:
        """What the person sent, as their own words, to be understood; it is heard already, with the files that go along."""
        text = without_secrets(values.get("text", "")).strip()
        talk.began = text or talk.words("shortcut.request")
        if not text:
            talk.say(ReplyKind.NOTICE, talk.words("say.empty"))
            return None
        heard = await self.hearing.used_on(talk, values["files"]) if values.get("files", LEFT) != LEFT else None
        if heard is not None:
            await self.hearing.take(talk, heard.message_id, heard.files)
        talk.hear(text)
        return text

    def _article_form(self, talk: Talk, heard: Heard) -> Reply:
        words, text = talk.words, without_secrets(heard.text).strip()
        audiences = [("all", words("shortcut.article.all"))]
        for key, values in self.organisation.audience.items():
            audiences += [(f"{key}={value}", words("shortcut.article.some", key=key, value=value)) for value in values]
        fields = (
            FormField("title", words("shortcut.article.name"), value=text.splitlines()[0].lstrip("# ")[:120]),
            FormField("text", words("shortcut.article.body"), "long_text", value=text[:LONGEST]),
            FormField("audience", words("shortcut.article.audience"), "choice", choices=tuple(audiences[:MOST_CHOICES]), value="all"),
        )
        submit = Action(self.buttons.id(Verb.ADD_ARTICLE, new_id()), words("button.send"), "primary")
        title = words("shortcut.article")
        return Reply(new_id(), ReplyKind.FORM, title, form=Form(title, submit, fields, words("shortcut.article.text")))

    async def added(self, talk: Talk, form_id: str, values: Mapping[str, str]) -> None:
        """Keeps an article as a draft. The same form sent again makes a new version of the same draft."""
        if ADMIN_ROLE not in talk.person.roles or not talk.person.employed:
            talk.say(ReplyKind.REFUSAL, await self._who_may(talk))
            return
        title = " ".join(values.get("title", "").lstrip("# ").split())
        text = without_secrets(values.get("text", "")).strip()
        talk.began = talk.words("shortcut.article")
        if not title or not text:
            talk.say(ReplyKind.NOTICE, talk.words("say.empty"))
            return
        # A name of its own: a title that another article's file has must not replace that article.
        name = f"{'-'.join(_WORD.findall(title.lower())[:8]) or 'article'}-{form_id[-12:]}.md"
        try:
            article = await self.library.add(f"# {title}\n\n{text}\n".encode(), name, [values.get("audience") or "all"], by=talk.person)
        except KnowledgeError as error:
            talk.say(ReplyKind.NOTICE, talk.words.of(Message(error.message_key, dict(error.details))))
            return
        confirm = talk.words("confirm.publish", title=article.title)
        publish = Action(self.buttons.id(Verb.PUBLISH, article.id), talk.words("button.publish"), "primary", confirm=confirm)
        if self.articles_url is not None:
            text = talk.words("shortcut.article.added", title=article.title, url=self.articles_url)
        else:
            text = talk.words("shortcut.article.added.command", title=article.title, id=article.id)
        talk.say(ReplyKind.NOTICE, text, actions=(publish,), personal=True)

    async def published(self, talk: Talk, article_id: str) -> None:
        """Who may is decided by the library, on the person who pressed."""
        if ADMIN_ROLE not in talk.person.roles or not talk.person.employed:
            talk.say(ReplyKind.REFUSAL, await self._who_may(talk))
            return
        try:
            article = await self.library.publish(article_id, by=talk.person)
        except KnowledgeError as error:
            talk.say(ReplyKind.NOTICE, talk.words.of(Message(error.message_key, dict(error.details))), personal=True)
            return
        talk.say(ReplyKind.NOTICE, talk.words("shortcut.article.published", title=article.title), personal=True)

    async def _who_may(self, talk: Talk) -> str:
        admins: dict[str, str] = {}
        for group in self.organisation.roles.get(ADMIN_ROLE, ()):
            admins |= {person.id: person.name for person in await self.people.members(group) if person.active}
        if not admins:
            return talk.words("shortcut.article.refused.nobody")
        return talk.words("shortcut.article.refused", people=tuple(sorted(admins.values())[:NAMED]))

    # -- a marked message ------------------------------------------------------------------------------------------

    async def marked(self, talk: Talk, heard: Heard) -> str | None:
        """Somebody marked a message in this thread. Their own is as if said to the bot: it is returned, heard already, to be
        understood. Somebody else's is not touched: its author is asked, once, whether the bot may help.
        """
        text = without_secrets(heard.text).strip()
        if not talk.person.employed:
            talk.say(ReplyKind.REFUSAL, talk.words("shortcut.employees"))
            return None
        author = await self.people.resolve(heard.author) if heard.author is not None else None
        if not isinstance(author, Person) or not author.active:
            talk.say(ReplyKind.NOTICE, talk.words("marked.unknown"), personal=True)
        elif not text:
            talk.say(ReplyKind.NOTICE, talk.words("shortcut.only_file" if heard.files else "shortcut.empty"), personal=True)
        elif author.id == talk.person.id:
            return await self._own(talk, heard, text)
        elif not author.employed:
            talk.say(ReplyKind.NOTICE, talk.words("marked.employees"), personal=True)
        else:
            await self._offer(talk, author, heard, text)
        return None

    async def _own(self, talk: Talk, heard: Heard, text: str) -> str | None:
        """Unless it was said to the bot before, or marked before."""
        said = await self.conversations.transcript(talk.conversation.id)
        if any(line.speaker == "person" and (line.message_id == heard.message_id or line.text == text) for line in said):
            return None
        await self.hearing.take(talk, heard.message_id, heard.files)
        talk.hear(text, heard.message_id)
        return text

    async def _offer(self, talk: Talk, author: Person, heard: Heard, text: str) -> None:
        key = _invitation(talk, heard.message_id)
        theirs = await self.conversations.load(talk.conversation.address, author.id, talk.now)
        said = await self.conversations.transcript(theirs.id)
        if any(line.message_id == heard.message_id for line in said):
            return  # they have spoken to the bot with it themselves
        if any(isinstance(item, AwaitsInvitation) for item in theirs.awaits) or await self.outbox.shown(key):
            return
        theirs = theirs.queueing(AwaitsInvitation(text, heard.message_id))
        asked = await self.talks.open(talk.id, author, theirs, talk.now, talk.changes, heard.author)
        actions = (
            Action(self.buttons.id(Verb.JOIN, theirs.id), asked.words("button.join"), "primary"),
            Action(self.buttons.id(Verb.LEAVE, theirs.id), asked.words("button.no")),
        )
        offer = asked.words("marked.offer", author=author.first_name, name=talk.person.first_name)
        asked.post(Reply(new_id(), ReplyKind.QUESTION, offer, actions=actions), card_key=key)
        talk.changes.conversations.append(asked.conversation)

    async def answered(self, talk: Talk, yes: bool) -> str | None:
        """The author's own answer to an invitation, in their own conversation; a yes makes the words theirs to the bot, as they
        stand now: what was edited since, or deleted, was meant to be."""
        invitation = next((item for item in talk.conversation.awaits if isinstance(item, AwaitsInvitation)), None)
        if invitation is None:
            talk.say(ReplyKind.NOTICE, talk.words("press.over"), personal=True)
            return None
        talk.conversation = talk.conversation.without(invitation)
        text = talk.words("marked.accepted", author=talk.person.first_name) if yes else talk.words("marked.declined")
        key = _invitation(talk, invitation.message_id)
        talk.changes.redraws.append(Redraw(key, lambda placement: Reply(placement.id, ReplyKind.NOTICE, text)))
        if not yes:
            return None
        heard = await self.hearing.take_with(talk, invitation.message_id)
        if heard is None or not heard.text.strip():
            talk.say(ReplyKind.NOTICE, talk.words(_wordless(heard)), personal=True)
            return None
        meant = without_secrets(heard.text).strip()
        talk.hear(meant, invitation.message_id)
        return meant


def _told(kind: ReplyKind, text: str) -> Reply:
    return Reply(new_id(), kind, text)


def _wordless(heard: Heard | None) -> str:
    if heard is None:
        return "shortcut.gone"
    return "shortcut.only_file" if heard.files else "shortcut.empty"


def _invitation(talk: Talk, message_id: str) -> str:
    """The card of the one invitation that a message can lead to."""
    here = talk.conversation.address
    return f"invitation:{uuid5(NAMESPACE_OID, '/'.join((here.channel, here.tenant, here.room, message_id)))}"
