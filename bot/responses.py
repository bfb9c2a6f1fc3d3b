"""What the bot says to each step of a turn. One method a step; nothing here writes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np
import structlog
from numpy.typing import NDArray

from bot.answer_log import AnswerLog
from bot.buttons import Buttons, Verb
from bot.cards import approval_card, cancel_button, exact_arguments, judged, status_card, titled
from bot.conversation.model import AwaitsChoice, AwaitsHandoffAnswer
from bot.dialogue import Dialogue
from bot.handoff.desk import Desk
from bot.handoff.model import Handoff
from bot.handoff.store import HandoffStore
from bot.held import shown_already
from bot.intent import model as steps
from bot.people import PeopleStore
from bot.talk import Talk
from connectors.errors import ConnectorError
from connectors.ports.chat import Action, Citation, Reply, ReplyKind
from connectors.ports.records import new_id
from knowledge.answers import Answer, Answers
from specialists.request import COMPOSED, Request, RequestState
from specialists.store import RequestStore

log = structlog.get_logger()
LONG_AGO_DAYS = 365
SHOWN = 5
"""Cards in one answer."""


@dataclass(frozen=True, slots=True)
class Responder:
    """`articles` answers questions, `offline` those about private matters, which no language model reads."""

    dialogue: Dialogue
    desk: Desk
    articles: Answers
    offline: Answers
    requests: RequestStore
    handoffs: HandoffStore
    people: PeopleStore
    buttons: Buttons
    answers: AnswerLog

    async def respond(self, talk: Talk, step: steps.Step, vector: NDArray[np.float32] | None) -> None:
        match step:
            case steps.Answer():
                await self._answer(talk, step, vector)
            case steps.Fulfil():
                await self.dialogue.open(talk, step)
            case steps.Fill(request_id, slots):
                await self.dialogue.fill(talk, await self._request(talk, request_id), slots)
            case steps.AskAgain(request_id):
                await self.dialogue.ask_again(talk, await self._request(talk, request_id), step)
            case steps.Confirm(request_id, yes):
                await self.dialogue.confirm(talk, await self._request(talk, request_id), yes)
            case steps.Choose(skills, utterance):
                self._choose(talk, skills, utterance)
            case steps.Cancel(request_id, skill):
                await self._cancel(talk, request_id, skill)
            case steps.Undo(case, skill):
                await self._undo(talk, case, skill)
            case steps.Status(case):
                await self._status(talk, case)
            case steps.HandOff(reason, _, sensitive, request_id):
                request = await self._request(talk, request_id) if request_id is not None else None
                if reason != "second_miss" or not await self._spoken_of(talk, step.utterance, vector):
                    await self.desk.open(talk, reason, request=request, sensitive=sensitive, wanted=step.group_hint)
            case steps.OfferHuman("sensitive", utterance, sensitive):
                self.offer_person(talk, "sensitive", utterance, ReplyKind.QUESTION, talk.words("offer.sensitive"), sensitive)
            case steps.OfferHuman("asked", utterance):
                self.offer_person(talk, "asked", utterance, ReplyKind.QUESTION, talk.words("offer.asked"))
            case steps.OfferHuman(reason, utterance):
                if not await self._spoken_of(talk, utterance, vector) and not await self._added(talk):
                    self.offer_person(talk, reason, utterance, ReplyKind.QUESTION, talk.words("offer.unclear"))
            case steps.DeclineHuman():
                talk.conversation = replace(talk.conversation, misses=0)
                talk.say(ReplyKind.NOTICE, talk.words("offer.declined"))
            case steps.Solved(request_id, yes):
                await self.dialogue.solved(talk, await self._request(talk, request_id), yes)
            case steps.Say("empty") if talk.untaken:
                pass  # a file came with it, and what became of that is said
            case steps.Say("help" | "greeting" as key) if set(self.dialogue.skills) - set(self.dialogue.offered):
                abilities = tuple(talk.words(f"skill.{name}.title") for name in self.dialogue.offered)
                what = "some" if abilities else "none"
                talk.say(ReplyKind.NOTICE, talk.words(f"say.{key}.{what}", name=talk.person.first_name, abilities=abilities))
            case steps.Say(key):
                talk.say(ReplyKind.NOTICE, talk.words(f"say.{key}", name=talk.person.first_name))

    # -- answers ---------------------------------------------------------------------------------------------------

    async def _answer(self, talk: Talk, asked: steps.Answer, vector: NDArray[np.float32] | None) -> None:
        try:
            answer = await self._find(talk, asked, vector)
        except ConnectorError as error:
            log.warning("search_unavailable", code=error.code)
            self.offer_person(talk, "search_unavailable", asked.question, ReplyKind.NOTICE, talk.words("answer.unavailable"))
            return
        if answer is None:
            return
        if answer.quotes:
            await self._quote(talk, answer, asked)
        else:
            await self.answers.unanswered(talk, answer)
            await self._dont_know(talk, asked.question)

    async def _find(self, talk: Talk, asked: steps.Answer, vector: NDArray[np.float32] | None) -> Answer | None:
        """The answer, as far as it was seen where the person stopped it; None when nothing was."""
        articles = self.articles if talk.private_to is None else self.offline
        show = partial(self._show, talk) if talk.streams else None
        try:
            return await articles.answer(
                asked.question,
                talk.person,
                context=asked.follows,
                vector=vector,
                search=asked.search,
                behalf=talk.behalf,
                show=show,
            )
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if talk.live is None or not talk.live.over or (task is not None and task.cancelling()):
                raise
            return talk.live.seen

    async def _show(self, talk: Talk, so_far: Answer) -> None:
        text = talk.words("answer.more", text=so_far.said) if so_far.quotes else talk.words("answer.reading")
        await talk.show(so_far, Reply(new_id(), ReplyKind.ANSWER, text, citations=_cited(so_far), unfinished=True))

    async def _spoken_of(self, talk: Talk, utterance: str, vector: NDArray[np.float32] | None) -> bool:
        """No wish that is known ("my VPN drops every five minutes"), but perhaps an article speaks of it; then it is quoted."""
        try:
            return await self.quoted(talk, utterance, None, vector)
        except ConnectorError:
            return False

    async def _added(self, talk: Talk) -> bool:
        """Whether people have been asked already: then what is not understood is for them, and they find it with the case."""
        waiting = await self.desk.running(talk)
        if waiting is None:
            return False
        text = talk.words("handoff.added", case=waiting.case, group=talk.words(f"group.{waiting.assignment_group}"))
        talk.say(ReplyKind.HANDOFF, text, about=await self.desk.board.about(talk.changes, waiting))
        return True

    async def quoted(self, talk: Talk, question: str, follows: str | None, vector: NDArray[np.float32] | None) -> bool:
        """Answers from articles; False, and nothing said, when they do not cover it."""
        asked = steps.Answer(question, follows)
        answer = await self._find(talk, asked, vector)
        if answer is None:
            return True
        if answer.quotes:
            await self._quote(talk, answer, asked)
        return bool(answer.quotes)

    async def _quote(self, talk: Talk, answer: Answer, asked: steps.Answer) -> None:
        citations = _cited(answer)
        overdue = await self.answers.overdue(citations)
        sources = "\n".join(self._source(talk, citation, overdue.get(citation.source)) for citation in citations)
        question = asked.question if asked.follows is None else f"{asked.follows} {asked.question}"
        # What is asked in private is no beginning for what is asked openly once the matter is closed.
        talk.conversation = replace(talk.conversation, question=question if talk.private_to is None else None, misses=0)
        reply = Reply(new_id(), ReplyKind.ANSWER, f"{_checkable(talk, answer)}\n\n{sources}", citations=citations)
        talk.post(replace(reply, feedback=judged(reply.id, talk.words, self.buttons)))
        await self.answers.shown(talk, reply.id, answer)

    def _source(self, talk: Talk, citation: Citation, review_was_due: date | None) -> str:
        title = f"{citation.title}, {citation.section}" if citation.section and citation.section != citation.title else citation.title
        if citation.updated is None:
            return talk.words("answer.source", n=str(citation.n), title=title)
        age = talk.now - citation.updated
        if review_was_due is not None:
            return talk.words("answer.source.overdue", n=str(citation.n), title=title, age=age, due=review_was_due)
        key = "answer.source.old" if age.days > LONG_AGO_DAYS else "answer.source.dated"
        return talk.words(key, n=str(citation.n), title=title, age=age)

    async def _dont_know(self, talk: Talk, question: str) -> None:
        if talk.conversation.composing:
            # A question on the side, while a request is being put together: not the place to give up on the request.
            talk.say(ReplyKind.ANSWER, talk.words("answer.unknown.aside"), actions=(self.dialogue.person_button(talk),))
        elif talk.conversation.misses >= 1:
            await self.desk.open(talk, "second_miss", told="handoff.opened.second_miss")
        else:
            self.offer_person(talk, "no_answer", question, ReplyKind.ANSWER, talk.words("answer.unknown"))

    def offer_person(self, talk: Talk, reason: str, utterance: str, kind: ReplyKind, text: str, sensitive: str | None = None) -> None:
        """Says it and offers a person; one more miss. `sensitive`: the topic that may be told them in private."""
        awaits = AwaitsHandoffAnswer(reason, utterance, sensitive=sensitive)
        talk.conversation = replace(talk.conversation, misses=talk.conversation.misses + 1).asking(awaits)
        actions = (
            Action(self.buttons.id(Verb.WANT_PERSON, talk.conversation.id), talk.words("button.person"), "primary"),
            Action(self.buttons.id(Verb.NO_PERSON, talk.conversation.id), talk.words("button.no_person")),
        )
        talk.say(kind, text, actions=actions, personal=sensitive is not None)

    def _choose(self, talk: Talk, skills: Sequence[str], utterance: str) -> None:
        verbs = (Verb.CHOOSE_FIRST, Verb.CHOOSE_SECOND, Verb.CHOOSE_THIRD)
        titles = [talk.words(f"skill.{skill}.title") for skill in skills[: len(verbs)]]
        choice = AwaitsChoice(tuple(skills[: len(verbs)]), utterance, new_id())
        actions = [Action(self.buttons.id(verb, choice.id), title) for verb, title in zip(verbs, titles, strict=False)]
        options = "\n".join(f"{n}. {title}" for n, title in enumerate(titles, start=1))
        talk.ask(choice, talk.words("choose.which", options=options), actions=actions)

    # -- what is already there -------------------------------------------------------------------------------------

    async def _cancel(self, talk: Talk, request_id: str | None, skill: str | None) -> None:
        """The named one; else the one talked about; else the only open one; of several, each with its button."""
        if request_id is not None:
            await self.dialogue.cancel(talk, await self._request(talk, request_id))
            return
        still = [request for request in await self._mine(talk, None) if not request.ended and skill in (None, request.skill)]
        here = [request for request in still if request.id == talk.conversation.request_id]
        if len(here or still) == 1:
            await self.dialogue.cancel(talk, (here or still)[0])
        elif not still:
            talk.conversation = replace(talk.conversation, awaits=(), misses=0)
            talk.say(ReplyKind.NOTICE, talk.words("say.nothing_to_cancel"))
        else:
            titles = [talk.words("request.line", case=request.case, title=titled(request, talk.words)) for request in still]
            actions = [
                cancel_button(request, talk.words, self.buttons, talk.words("button.cancel_case", case=request.case)) for request in still
            ]
            talk.say(ReplyKind.QUESTION, talk.words("request.which", requests="\n".join(titles)), actions=actions, personal=True)

    async def _undo(self, talk: Talk, case: str | None, skill: str | None) -> None:
        mine = [request for request in await self._mine(talk, case) if skill in (None, request.skill)]
        done = next((request for request in mine if request.state is RequestState.DONE), None)
        request = done or (mine[0] if case is not None and mine else None)
        if request is None:
            talk.say(ReplyKind.NOTICE, talk.words("request.nothing_to_undo"))
            return
        await self.dialogue.undo(talk, request)

    async def _status(self, talk: Talk, case: str | None) -> None:
        """The live cards of what is open, else of what was last; who has a handoff, or what they did; what waits for this person."""
        talk.conversation = replace(talk.conversation, misses=0)
        waiting = await self._to_approve(talk, case)
        mine = await self._mine(talk, case)
        handoffs = [item for item in await self.handoffs.of_person(talk.person.id) if case is None or item.case == case.upper()]
        still = [request for request in mine if not request.ended]
        latest = handoffs[:1] if not mine or (handoffs and handoffs[0].updated_at >= mine[0].updated_at) else []
        about = (
            [item for item in handoffs if item.open]
            or [item for item in handoffs if item.conversation_id == talk.conversation.id][:1]
            or latest
        )
        shown = still or ([] if about else mine[:1])
        if not shown and not about and not waiting:
            talk.say(ReplyKind.ANSWER, talk.words("status.none" if case is None else "status.unknown", case=case or ""))
            return
        for handoff in about[:SHOWN]:
            private_to = handoff.id if handoff.sensitive is not None else None
            subjects = await self.desk.board.about(talk.changes, handoff)
            talk.say(ReplyKind.HANDOFF, await self._handoff_status(talk, handoff), private_to=private_to, about=subjects)
        continued = shown[0] if case is not None and len(shown) == 1 and shown[0].state in COMPOSED else None
        if continued is not None and continued.conversation_id != talk.conversation.id:
            brought = await self.dialogue.brought(talk, continued)
            if brought.conversation_id == talk.conversation.id:
                await self.dialogue.advance(talk, brought)
                return
        for request in shown[:SHOWN]:
            # What was declined goes to their own room anyway; a denial stays where it was asked for, without its reason.
            openly = talk.alone is not None and request.state is RequestState.DENIED
            card = status_card(await self.dialogue.story(request), talk.words, self.buttons, new_id(), openly=openly)
            talk.post(card, card_key=f"request:{request.id}", about=(request,))
        if len(shown) > SHOWN:
            talk.say(ReplyKind.NOTICE, talk.words("status.more", count=len(shown) - SHOWN), about=shown)

    async def _to_approve(self, talk: Talk, case: str | None) -> bool:
        """Shows again what waits for this person's yes or no."""
        shown = False
        for approval in await self.requests.approvals_waiting(talk.person.id):
            request = await self.requests.get(approval.request_id)
            if request is not None and case in (None, request.case):
                requester = await self.people.get(request.requester_id)
                story = await self.dialogue.story(request)
                name = requester.name if requester is not None else ""
                arguments = exact_arguments(request, approval, talk.words)
                card = approval_card(story, approval, name, arguments, talk.words, self.buttons, new_id())
                card_key = f"approval:{approval.id}"
                talk.changes.inside.append(shown_already(card_key, talk.person.id))
                talk.post(card, card_key=card_key)
                shown = True
        return shown

    async def _handoff_status(self, talk: Talk, handoff: Handoff) -> str:
        claimant = await self.people.get(handoff.claimed_by) if handoff.claimed_by else None
        key = f"handoff.status.{handoff.state.value}"
        if handoff.resolution is None and not handoff.open:
            key += ".silent"
        return talk.words(
            key,
            case=handoff.case,
            group=talk.words(f"group.{handoff.assignment_group}"),
            name=claimant.name if claimant else "",
            at=handoff.updated_at,
            text=handoff.resolution or "",
        )

    async def _mine(self, talk: Talk, case: str | None) -> list[Request]:
        """The person's own requests, newest first; only the named one if a case is named. Others' look as if there were none."""
        recent = [talk.current(request) for request in await self.requests.recent_of(talk.person.id)]
        if case is None:
            return recent
        named = await self.requests.by_number(int(case.upper().removeprefix("FOY-")))
        return [talk.current(named)] if named is not None and named.requester_id == talk.person.id else []

    async def _request(self, talk: Talk, request_id: str) -> Request:
        request = await self.requests.get(request_id)
        if request is None:
            raise LookupError(request_id)
        return talk.current(request)


def _checkable(talk: Talk, answer: Answer) -> str:
    """What is said. Nothing but the model vouches for a translation, so whoever reads it sees what it was made of."""
    if not answer.translated:
        return answer.said
    lines = [f"{quote.text} [{quote.citation.n}]".splitlines() for quote in answer.quotes]
    quotes = "\n\n".join("\n".join(f"> {line}" for line in quoted) for quoted in lines)
    return talk.words("answer.translated", text=answer.said, quotes=quotes)


def _cited(answer: Answer) -> tuple[Citation, ...]:
    """The sources of an answer, each once."""
    seen: dict[int, Citation] = {}
    for quote in answer.quotes:
        seen.setdefault(quote.citation.n, quote.citation)
    return tuple(seen.values())
