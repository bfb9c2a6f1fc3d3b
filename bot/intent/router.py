"""From a recognition to the steps of a turn. Pure: nothing here decides who may, only what was meant.

An open question is answered first; what is clearly something else is served while the question stays open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.conversation.model import (
    Awaits,
    AwaitsChoice,
    AwaitsConfirmation,
    AwaitsHandoffAnswer,
    AwaitsSlot,
    AwaitsSolved,
    OpenRequest,
    Recall,
)
from bot.intent import acts
from bot.intent.answers import left_open
from bot.intent.model import (
    Answer,
    AskAgain,
    Cancel,
    Choose,
    Confirm,
    DeclineHuman,
    Fill,
    Fulfil,
    HandOff,
    OfferHuman,
    Recognition,
    Say,
    Solved,
    Status,
    Step,
    Undo,
    Wish,
)
from bot.intent.text import oddity
from specialists.skill import SkillSpec

MAX_STEPS = 4
_TIE = 0.2
"""Two skills that are no further apart than this, below acting, are both offered."""
_EITHER = 0.65
"""How sure it must be that it is one of the two."""
_LIKELY = 0.3
"""Of skills that compete with each other more than with anything else, how sure it must be that it is one of them."""
_BELOW = 0.01
_COURTESIES = ("greeting", "thanks")


def route(recognition: Recognition, recall: Recall, specs: Mapping[str, SkillSpec]) -> tuple[Step, ...]:
    """The steps, in the order in which they were asked for; never none. `specs`: the skills that are on."""
    recognition = replace(recognition, wishes=tuple(_offered(wish, specs) for wish in recognition.wishes))
    if recognition.sensitive is not None:
        return (HandOff("sensitive", recognition.utterance, sensitive=recognition.sensitive),)
    if recognition.perhaps is not None:
        return _in_private(recognition.perhaps, recognition, recall, specs)
    strange = oddity(recognition.utterance)
    if not recognition.wishes:
        return (Say(strange or "quoted"),)
    for place, awaits in enumerate(recall.awaits):
        steps = _answered(awaits, recognition, recall, specs, first=place == 0)
        if steps:
            return steps[:MAX_STEPS]
    resumed = _resumed(recognition, recall, specs)
    return (resumed,) if resumed is not None else _served(recognition.wishes, recognition, recall, specs)


def _offered(wish: Wish, specs: Mapping[str, SkillSpec]) -> Wish:
    """A skill that is off is none: who asks for it is not understood."""
    alternatives = tuple(one for one in wish.alternatives if one[0] in specs)
    if wish.act == "skill" and wish.skill not in specs:
        return Wish("unclear", wish.text, wish.confidence, alternatives=alternatives)
    return replace(wish, alternatives=alternatives)


def _in_private(topic: str, recognition: Recognition, recall: Recall, specs: Mapping[str, SkillSpec]) -> tuple[Step, ...]:
    """A person is offered first; what is clear without the language model is served as ever, so that the last question is its own."""
    if any(wish.act == "human" for wish in recognition.wishes):
        return (HandOff("sensitive", recognition.utterance, sensitive=topic),)
    offer = OfferHuman("sensitive", "", topic)
    if not recognition.answers and not any(_clear(wish, specs) for wish in recognition.wishes):
        return (offer,)
    return (offer, *route(replace(recognition, perhaps=None), recall, specs))[:MAX_STEPS]


def _clear(wish: Wish, specs: Mapping[str, SkillSpec]) -> bool:
    if wish.act == "skill":
        spec = specs.get(wish.skill or "")
        return spec is not None and wish.confidence >= spec.notify_at
    return wish.act in ("yes", "no", "cancel", "undo", "status") or (wish.act == "question" and wish.confidence >= _EITHER)


# -- open questions ------------------------------------------------------------------------------------------------


def _answered(awaits: Awaits, recognition: Recognition, recall: Recall, specs: Mapping[str, SkillSpec], *, first: bool) -> tuple[Step, ...]:
    """The steps when this utterance answers the open question; () when it has nothing to do with it."""
    act = recognition.wishes[0].act if len(recognition.wishes) == 1 else None
    match awaits:
        case AwaitsSlot():
            return _slot_answered(awaits, recognition, recall, specs, first=first)
        case AwaitsConfirmation(request_id):
            return _confirmed(request_id, act, recognition, recall, specs)
        case AwaitsChoice(_, utterance) if act in ("no", "cancel"):
            return (OfferHuman("low_confidence", utterance),)
        case AwaitsHandoffAnswer(_, utterance, request_id, sensitive):
            if act == "yes" or (act == "human" and not recognition.wishes[0].guessed):
                return (HandOff("sensitive" if sensitive else "accepted", utterance, sensitive=sensitive, request_id=request_id),)
            return (DeclineHuman(),) if act in ("no", "cancel") else ()
        case AwaitsSolved(request_id) if act in ("yes", "no"):
            return (Solved(request_id, act == "yes"),)
        case _:
            return ()


def _resumed(recognition: Recognition, recall: Recall, specs: Mapping[str, SkillSpec]) -> Step | None:
    """The answer that comes after a detour, when nothing is being asked any more but one request still lacks it."""
    request = left_open(recall)
    if request is None or not recognition.answers or not request.missing or len(recognition.wishes) != 1:
        return None
    wish = recognition.wishes[0]
    if wish.act not in ("unclear", "skill") or wish.beneficiary is not None:
        return None
    if wish.act == "skill" and wish.skill != request.skill:
        spec = specs.get(wish.skill or "")
        return None if spec is None or wish.confidence >= spec.notify_at else Fill(request.id, recognition.answers)
    contradicts = any(name in request.slots and request.slots[name].value != value.value for name, value in wish.slots.items())
    return None if contradicts else Fill(request.id, recognition.answers)


def _slot_answered(
    awaits: AwaitsSlot, recognition: Recognition, recall: Recall, specs: Mapping[str, SkillSpec], *, first: bool
) -> tuple[Step, ...]:
    act = recognition.wishes[0].act if len(recognition.wishes) == 1 else None
    pending = next((request for request in recall.requests if request.id == awaits.request_id), None)
    if act == "cancel":
        wish = recognition.wishes[0]
        return (Cancel(awaits.request_id) if _of_pending(wish, pending, recall, specs) else _cancel(wish, recall, specs),)
    again = AskAgain(awaits.request_id, awaits.slot, recognition.utterance, recognition.candidates.get(awaits.slot, ()))
    if pending is not None and not recognition.answers and acts.asks_which(recognition.utterance):
        return (again,)
    fill: tuple[Step, ...] = (Fill(awaits.request_id, recognition.answers),) if recognition.answers else ()
    others = [wish for wish in recognition.wishes if _is_other(wish, pending, specs, answered=bool(fill))]
    if fill or others:
        return (*fill, *(_served(others, recognition, recall, specs) if others else ()))
    if not first or act in (*_COURTESIES, "help"):
        return ()
    return (again,)


def _is_other(wish: Wish, pending: OpenRequest | None, specs: Mapping[str, SkillSpec], *, answered: bool) -> bool:
    """Clearly something else than the answer."""
    match wish.act:
        case "skill":
            spec = specs.get(wish.skill or "")
            if spec is None or (pending is not None and spec.name == pending.skill):
                return False
            # What one engine alone sees never comes so far as to be acted on.
            return wish.confidence >= (spec.notify_at if wish.guessed and not answered else spec.act_at)
        case "question":
            return wish.text.rstrip().endswith("?") and (not answered or wish.confidence >= _EITHER)
        case "status" | "human" | "undo" | "cancel" | "who":
            return True
        case _:
            return False


def _confirmed(
    request_id: str, act: str | None, recognition: Recognition, recall: Recall, specs: Mapping[str, SkillSpec]
) -> tuple[Step, ...]:
    pending = next((request for request in recall.requests if request.id == request_id), None)
    if act == "cancel":
        wish = recognition.wishes[0]
        return (Confirm(request_id, yes=False) if _of_pending(wish, pending, recall, specs) else _cancel(wish, recall, specs),)
    others = [wish for wish in recognition.wishes if _is_other(wish, pending, specs, answered=bool(recognition.answers))]
    if recognition.answers and not (others and len(others) == len(recognition.wishes)):
        return (Fill(request_id, recognition.answers), *(_served(others, recognition, recall, specs) if others else ()))
    if act in ("yes", "no"):
        return (Confirm(request_id, yes=act == "yes"),)
    wish = recognition.wishes[0]
    again = act == "skill" and pending is not None and wish.skill == pending.skill and wish.beneficiary is None
    # Saying it once more, in clear words, is a yes.
    clear = again and wish.skill and not wish.guessed and wish.confidence >= specs[wish.skill].act_at
    return (Confirm(request_id, yes=True),) if clear else ()


# -- wishes --------------------------------------------------------------------------------------------------------


def _served(wishes: Sequence[Wish], recognition: Recognition, recall: Recall, specs: Mapping[str, SkillSpec]) -> tuple[Step, ...]:
    meant = [wish for wish in wishes if wish.act not in _COURTESIES] or list(wishes[:1])
    steps: list[Step] = []
    for wish in meant:
        step = _serve(wish, recognition, recall, specs)
        if not any(_same(step, other) for other in steps):
            steps.append(step)
    return tuple(steps[:MAX_STEPS])


def _same(one: Step, other: Step) -> bool:
    """Nothing is asked for twice in one breath, whatever the words and however sure they are."""
    if not isinstance(one, Fulfil) or not isinstance(other, Fulfil):
        return one == other
    return _wanted(one) == _wanted(other)


def _wanted(step: Fulfil) -> tuple[object, ...]:
    return step.skill, {name: slot.value for name, slot in step.slots.items()}, step.beneficiary, step.candidates, step.unknown


def _serve(wish: Wish, recognition: Recognition, recall: Recall, specs: Mapping[str, SkillSpec]) -> Step:
    match wish.act:
        case "skill" if wish.skill is not None and wish.skill in specs:
            return _skill(wish, specs[wish.skill], recognition, recall)
        case "status":
            meant = _meant(wish, recall, specs)
            return Status(wish.case or (meant.case if meant else None))
        case "cancel":
            return _cancel(wish, recall, specs)
        case "undo":
            meant = _meant(wish, recall, specs)
            return Cancel(meant.id, meant.skill) if meant else Undo(wish.case, wish.skill)
        case "human" if wish.guessed:
            return OfferHuman("asked", wish.text)
        case "human":
            return HandOff("asked", recognition.utterance, group_hint=acts.group_of(recognition.utterance))
        case "greeting" | "thanks" | "help" | "who":
            return Say(wish.act)
        case "yes" | "no":
            return Say("thanks") if wish.act == "yes" else Say("help")
        case "question":
            return _question(wish, recognition, recall)
        case _:
            return _unclear(wish, recognition, recall)


def _skill(wish: Wish, spec: SkillSpec, recognition: Recognition, recall: Recall) -> Step:
    rival = wish.alternatives[0] if wish.alternatives else None
    tie = rival is not None and wish.confidence - rival[1] <= _TIE and wish.confidence + rival[1] >= _EITHER
    if rival is not None and tie and wish.confidence < spec.act_at and not acts.negated(wish.text):
        return Choose((spec.name, rival[0]), wish.text)
    if wish.confidence >= spec.notify_at:
        # Below every level, so that policy has it confirmed even where the risk is low.
        confidence = min(wish.confidence, spec.notify_at - _BELOW) if wish.guessed else wish.confidence
        return Fulfil(spec.name, wish.slots, confidence, wish.text, wish.beneficiary, wish.candidates, wish.unknown)
    return _question(wish, recognition, recall) if _asks(wish, recognition) else _unclear(wish, recognition, recall)


def _understood(recognition: Recognition) -> bool:
    """Whether whoever understood it reads its language."""
    return recognition.language == "en" or recognition.engine.model is not None


def _asks(wish: Wish, recognition: Recognition) -> bool:
    """The form of a question is looked at in English only: "was" and "has" begin other sentences elsewhere."""
    return acts.is_question(wish.text) if recognition.language == "en" else wish.text.rstrip().endswith("?")


def _question(wish: Wish, recognition: Recognition, recall: Recall) -> Step:
    if not _understood(recognition):
        return Say("language")
    # What was understood in another language stands by itself already.
    leans = recognition.language == "en" and acts.leans(wish.text)
    return Answer(wish.text, recall.question if leans else None, wish.search)


def _unclear(wish: Wish, recognition: Recognition, recall: Recall) -> Step:
    if not _understood(recognition):
        return Say("language")
    likely = wish.alternatives
    if wish.act == "skill" and wish.skill is not None and not acts.negated(wish.text):
        likely = ((wish.skill, wish.confidence), *likely)
    if len(likely) > 1 and sum(confidence for _, confidence in likely) >= _LIKELY:
        return Choose(tuple(name for name, _ in likely[:3]), wish.text)
    if _asks(wish, recognition):
        return _question(wish, recognition, recall)
    return HandOff("second_miss", recognition.utterance) if recall.misses >= 1 else OfferHuman("low_confidence", wish.text)


# -- requests that were made before ------------------------------------------------------------------------------


def _cancel(wish: Wish, recall: Recall, specs: Mapping[str, SkillSpec]) -> Step:
    meant = _meant(wish, recall, specs)
    if meant is not None:
        return Cancel(meant.id, meant.skill)
    if wish.case is not None:
        # It is open no more: what was done of it can only be undone.
        return Undo(wish.case)
    return Cancel(None, wish.skill) if wish.skill or recall.awaits or recall.requests else Say("nothing_to_cancel")


def _of_pending(wish: Wish, pending: OpenRequest | None, recall: Recall, specs: Mapping[str, SkillSpec]) -> bool:
    """Whether what is taken back is the request that was just asked about: the one that is named, or none is named at all."""
    if wish.case is not None:
        return pending is not None and pending.case == wish.case
    if wish.skill is not None:
        return pending is not None and _fits(wish, pending, specs)
    return len(recall.requests) < 2 or not acts.everything(wish.text)


def _meant(wish: Wish, recall: Recall, specs: Mapping[str, SkillSpec]) -> OpenRequest | None:
    """The one open request that the words mean: by its case, else by its kind and what they say of it; None if not one alone."""
    if wish.case is not None:
        return next((request for request in recall.requests if request.case == wish.case), None)
    fitting = [request for request in recall.requests if _fits(wish, request, specs)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(wish: Wish, request: OpenRequest, specs: Mapping[str, SkillSpec]) -> bool:
    """Whether words about a kind of request may mean this one: nothing that they name contradicts it."""
    spec = specs.get(request.skill)
    if spec is None or wish.skill != request.skill:
        return False
    for slot in spec.slots:
        own = request.slots.get(slot.name)
        if own is None:
            continue
        if slot.name in wish.unknown:
            return False
        said = wish.slots.get(slot.name)
        if slot.type in ("application", "hardware"):
            named = wish.candidates.get(slot.name)
            if (said is not None and said.value != own.value) or (said is None and named and own.label not in named):
                return False
        elif slot.type == "date" and said is not None:
            # Part of the days is meant as well as all of them.
            outside = str(said.value) > str(own.value) if slot.after else str(said.value) < str(own.value)
            if outside or not _overlap(wish, request, spec):
                return False
    return True


def _overlap(wish: Wish, request: OpenRequest, spec: SkillSpec) -> bool:
    end = next((slot for slot in spec.slots if slot.type == "date" and slot.after), None)
    if end is None or end.after is None:
        return True
    first, last = wish.slots.get(end.after), request.slots.get(end.name)
    return first is None or last is None or str(first.value) <= str(last.value)
