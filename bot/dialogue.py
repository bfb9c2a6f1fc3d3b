"""The dialogue about a request until the specialist has it, and after it is done.

Open, ask for what is missing, confirm where confidence is not enough, submit; cancel, undo, "did this solve it?".
What may be done is policy's decision, asked here only to refuse early what can never be allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from bot.buttons import Buttons, Verb
from bot.cards import RequestStory, status_card
from bot.changes import Audited
from bot.conversation.model import AwaitsConfirmation, AwaitsSlot, Conversation
from bot.handoff.desk import Desk
from bot.intent.model import AskAgain, Fulfil
from bot.intent.surroundings import Surroundings
from bot.talk import Talk
from connectors.ports.chat import Action, Channel, ReplyKind
from connectors.ports.people import People, Person
from connectors.ports.records import Json, new_id
from specialists import request as requests
from specialists.loader import LoadedSkill
from specialists.policy.decide import Policy
from specialists.policy.model import Outcome, PolicyDecision, PolicyQuery
from specialists.request import COMPOSED, Change, EventKind, IllegalTransition, Request, RequestEvent, RequestState, SlotValue
from specialists.roster import Roster
from specialists.skill import SkillSpec, SlotSpec
from specialists.store import RequestStore

S = RequestState
NONE: Mapping[str, Any] = MappingProxyType({})
_WORKED_ON = (S.SUBMITTED, S.RUNNING, S.UNDOING)
NO_SUCH_PERSON = "unknown"
"""Beneficiary of a wish for somebody whom the directory does not know."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    people: People
    requests: RequestStore
    skills: Mapping[str, LoadedSkill]
    offered: Mapping[str, SkillSpec]
    """Those of the skills that are on: every port that they use is served."""
    roster: Roster
    policy: Policy
    surroundings: Surroundings
    desk: Desk
    buttons: Buttons
    channels: Mapping[str, Channel]

    # -- opening ---------------------------------------------------------------------------------------------------

    async def open(self, talk: Talk, wish: Fulfil, *, unread: Mapping[str, str] = NONE) -> None:
        """A new request: refused at once if it never can be, else asked about or submitted.

        `unread`: slots for which something was written that cannot be taken, each with the message that says why.
        """
        spec = self.skills[wish.skill].spec
        self._begin_alone(talk)
        talk.opened += 1
        request = Request(
            id=new_id(),
            number=await self.requests.next_number(),
            key=f"{talk.id}:{talk.opened}",
            skill=spec.name,
            specialist=self.roster.of(spec.name).name,
            requester_id=talk.person.id,
            beneficiary_id=await self._beneficiary(talk, wish),
            conversation_id=talk.conversation.id,
            confidence=round(wish.confidence, 4),
            created_at=talk.now,
            updated_at=talk.now,
            slots=wish.slots,
        )
        talk.conversation = replace(talk.conversation, request_id=request.id, misses=0)
        talk.changes.request(requests.opened(request))
        talk.changes.audited.append(
            Audited(
                "observation",
                "request_opened",
                talk.person.id,
                {"case": request.case, "skill": spec.name, "confidence": request.confidence, "conversation": request.conversation_id},
                private={"utterance": wish.utterance[:2000], "slots": {name: slot.label for name, slot in wish.slots.items()}},
                request_id=request.id,
            )
        )
        decision = self._never(spec, talk.person, request.beneficiary_id)
        if decision is not None:
            await self._refuse(talk, request, decision)
            return
        await self.advance(talk, request, wish.candidates, wish.unknown, unread)

    def _begin_alone(self, talk: Talk) -> None:
        """What is asked for in their own chat without threads begins there, though they were speaking of a private matter that began
        in a room of several: what comes of it is not told in that room."""
        alone = talk.alone
        if not talk.apart or alone is None or not self.channels[alone.channel].capabilities.flat_rooms:
            return
        talk.changes.conversations.append(talk.conversation)
        talk.conversation = Conversation(new_id(), alone, talk.person.id, talk.now, engaged=True)
        talk.alone, talk.apart = None, False

    async def _beneficiary(self, talk: Talk, wish: Fulfil) -> str:
        if wish.beneficiary is None:
            return talk.person.id
        key = wish.beneficiary.directory_key
        named = await self.people.by_key(key) if key is not None else None
        return named.id if named is not None else NO_SUCH_PERSON

    def allowed(self, person: Person, spec: SkillSpec) -> bool:
        """Whether this person may have it done for themselves, if all that is asked of them is answered."""
        return spec.name in self.offered and self._never(spec, person, person.id) is None

    def _never(self, spec: SkillSpec, requester: Person, beneficiary_id: str) -> PolicyDecision | None:
        """The denial that nothing the employee could answer would cure; None when there is none."""
        beneficiary = requester if beneficiary_id == requester.id else replace(requester, id=beneficiary_id)
        decision = self.policy.decide(
            PolicyQuery(
                specialist=self.roster.of(spec.name).name,
                skill=spec.name,
                action=spec.name,
                risk=spec.risk,
                requester=requester,
                beneficiary=beneficiary,
                effect=spec.effect,
                confidence=1.0,
                confirmed=True,
                subject=spec.subject,
                needs_approval=spec.approval is not None,
                required_assurance=spec.assurance,
                assurance=2,
                timed=spec.timed,
                has_end=True,
            )
        )
        return decision if decision.outcome == Outcome.DENY else None

    async def _refuse(self, talk: Talk, request: Request, decision: PolicyDecision) -> None:
        rules = list(decision.rules)
        talk.changes.audited.append(
            Audited(
                "decision",
                "policy_decided",
                request.specialist,
                {"outcome": decision.outcome, "rules": rules, "policy_version": decision.policy_version, "skill": request.skill},
                subject_id=talk.person.id,
                request_id=request.id,
            )
        )
        if "privileged_human_only" in rules:
            left = requests.moved(request, S.WITH_STAFF, EventKind.LEFT_TO_STAFF, talk.now, {"rules": rules, "told": True})
            talk.changes.request(left)
            await self.desk.open(talk, "policy", request=left.request, told="handoff.opened.privileged")
            return
        declined = requests.moved(request, S.DECLINED, EventKind.DECLINED, talk.now, {"rules": rules, "told": True})
        talk.changes.request(declined)
        key = next((f"refused.{rule}" for rule in rules if talk.words.messages.has(f"refused.{rule}")), "refused.other")
        talk.say(
            ReplyKind.REFUSAL,
            talk.words(key, rule=rules[0]),
            request=declined.request,
            actions=(self.person_button(talk, declined.request),),
        )

    # -- elsewhere -------------------------------------------------------------------------------------------------

    async def brought(self, talk: Talk, request: Request) -> Request:
        """What somebody does with a request in their own chat on another platform brings it there: its questions and its news come
        there from then on; where chats have no threads, also from a room of several. Not what people have in hand where it was, or
        a machine at this moment; and nobody else's.
        """
        here = talk.conversation.address
        if talk.conversation.id == request.conversation_id or request.requester_id != talk.person.id or request.state in _WORKED_ON:
            return request
        home = await self.desk.board.conversations.get(request.conversation_id)
        if home is None or self.channels[here.channel].is_shared(here) or await self.desk.has(home):
            return request
        if (home.address.channel, home.address.tenant) == (here.channel, here.tenant):
            channel = self.channels[here.channel]
            if not channel.capabilities.flat_rooms or not channel.is_shared(home.address):
                return request
        kept = next((one for one in talk.changes.conversations if one.id == home.id), home)
        others = (one for one in talk.changes.conversations if one.id != home.id)
        talk.changes.conversations[:] = [*others, kept.forgetting(request.id)]
        brought = replace(request, conversation_id=talk.conversation.id)
        talk.changes.request(Change(brought))
        talk.conversation = replace(talk.conversation, request_id=request.id)
        return brought

    # -- asking ----------------------------------------------------------------------------------------------------

    async def advance(
        self,
        talk: Talk,
        request: Request,
        candidates: Mapping[str, tuple[str, ...]] = NONE,
        unknown: Mapping[str, str] = NONE,
        unread: Mapping[str, str] = NONE,
    ) -> None:
        """The next thing to do for a request that is being put together.

        `candidates`: what a missing slot may be; `unknown`: what was said for it and is not known; `unread`: slots, also
        those that need not be filled, for which something was written that cannot be taken, with the message that says why.
        """
        spec = self.skills[request.skill].spec
        wanting = [slot for slot in spec.slots if slot.name not in request.slots and (slot.required or slot.name in unread)]
        # What would not be asked for by itself is asked for first, or it would be passed over.
        missing = min(wanting, key=lambda slot: slot.required, default=None)
        if missing is not None:
            question = await self._question(talk, request, missing, candidates.get(missing.name, ()))
            if missing.name in unknown:
                question = f"{talk.words('ask.unknown', what=unknown[missing.name])} {question}"
            elif missing.name in unread and missing.name not in candidates:
                question = talk.words(unread[missing.name], question=question)
            self._ask(talk, AwaitsSlot(request.id, missing.name), question, request)
        elif request.confirmed or (_sure(request, spec) and not any(one.source == "model" for one in request.slots.values())):
            await self._submit_once(talk, request)
        else:
            change = Change(request) if request.state is S.CONFIRMING else requests.filled(request, {}, talk.now, state=S.CONFIRMING)
            talk.changes.request(change)
            self._ask_confirmation(talk, change.request)

    async def ask_again(self, talk: Talk, request: Request, step: AskAgain) -> None:
        """The answer did not parse; a second time a person takes over."""
        request = await self.brought(talk, request)
        slot = next(item for item in self.skills[request.skill].spec.slots if item.name == step.slot)
        if step.candidates:
            narrowed = await self._question(talk, request, slot, step.candidates)
            self._ask(talk, AwaitsSlot(request.id, slot.name), narrowed, request)
            return
        open_question = next(
            (item for item in talk.conversation.awaits if isinstance(item, AwaitsSlot) and item.request_id == request.id), None
        )
        if open_question is not None and open_question.misses >= 1:
            left = requests.moved(request, S.WITH_STAFF, EventKind.LEFT_TO_STAFF, talk.now, {"rules": [], "told": True})
            talk.changes.request(left)
            await self.desk.open(talk, "second_miss", request=left.request)
            return
        question = await self._question(talk, request, slot)
        text = talk.words(f"ask.again.{slot.type}", question=question)
        self._ask(talk, AwaitsSlot(request.id, slot.name, misses=(open_question.misses if open_question else 0) + 1), text, request)

    async def remind(self, talk: Talk) -> None:
        """Something else was served in between: the open question about a request is asked again."""
        awaits = talk.conversation.awaits[0] if talk.conversation.awaits else None
        if talk.asked or not isinstance(awaits, AwaitsSlot | AwaitsConfirmation):
            return
        stored = await self.requests.get(awaits.request_id)
        if stored is None or talk.current(stored).state not in COMPOSED:
            talk.conversation = talk.conversation.forgetting(awaits.request_id)
            return
        request = talk.current(stored)
        if isinstance(awaits, AwaitsConfirmation):
            self._ask_confirmation(talk, request)
            return
        slot = next(item for item in self.skills[request.skill].spec.slots if item.name == awaits.slot)
        self._ask(talk, awaits, await self._question(talk, request, slot), request)

    def _ask(self, talk: Talk, awaits: AwaitsSlot, question: str, request: Request) -> None:
        """With the form of all that is missing, where the channel can show one."""
        actions: tuple[Action, ...] = ()
        if self.channels[talk.conversation.address.channel].capabilities.forms:
            actions = (Action(self.buttons.id(Verb.FILL_FORM, request.id), talk.words("button.form"), opens_form=True),)
        talk.ask(awaits, question, request=request, actions=actions)

    async def fill(
        self,
        talk: Talk,
        request: Request,
        slots: Mapping[str, SlotValue],
        *,
        candidates: Mapping[str, tuple[str, ...]] = NONE,
        unread: Mapping[str, str] = NONE,
    ) -> None:
        if request.state not in COMPOSED:
            key = "request.ended_already" if request.ended else "request.not_changeable"
            talk.say(ReplyKind.NOTICE, talk.words(key, case=request.case), request=request)
            return
        request = await self.brought(talk, request)
        # Another application has other roles: what was said for the old one does not hold.
        stale = {
            spec.name
            for spec in self.skills[request.skill].spec.slots
            if spec.of in slots and spec.name not in slots and spec.name in request.slots
        }
        kept = replace(request, slots={name: value for name, value in request.slots.items() if name not in stale})
        change = requests.filled(kept, slots, talk.now)
        talk.changes.request(change)
        talk.conversation = talk.conversation.forgetting(request.id)
        await self.advance(talk, change.request, candidates, unread=unread)

    async def confirm(self, talk: Talk, request: Request, yes: bool) -> None:
        if request.state is not S.CONFIRMING:
            talk.say(ReplyKind.NOTICE, talk.words("request.not_waiting", case=request.case), request=request)
            return
        request = await self.brought(talk, request)
        talk.conversation = talk.conversation.forgetting(request.id)
        if yes:
            await self._submit_once(talk, request, confirmed=True)
        else:
            self._cancel(talk, request)

    async def _submit_once(self, talk: Talk, request: Request, confirmed: bool | None = None) -> None:
        """The same thing asked for twice while the first is under way: shown, not done again."""
        for other in await self.requests.open_of(talk.person.id):
            same = other.skill == request.skill and _values(other) == _values(request) and other.beneficiary_id == request.beneficiary_id
            if same and other.id != request.id and other.state not in COMPOSED:
                dropped = requests.cancelled(request, talk.now)
                talk.changes.request(dropped)
                talk.conversation = replace(talk.conversation.forgetting(request.id), request_id=other.id)
                talk.say(ReplyKind.NOTICE, talk.words("request.asked_already", case=other.case), request=other)
                card = status_card(await self.story(other), talk.words, self.buttons, new_id())
                talk.post(card, card_key=f"request:{other.id}", about=(other,))
                return
        self._submit(talk, request, confirmed)

    async def story(self, request: Request) -> RequestStory:
        """A request with its events and the names that its card needs."""
        events: list[RequestEvent] = [item.event for item in await self.requests.events_of(request.id)]
        ids: set[str] = set()
        for event in events:
            ids.update(event.data.get("approver_ids", ()))
            if isinstance(event.data.get("by"), str):
                ids.add(event.data["by"])
        names = {person_id: person.name for person_id in ids if (person := await self.people.get(person_id)) is not None}
        handoff = await self.desk.case_of(request) if request.resolution == "reopened" else ""
        return RequestStory(request, events, self.roster.of(request.skill).display_name, names, handoff)

    def _submit(self, talk: Talk, request: Request, confirmed: bool | None = None) -> None:
        change = requests.submitted(request, talk.now, confirmed=confirmed)
        talk.changes.request(change)
        talk.conversation = talk.conversation.forgetting(request.id)
        story = RequestStory(change.request, change.events, self.roster.of(request.skill).display_name, {})
        talk.post(status_card(story, talk.words, self.buttons, new_id()), card_key=f"request:{request.id}", about=(change.request,))

    def _ask_confirmation(self, talk: Talk, request: Request) -> None:
        actions = (
            Action(self.buttons.id(Verb.CONFIRM, request.id), talk.words("button.yes"), "primary"),
            Action(self.buttons.id(Verb.DECLINE, request.id), talk.words("button.no")),
        )
        talk.ask(AwaitsConfirmation(request.id), talk.words.of_skill(request, "confirm"), request=request, actions=actions)

    async def _question(self, talk: Talk, request: Request, slot: SlotSpec, candidates: tuple[str, ...] = ()) -> str:
        key = f"ask.{slot.name}"
        if talk.words.messages.has(f"skill.{request.skill}.{key}"):
            question = talk.words.of_skill(request, key)
        else:
            question = talk.words("ask.field", field=talk.words.of_skill(request, f"label.{slot.name}"))
        choices = candidates or slot.choices
        if not choices and slot.type == "role" and slot.of is not None and slot.of in request.slots:
            choices = (await self.surroundings.catalogue()).roles_of(str(request.slots[slot.of].value))
        return f"{question} {talk.words('ask.choices', choices=choices)}" if choices else question

    # -- later -----------------------------------------------------------------------------------------------------

    async def cancel(self, talk: Talk, request: Request) -> None:
        """Never mind: only while nothing has been done."""
        if request.requester_id != talk.person.id:
            talk.say(ReplyKind.REFUSAL, talk.words("request.not_yours"))
            return
        try:
            self._cancel(talk, await self.brought(talk, request))
        except IllegalTransition:
            key = "request.ended_already" if request.ended else "request.too_late"
            talk.say(ReplyKind.NOTICE, talk.words(key, case=request.case), request=request)

    def _cancel(self, talk: Talk, request: Request) -> None:
        change = requests.cancelled(request, talk.now, talk.person.id)
        talk.changes.request(change)
        talk.conversation = talk.conversation.forgetting(request.id)
        talk.say(
            ReplyKind.NOTICE,
            talk.words("request.cancelled", case=request.case, title=talk.words.of_skill(request, "title")),
            request=change.request,
        )

    async def undo(self, talk: Talk, request: Request) -> None:
        if request.requester_id != talk.person.id:
            talk.say(ReplyKind.REFUSAL, talk.words("request.not_yours"))
            return
        if request.state is not S.DONE or not self.skills[request.skill].spec.undo:
            key = "request.undone_already" if request.state in (S.UNDONE, S.UNDOING) else "request.no_undo"
            talk.say(ReplyKind.NOTICE, talk.words(key, case=request.case), request=request)
            return
        request = await self.brought(talk, request)
        change = requests.undo_started(request, talk.now, talk.person.id)
        talk.changes.request(change)
        talk.say(ReplyKind.PROGRESS, talk.words("request.undoing", case=request.case), request=change.request)

    async def solved(self, talk: Talk, request: Request, yes: bool) -> None:
        """Counted once. A no reopens it: with a person."""
        talk.conversation = talk.conversation.forgetting(request.id)
        if request.requester_id != talk.person.id:
            talk.say(ReplyKind.REFUSAL, talk.words("request.not_yours"))
            return
        request = await self.brought(talk, request)
        try:
            change = requests.resolved(request, "confirmed" if yes else "reopened", talk.now)
        except IllegalTransition:
            talk.say(ReplyKind.NOTICE, talk.words("request.answered_already", case=request.case), request=request)
            return
        talk.changes.request(change)
        if yes:
            talk.say(ReplyKind.NOTICE, talk.words("request.confirmed", case=request.case), request=change.request)
        else:
            await self.desk.open(talk, "not_solved", request=change.request)

    def person_button(self, talk: Talk, request: Request | None = None) -> Action:
        """About this request; without one, about what was said."""
        if request is not None:
            return Action(self.buttons.id(Verb.WANT_PERSON_FOR, request.id), talk.words("button.person"))
        return Action(self.buttons.id(Verb.WANT_PERSON, talk.conversation.id), talk.words("button.person"))


def _sure(request: Request, spec: SkillSpec) -> bool:
    """Whether it is clear enough what is wanted to do it without asking."""
    return request.confidence >= spec.act_at or (spec.risk == "low" and request.confidence >= spec.notify_at)


def _values(request: Request) -> dict[str, Json]:
    return {name: slot.value for name, slot in request.slots.items()}
