"""Reads and checks the skill folders at start, and gives each skill only the ports that its yaml names.

What is wrong with a folder is said with its path; Foyer does not start with it. A scope is one operation of a port, so
what a skill declares is exactly what it can call.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connectors.errors import Refused
from connectors.ports.data_files import read_yaml
from connectors.ports.messages import Message, Messages, Param, Reader
from connectors.ports.records import Json
from specialists.skill import ApprovalSpec, Idempotency, Ports, Skill, SkillContext, SkillSpec, SlotSpec, SlotType, one_day

BUILT_IN: Final = Path(__file__).parent / "skills"
RUNBOOK_SECTIONS: Final = ("effect", "undo", "owner")

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=60)]
_PORTS: Final = get_type_hints(Ports)


class InvalidSkill(Exception):
    """A skill folder that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action that the skill's plans may contain."""

    idempotency: Idempotency
    effect: bool
    verified_by: str
    """How its postcondition is read back, for people."""


@dataclass(frozen=True, slots=True)
class LoadedSkill:
    """A skill as the rest of Foyer uses it. The keys of `messages` start with "skill.<name>."."""

    spec: SkillSpec
    code: Skill
    messages: Messages
    actions: Mapping[str, ActionSpec]

    def says(self, key: str, context: SkillContext, detail: Mapping[str, Json] | None = None, **more: Param) -> Message:
        """One of this skill's messages ("done.grant") with all that its texts may speak of.

        These are the labels of the filled slots, `person`, `requester`, `case`, an effect's `detail` (times in it as
        `Message.as_json` writes them) and what is given besides. When the answer of an outside system was lost there is
        no detail: a text that needs it gives way to "<key>.short". "<key>.same" is for dates that are one day.
        """
        typed = Message.from_json({"key": "", "params": dict(detail or {})}).params
        known: dict[str, Param] = {
            **context.labels,
            "person": context.beneficiary.name,
            "requester": context.requester.name,
            "case": context.case,
            **typed,
            **more,
        }
        full = f"skill.{self.spec.name}.{key}"
        if one_day(context.slots.values()) and self.messages.has(f"{full}.same"):
            full = f"{full}.same"
        short = self.messages.has(f"{full}.short") and not _sayable(self.messages, full, known)
        return Message(f"{full}.short" if short else full, known)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Slot(_Strict):
    name: Name
    type: SlotType
    required: bool = True
    of: str | None = None
    after: str | None = None
    choices: tuple[str, ...] = ()
    maximum: timedelta | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> "_Slot":
        for field, belongs_to in (("of", "role"), ("after", "date"), ("choices", "choice"), ("maximum", "duration")):
            if getattr(self, field) and self.type != belongs_to:
                raise ValueError(f"the slot {self.name!r}: {field} is for a {belongs_to}")
        if self.type == "role" and not self.of:
            raise ValueError(f"the slot {self.name!r}: a role needs `of`, the slot of its application")
        if self.type == "choice" and not self.choices:
            raise ValueError(f"the slot {self.name!r}: a choice needs choices")
        return self


class _Approval(_Strict):
    by: Literal["manager"]
    expires: timedelta = Field(gt=timedelta(0))


class _Action(_Strict):
    idempotency: Idempotency
    effect: bool = True
    verified_by: str = Field(min_length=1)


class _Declaration(_Strict):
    """`skill.yaml`."""

    name: Name
    description: str = Field(min_length=1)
    risk: Literal["low", "medium", "high"]
    subject: Literal["self", "other"]
    assurance: Literal[1, 2] = 1
    effect: bool
    undo: bool
    timed: bool = False
    notify_manager: bool = False
    personal: bool = False
    approval: _Approval | None = None
    act_at: float = Field(0.85, ge=0, le=1)
    notify_at: float = Field(0.65, ge=0, le=1)
    assignment_group: str = Field(min_length=1)
    connectors: dict[str, tuple[str, ...]]
    actions: dict[Name, _Action] = Field(min_length=1)
    slots: tuple[_Slot, ...] = ()
    utterances: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_consistent(self) -> "_Declaration":
        names = [slot.name for slot in self.slots]
        if len(set(names)) != len(names):
            raise ValueError("two slots have one name")
        for slot in self.slots:
            for other in (slot.of, slot.after):
                if other is not None and other not in names:
                    raise ValueError(f"the slot {slot.name!r} refers to {other!r}, which is no slot")
        if len({utterance.casefold() for utterance in self.utterances}) != len(self.utterances):
            raise ValueError("an utterance is there twice")
        if self.notify_at > self.act_at:
            raise ValueError("notify_at is above act_at")
        if self.effect != any(action.effect for action in self.actions.values()):
            raise ValueError("effect must be true exactly when one of the actions has an effect")
        if self.undo and not self.effect:
            raise ValueError("there is nothing to undo")
        unknown = check_scopes(self.connectors)
        if unknown:
            raise ValueError(f"no port has {', '.join(unknown)}")
        return self


