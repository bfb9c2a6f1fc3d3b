"""Plays written conversations against the sandbox company and says where they come out otherwise.

The tests play theirs by the same lines. The format is told in docs/evaluation.md.
"""

import re
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from bot.evaluation.company import BUTTONS, Company, NoSuchButton, NoSuchPerson, NothingToConfirm, Said
from bot.evaluation.rows import BadInput, Progress, silent, text_of
from connectors.ports.chat import ReplyKind

NOTHING = "nothing"
_FOYER, _SANDBOX = re.compile(r"foyer(?: to (?P<who>\S+))?"), re.compile(r"sandbox of (?P<who>\S+)")
_EXPECTED = {"kind", "says", "state", "cites"}
_SPANS = {"weeks", "days", "hours", "minutes", "seconds"}
_LONGEST = timedelta(days=3653)
_KINDS = {kind.value for kind in ReplyKind}
_PRESSES = {"step-up", "refuse-step-up", *BUTTONS}


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of a dialogue. `what` is a speaker's words, what Foyer is expected to show, a state, or time that passes."""

    number: int
    who: str
    what: Any


@dataclass(frozen=True, slots=True)
class Dialogue:
    name: str
    turns: tuple[Turn, ...]

    @property
    def owner(self) -> str:
        """Whose conversation it is: the first person who speaks."""
        return next((turn.who for turn in self.turns if _is_person(turn.who)), "")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a dialogue came out otherwise: at which turn, what was expected, and what was there instead."""

    turn: int
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Played:
    """`difference`: the first one; a dialogue ends there."""

    name: str
    difference: Difference | None = None

    def as_json(self) -> Mapping[str, Any]:
        told = {"name": self.name, "ok": self.difference is None}
        if self.difference is None:
            return told
        return {**told, "turn": self.difference.turn, "expected": self.difference.expected, "found": self.difference.found}


def read_dialogues(path: Path) -> list[Dialogue]:
    """A YAML list of {name, turns}. Raises BadInput, which says where."""
    try:
        given = yaml.safe_load(text_of(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # A ValueError: a date that there is not, such as 2024-13-45.
        mark = getattr(error, "problem_mark", None)
        raise BadInput(
            f"{path}{f':{mark.line + 1}' if mark else ''}: this is no YAML ({getattr(error, 'problem', None) or error})."
        ) from error
    if not isinstance(given, list) or not given:
        raise BadInput(f"{path}: this is not a list of dialogues, each with a name and turns.")
    return [_dialogue(one, f"{path}: dialogue {number}") for number, one in enumerate(given, 1)]


async def play_all(
    dialogues: Sequence[Dialogue],
    *,
    progress: Progress = silent,
    settings: Mapping[str, Any] = MappingProxyType({}),
    ended: Callable[[Company], Awaitable[None]] | None = None,
) -> list[Played]:
    """Each against a company of its own, in a temporary folder.

    `settings` say what is otherwise than shipped; `ended` is told of each company before it closes.
    """
    with tempfile.TemporaryDirectory(prefix="foyer-eval-") as folder:
        progress("opening the company", 0, 0)
        template = Path(folder) / "template"
        await (await Company.open(template)).close()
        played = []
        for number, dialogue in enumerate(dialogues):
            progress("playing", number, len(dialogues))
            company = await Company.open(Path(folder) / f"home{number}", template, settings=settings)
            try:
                played.append(Played(dialogue.name, await play(company, dialogue)))
                if ended is not None:
                    await ended(company)
            finally:
                await company.close()
        progress("playing", len(dialogues), len(dialogues))
    return played


async def play(company: Company, dialogue: Dialogue) -> Difference | None:
    """Plays one dialogue; the first difference ends it."""
    heard: dict[str, list[Said]] = {}
    for turn in dialogue.turns:
        try:
            difference = await _play(company, turn, dialogue.owner, heard)
        except (NoSuchButton, NoSuchPerson, NothingToConfirm) as error:
            return Difference(turn.number, f"{turn.who}: {turn.what}", str(error))
        except TimeoutError:
            return Difference(turn.number, f"{turn.who}: {turn.what}", "Foyer was still busy with it after a long time")
        if difference is not None:
            return difference
    return None


async def _play(company: Company, turn: Turn, owner: str, heard: dict[str, list[Said]]) -> Difference | None:
    if turn.who == "later":
        await company.later(**turn.what)
    elif turn.who == "restart":
        await company.restart()
    elif expected := _FOYER.fullmatch(turn.who):
        person = expected["who"] or owner
        replies = heard.setdefault(person, [])
        replies.extend(await company.news(person))
        return _differs(turn, person, replies)
    elif looked := _SANDBOX.fullmatch(turn.who):
        return _state_differs(turn, looked["who"], await company.state(looked["who"]))
    else:
        # What was said before this turn and not asked about is not an answer to it.
        heard[turn.who] = []
        await company.news(turn.who)
        await _act(company, turn.who, turn.what)
    return None


async def _act(company: Company, person: str, what: str) -> None:
    if not what.startswith("!"):
        await company.say(person, what)
        return
    name, _, text = what[1:].partition(" ")
    if name in ("step-up", "refuse-step-up"):
        await company.confirm(person, yes=name == "step-up")
    else:
        await company.press(person, name, text)


def _differs(turn: Turn, person: str, heard: list[Said]) -> Difference | None:
    """Whether no reply fits; the one that does may not be used again."""
    told = "; ".join(map(repr, heard)) or NOTHING
    if turn.what == NOTHING:
        return Difference(turn.number, f"nothing more to {person}", told) if heard else None
    for said in heard:
        if fits(said, turn.what):
            heard.remove(said)
            return None
    return Difference(turn.number, f"to {person}: {_told(turn.what)}", told)


def fits(said: Said, wanted: Mapping[str, str]) -> bool:
    """Whether a reply is of that kind and state, says that (a regular expression) and cites an article of that title."""
    reply = said.reply
    text = "\n".join([reply.text, *(f"{field.label}: {field.value}" for field in reply.fields), *(reply.transcript)])
    state = reply.request.state if reply.request else None
    titles = [citation.title for citation in reply.citations]
    return (
        wanted.get("kind", reply.kind.value) == reply.kind.value
        and wanted.get("state", state) == state
        and re.search(wanted.get("says", ""), text, re.IGNORECASE | re.DOTALL) is not None
        and ("cites" not in wanted or any(wanted["cites"] in title for title in titles))
    )


def _state_differs(turn: Turn, person: str, state: Mapping[str, Any]) -> Difference | None:
    for key, wanted in turn.what.items():
        if key not in state:
            return Difference(turn.number, f"{key} of {person}", f"the sandbox company tells {', '.join(state)}")
        if not holds(state[key], wanted):
            return Difference(turn.number, f"{key} of {person}: {_told(wanted)}", _told(state[key]))
    return None


def holds(there: Any, wanted: Any) -> bool:
    """Whether what is wanted is among what is there: each key of a mapping, each entry of a list in any one; else equal."""
    match wanted:
        case Mapping():
            return isinstance(there, Mapping) and all(key in there and holds(there[key], one) for key, one in wanted.items())
        case []:
            return bool(there == [])
        case list():
            return isinstance(there, list) and all(any(holds(found, one) for found in there) for one in wanted)
    return bool(there == wanted)


def _told(value: Any) -> str:
    return value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).strip()


def _is_person(who: str) -> bool:
    return who not in ("later", "restart") and not _FOYER.fullmatch(who) and not _SANDBOX.fullmatch(who)


def _dialogue(given: Any, where: str) -> Dialogue:
    if not isinstance(given, dict) or set(given) != {"name", "turns"} or not isinstance(given["turns"], list) or not given["turns"]:
        raise BadInput(f"{where}: a dialogue has a name and a list of turns, and nothing else.")
    where = f"{where} ({given['name']})"
    dialogue = Dialogue(str(given["name"]), tuple(_turn(one, number, where) for number, one in enumerate(given["turns"], 1)))
    if not dialogue.owner:
        raise BadInput(f"{where}: nobody says anything in it.")
    return dialogue


def _turn(given: Any, number: int, where: str) -> Turn:
    where = f"{where}, turn {number}"
    if not isinstance(given, dict) or len(given) != 1 or not isinstance(next(iter(given)), str):
        raise BadInput(f"{where}: a turn has one key: who speaks, foyer, sandbox of somebody, later or restart.")
    ((who, what),) = given.items()
    if who == "restart":
        what = {}
    elif who == "later":
        _check_span(what, where)
    elif _FOYER.fullmatch(who):
        what = what if what == NOTHING else _checked(what, where)
    elif _SANDBOX.fullmatch(who):
        if not isinstance(what, dict) or not what:
            raise BadInput(f"{where}: a state is written as in {{account: {{status: active}}}}.")
    elif not isinstance(what, str):
        raise BadInput(f'{where}: what {who} says is not a text to YAML; write it in quotes ("no").')
    elif what.startswith("!") and what[1:].partition(" ")[0] not in _PRESSES:
        raise BadInput(f"{where}: there is no button !{what[1:].partition(' ')[0]}; there are {', '.join(sorted(_PRESSES))}.")
    return Turn(number, who, what)


def _check_span(what: Any, where: str) -> None:
    spans = what if isinstance(what, dict) else {}
    if not spans or not set(spans) <= _SPANS or not all(isinstance(one, int | float) and one >= 0 for one in spans.values()):
        raise BadInput(f"{where}: time that passes is written as in {{days: 2}}; there are {', '.join(sorted(_SPANS))}.")
    try:
        short = timedelta(**spans) <= _LONGEST
    except (OverflowError, ValueError):
        short = False
    if not short:
        raise BadInput(f"{where}: no more than ten years pass at a time.")


def _checked(what: Any, where: str) -> dict[str, str]:
    if not isinstance(what, dict) or not what or not set(what) <= _EXPECTED or not all(isinstance(one, str) for one in what.values()):
        raise BadInput(f"{where}: what Foyer shows is `nothing`, or has some of {', '.join(sorted(_EXPECTED))}, each a text.")
    if what.get("kind", "answer") not in _KINDS:
        raise BadInput(f"{where}: there is no kind of reply {what['kind']!r}; there are {', '.join(sorted(_KINDS))}.")
    try:
        re.compile(what.get("says", ""))
    except re.error as error:
        raise BadInput(f"{where}: {what['says']!r} is no regular expression ({error}).") from error
    return what
