"""The bot's own page for each person, and what its chat shows before anything is said.

The page is a card like any other: what happens to somebody's requests, approvals or handoffs draws it again, wherever it
was opened before.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.buttons import Buttons, Verb
from bot.cards import RequestStory, approval_card, cancel_button, cancellable, exact_arguments, status_card, titled
from bot.changes import Changes, Post, Redraw
from bot.dialogue import Dialogue
from bot.forms import skill_id
from bot.handoff.model import Handoff, HandoffState, as_changed
from bot.handoff.store import HandoffStore
from bot.outbox import Outbox, Placement
from bot.people import PeopleStore
from bot.talk import Talk
from bot.words import Words
from connectors.errors import ConnectorError
from connectors.ports.chat import HOME_PAGE, OWN_CHAT, Action, Activity, Channel, Item, Prompt, Reply, ReplyKind, Section
from connectors.ports.messages import Messages
from connectors.ports.people import Person
from connectors.ports.records import new_id
from specialists.skill import SkillSpec
from specialists.store import RequestStore

MOST = 10
"""Shown of each kind."""
MOST_CLOSED = 3
COUNTED = 100
"""The latest requests, of which those that are left out are counted."""
_PROMPTS = ("greeting.prompt.vpn", "greeting.prompt.locked", "greeting.prompt.access", "greeting.prompt.leave")


@dataclass(frozen=True, slots=True)
class HomeContent:
    """What one person's page tells. `approvals` are the cards that they were shown; `waiting` and `claimed` are for staff;
    `more_open` and `more_closed` requests are left out."""

    person: Person
    open: Sequence[RequestStory] = ()
    closed: Sequence[RequestStory] = ()
    handoffs: Sequence[str] = ()
    approvals: Sequence[Reply] = ()
    skills: Sequence[SkillSpec] = ()
    claimed: Sequence[str] = ()
    waiting: Sequence[tuple[str, str]] = ()
    """(id, line) of handoffs that nobody in their groups has claimed."""
    more_open: int = 0
    more_closed: int = 0


def home_page(content: HomeContent, words: Words, buttons: Buttons, reply_id: str, *, forms: bool, notice: str = "") -> Reply:
    """Pure. `forms`: whether the channel can open one; `notice`: what came of the button that was pressed on it."""
    person = content.person
    if not person.employed:
        return Reply(reply_id, ReplyKind.HOME, words("home.text.guest", name=person.first_name))
    text = words("home.text", name=person.first_name)
    sections = [_requests(content, words, buttons)]
    if content.approvals:
        sections.insert(0, Section(words("home.approvals"), tuple(_approval(card, words) for card in content.approvals)))
    if content.waiting:
        sections.append(Section(words("home.waiting"), tuple(_waiting(words, buttons, *one) for one in content.waiting)))
    if content.claimed:
        sections.append(Section(words("home.claimed"), tuple(Item(line) for line in content.claimed)))
    sections.append(Section(words("home.actions"), (), _quick_actions(content, words, buttons, forms)))
    return Reply(reply_id, ReplyKind.HOME, f"{notice}\n\n{text}" if notice else text, sections=tuple(sections))


def greeting(person: Person, words: Words, reply_id: str) -> Reply:
    """Who this is, and something to begin with."""
    if not person.employed:
        return Reply(reply_id, ReplyKind.GREETING, words("home.text.guest", name=person.first_name))
    prompts = tuple(Prompt(words(key), words(f"{key}.text")) for key in _PROMPTS)
    return Reply(reply_id, ReplyKind.GREETING, words("home.text", name=person.first_name), prompts=prompts)


def _requests(content: HomeContent, words: Words, buttons: Buttons) -> Section:
    items = []
    for story in (*content.open, *content.closed):
        request = story.request
        actions = [Action(buttons.id(Verb.SHOW, request.id), words("button.show"))]
        if cancellable(request):
            actions.append(cancel_button(request, words, buttons))
        items.append(Item(status_card(story, words, buttons, "").text, tuple(actions)))
    between = [Item(line) for line in content.handoffs]
    if content.more_open:
        between.insert(0, Item(words("status.more", count=content.more_open)))
    items[len(content.open) : len(content.open)] = between
    if content.more_closed:
        items.append(Item(words("home.more_closed", count=content.more_closed)))
    return Section(words("home.requests"), tuple(items) or (Item(words("status.none")),))


def _waiting(words: Words, buttons: Buttons, handoff_id: str, line: str) -> Item:
    return Item(line, (Action(buttons.id(Verb.CLAIM, handoff_id), words("button.claim"), "primary"),))


def _approval(card: Reply, words: Words) -> Item:
    facts = [f"- {words('form.value', field=fact.label, value=fact.value)}" for fact in card.fields]
    return Item("\n".join((card.text, *facts)), card.actions)


def _quick_actions(content: HomeContent, words: Words, buttons: Buttons, forms: bool) -> tuple[Action, ...]:
    actions = [
        Action(buttons.id(Verb.START, skill_id(spec.name)), words(f"skill.{spec.name}.title"), opens_form=forms and bool(spec.slots))
        for spec in content.skills
    ]
    person = Action(
        buttons.id(Verb.WANT_PERSON, content.person.id), words("button.person"), needs_text="optional", prompt=words("prompt.about")
    )
    return (*actions, person)


@dataclass(frozen=True, slots=True)
class FrontPage:
    dialogue: Dialogue
    requests: RequestStore
    handoffs: HandoffStore
    people: PeopleStore
    channels: Mapping[str, Channel]
    outbox: Outbox
    messages: Messages
    buttons: Buttons

    async def opened(self, talk: Talk, activity: Activity) -> None:
        """Shows the page, or what the chat begins with. Neither is part of a conversation."""
        channel = self.channels[activity.address.channel]
        address = channel.direct(activity.address.tenant, activity.sender.external_id)
        if activity.target == OWN_CHAT and channel.is_shared(activity.address):
            if not talk.outsiders:
                hello = Reply(new_id(), ReplyKind.GREETING, talk.words("room.hello"))
                talk.changes.posts.append(Post(replace(activity.address, thread=None), hello))
        elif activity.target == OWN_CHAT:
            talk.changes.posts.append(Post(address, greeting(talk.person, talk.words, new_id()), None, talk.person.id))
        elif activity.target == HOME_PAGE and channel.capabilities.home:
            key = _key(talk.person, channel)
            # One key for all the workspaces that somebody is in: whatever changes, changes on the page of each.
            if any(shown.message_id is not None and shown.address == address for shown in await self.outbox.shown(key)):
                await self._redraw(talk.changes, talk.person, channel)
                return
            content = await self._content(talk.changes, talk.person)
            page = home_page(content, talk.words, self.buttons, new_id(), forms=channel.capabilities.forms)
            talk.changes.posts.append(Post(address, page, key, talk.person.id))

    async def redraw(
        self, changes: Changes, person: Person, *, notice: Callable[[], str] = str, decided: Collection[str] = frozenset()
    ) -> None:
        """Draws the person's page again wherever they have opened it. `notice` is asked for when it is drawn, inside the
        transaction; `decided`: approvals that are just being decided.
        """
        for channel in self.channels.values():
            if channel.capabilities.home and await self.outbox.shown(_key(person, channel)):
                await self._redraw(changes, person, channel, notice, decided)

    async def follow(self, changes: Changes) -> None:
        """Draws the pages of all whom these changes of handoffs concern: whose they are, who has them, who had them, and who
        may take what waits.
        """
        concerned: set[str | None] = set()
        for change in changes.handoffs:
            before, after = await self.handoffs.get(change.handoff.id), change.handoff
            concerned |= {after.person_id, after.claimed_by, before.claimed_by if before is not None else None}
            if before is None or (before.state, before.assignment_group) != (after.state, after.assignment_group):
                for group in {after.assignment_group, before.assignment_group if before is not None else after.assignment_group}:
                    concerned |= await self._members(group)
        for person_id in sorted(filter(None, concerned)):
            person = await self.people.get(person_id)
            if person is not None:
                await self.redraw(changes, person)

    async def _members(self, group: str) -> set[str]:
        """Nobody while the directory cannot be asked: a page that is behind is true again when it is next drawn."""
        try:
            return {member.id for member in await self.people.members(group) if member.active}
        except ConnectorError:
            return set()

    async def _redraw(
        self, changes: Changes, person: Person, channel: Channel, notice: Callable[[], str] = str, decided: Collection[str] = frozenset()
    ) -> None:
        content = await self._content(changes, person, decided)
        words = Words.for_person(self.messages, person)
        key, forms = _key(person, channel), channel.capabilities.forms

        def draw(placement: Placement) -> Reply:
            return home_page(content, words, self.buttons, placement.id, forms=forms, notice=notice())

        changes.redraws[:] = [redraw for redraw in changes.redraws if redraw.card_key != key]
        changes.redraws.append(Redraw(key, draw))

    async def _content(self, changes: Changes, person: Person, decided: Collection[str] = frozenset()) -> HomeContent:
        """As it is saved, with the handoffs as these changes have them."""
        if not person.employed:
            return HomeContent(person)
        still = await self.requests.open_of(person.id)
        closed = [request for request in await self.requests.recent_of(person.id, limit=COUNTED) if request.ended]
        staff = "staff" in person.roles
        words = Words.for_person(self.messages, person)
        skills = [one.spec for one in self.dialogue.skills.values() if self.dialogue.allowed(person, one.spec)]
        return HomeContent(
            person,
            [await self.dialogue.story(request) for request in still[:MOST]],
            [await self.dialogue.story(request) for request in closed[:MOST_CLOSED]],
            await self._handoffs(changes, person, words),
            await self._approvals(person, words, decided),
            sorted(skills, key=lambda spec: spec.name),
            await self._claimed(changes, person, words) if staff else (),
            await self._waiting(changes, person, words) if staff else (),
            len(still[MOST:]),
            len(closed[MOST_CLOSED:]),
        )

    async def _handoffs(self, changes: Changes, person: Person, words: Words) -> list[str]:
        stored = await self.handoffs.of_person(person.id, limit=MOST)
        new = [change.handoff for change in changes.handoffs if change.handoff.person_id == person.id]
        lines = []
        for handoff in {one.id: as_changed(one, changes.handoffs) for one in (*stored, *new)}.values():
            if handoff.open:
                group, name = words(f"group.{handoff.assignment_group}"), await self._name(handoff.claimed_by)
                key, at = f"home.handoff.{handoff.state.value}", handoff.updated_at
                lines.append(words(key, case=handoff.case, subject=await self._subject(handoff, words), group=group, name=name, at=at))
        return lines

    async def _subject(self, handoff: Handoff, words: Words) -> str:
        """What an employee's own handoff is about, as far as a page may say it."""
        request = await self.requests.get(handoff.request_id) if handoff.request_id is not None and handoff.sensitive is None else None
        return titled(request, words) if request is not None else words("home.handoff")

    async def _waiting(self, changes: Changes, person: Person, words: Words) -> list[tuple[str, str]]:
        stored = await self.handoffs.waiting(person.groups, limit=MOST)
        new = [change.handoff for change in changes.handoffs]
        now = {one.id: as_changed(one, changes.handoffs) for one in (*stored, *new)}.values()
        return [
            (handoff.id, await self._of_staff(handoff, words))
            for handoff in now
            if handoff.state is HandoffState.REQUESTED and handoff.assignment_group in person.groups and handoff.person_id != person.id
        ]

    async def _claimed(self, changes: Changes, person: Person, words: Words) -> list[str]:
        stored = await self.handoffs.claimed_by(person.id, limit=MOST)
        new = [change.handoff for change in changes.handoffs]
        having = {one.id: as_changed(one, changes.handoffs) for one in (*stored, *new)}.values()
        return [
            await self._of_staff(handoff, words)
            for handoff in having
            if handoff.state is HandoffState.CLAIMED and handoff.claimed_by == person.id
        ]

    async def _of_staff(self, handoff: Handoff, words: Words) -> str:
        if handoff.sensitive is not None:
            return words("home.claimed.private", case=handoff.case)
        reason = words(f"handoff.reason.{handoff.reason}")
        return words("home.claimed.line", case=handoff.case, name=await self._name(handoff.person_id), reason=reason)

    async def _approvals(self, person: Person, words: Words, decided: Collection[str]) -> list[Reply]:
        cards = []
        for approval in (await self.requests.approvals_waiting(person.id))[:MOST]:
            request = await self.requests.get(approval.request_id)
            if request is None or approval.id in decided:
                continue
            story = replace(await self.dialogue.story(request), names={})
            arguments = exact_arguments(request, approval, words)
            requester = await self._name(request.requester_id)
            cards.append(approval_card(story, approval, requester, arguments, words, self.buttons, ""))
        return cards

    async def _name(self, person_id: str | None) -> str:
        person = await self.people.get(person_id) if person_id is not None else None
        return person.name if person is not None else ""


def _key(person: Person, channel: Channel) -> str:
    return f"home:{person.id}:{channel.name}"