def check_scopes(connectors: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What of this is no operation of a port, as "port.scope"."""
    return [
        f"{port}.{scope}"
        for port, scopes in connectors.items()
        for scope in scopes or ("?",)
        if port not in _PORTS or scope.startswith("_") or not callable(getattr(_PORTS[port], scope, None))
    ]


def load_skills(folder: Path = BUILT_IN) -> Mapping[str, LoadedSkill]:
    """Every skill folder in `folder`, by name. Raises InvalidSkill."""
    loaded = [load_skill(path.parent) for path in sorted(folder.glob("*/skill.yaml"))]
    stray = sorted(
        path.name for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._" and not (path / "skill.yaml").exists()
    )
    if stray:
        raise InvalidSkill(f"{folder}: without a skill.yaml: {', '.join(stray)}")
    return MappingProxyType({skill.spec.name: skill for skill in loaded})


def load_skill(folder: Path) -> LoadedSkill:
    """One skill folder. Raises InvalidSkill."""
    try:
        declared = _Declaration.model_validate(read_yaml(folder / "skill.yaml"))
        prefix = f"skill.{declared.name}."
        messages = Messages.load([folder / "messages.yaml"], prefix)
        runbook = (folder / "runbook.md").read_text(encoding="utf-8")
    except (ValidationError, yaml.YAMLError, OSError, ValueError, AttributeError) as error:
        raise InvalidSkill(f"{folder}: {error}") from error
    if folder.name != declared.name:
        raise InvalidSkill(f"{folder}: it declares the name {declared.name!r}")
    missing = sorted(key for key in _needed(declared) if not messages.has(prefix + key))
    if missing:
        raise InvalidSkill(f"{folder / 'messages.yaml'}: without {', '.join(missing)}")
    unsayable = [f"done.{action}.short" for action in declared.actions if not _can_be_said(messages, f"{prefix}done.{action}", declared)]
    if unsayable:
        raise InvalidSkill(f"{folder / 'messages.yaml'}: without {', '.join(unsayable)}, for when the answer of the other side is lost")
    headings = {line.lstrip("# ").strip().lower() for line in runbook.splitlines() if line.startswith("#")}
    absent = [section for section in RUNBOOK_SECTIONS if section not in headings]
    if absent:
        raise InvalidSkill(f"{folder / 'runbook.md'}: without a section {', '.join(absent)}")
    title = messages.say(Message(prefix + "title"), Reader("en", "UTC"))
    actions = {name: ActionSpec(action.idempotency, action.effect, action.verified_by) for name, action in declared.actions.items()}
    return LoadedSkill(_spec(declared, title), _code(folder, declared.undo), messages, MappingProxyType(actions))


def ports_for(spec: SkillSpec, ports: Ports) -> Ports:
    """The ports as this skill may use them.

    Any other port raises Refused("undeclared_port") when it is used, any other operation Refused("undeclared_scope").
    """
    narrowed: dict[str, Any] = {
        field.name: _Narrowed(f"{spec.name}: {field.name}", getattr(ports, field.name), spec.connectors.get(field.name, ()))
        for field in fields(Ports)
    }
    return Ports(**narrowed)


class _Narrowed:
    """A port with only the declared operations."""

    __slots__ = ("_of", "_port", "_scopes")

    def __init__(self, of: str, port: object, scopes: tuple[str, ...]) -> None:
        self._of, self._port, self._scopes = of, port, frozenset(scopes)

    def __getattr__(self, name: str) -> Any:
        if name not in self._scopes:
            raise Refused("undeclared_scope" if self._scopes else "undeclared_port", f"{self._of}.{name}")
        return getattr(self._port, name)


def _needed(declared: _Declaration) -> set[str]:
    keys = {"title", "help", "confirm"}
    keys |= {f"label.{slot.name}" for slot in declared.slots}
    keys |= {f"ask.{slot.name}" for slot in declared.slots if slot.required}
    keys |= {f"{what}.{action}" for what in ("step", "done", "verified") for action in declared.actions}
    if declared.approval:
        keys.add("approval")
    if declared.undo:
        keys.add("undone")
    return keys


def _sayable(messages: Messages, key: str, params: Mapping[str, Param]) -> bool:
    try:
        messages.say(Message(key, params), Reader("en", "UTC"))
    except KeyError:
        return False
    return True


def _can_be_said(messages: Messages, key: str, declared: _Declaration) -> bool:
    """Whether the message, or its short form, needs no more than the required slots."""
    least: dict[str, Param] = dict.fromkeys([*(slot.name for slot in declared.slots if slot.required), "person", "requester", "case"], "?")
    return any(messages.has(name) and _sayable(messages, name, least) for name in (key, f"{key}.short"))


def _spec(declared: _Declaration, title: str) -> SkillSpec:
    return SkillSpec(
        name=declared.name,
        description=declared.description.strip(),
        risk=declared.risk,
        utterances=declared.utterances,
        slots=tuple(SlotSpec(s.name, s.type, s.required, s.of, s.after, s.choices, s.maximum) for s in declared.slots),
        subject=declared.subject,
        assurance=declared.assurance,
        approval=ApprovalSpec(declared.approval.by, declared.approval.expires) if declared.approval else None,
        connectors=MappingProxyType(dict(declared.connectors)),
        effect=declared.effect,
        undo=declared.undo,
        timed=declared.timed,
        assignment_group=declared.assignment_group,
        act_at=declared.act_at,
        notify_at=declared.notify_at,
        notify_manager=declared.notify_manager,
        personal=declared.personal,
        title=title,
    )


def _code(folder: Path, undo: bool) -> Skill:
    path = folder / "skill.py"
    found = importlib.util.spec_from_file_location(f"foyer_skill_{folder.name}", path)
    if found is None or found.loader is None or not path.exists():
        raise InvalidSkill(f"{path} is missing")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    if not hasattr(module, "Skill"):
        raise InvalidSkill(f"{path}: without a class Skill")
    code: Skill = module.Skill()
    absent = [
        name for name in ("look", "plan", "perform", "verify", *(["undo"] if undo else [])) if not callable(getattr(code, name, None))
    ]
    if absent:
        raise InvalidSkill(f"{path}: Skill cannot {', '.join(absent)}")
    return code
