import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from specialists.loader import BUILT_IN, InvalidSkill, load_skill, load_skills
from specialists.roster import BUILT_IN as ROSTER
from specialists.roster import InvalidRoster, load_roster

SPECS = {name: loaded.spec for name, loaded in load_skills().items()}
Edit = Callable[[dict[str, Any]], object]


def copy(to: Path, name: str = "grant_access") -> Path:
    return Path(shutil.copytree(BUILT_IN / name, to / name))


def change(path: Path, edit: Edit) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    edit(data)
    path.write_text(yaml.safe_dump(data), encoding="utf-8")


def test_a_folder_becomes_a_skill(tmp_path: Path) -> None:
    loaded = load_skill(copy(tmp_path))
    assert loaded.spec == SPECS["grant_access"]
    assert loaded.spec.title == "Access to an application"
    assert loaded.spec.connectors["access"] == ("applications", "entitlements", "grant", "revoke")
    assert loaded.spec.approval is not None
    assert loaded.spec.approval.expires.days == 3
    assert [(slot.name, slot.of, slot.required) for slot in loaded.spec.slots] == [
        ("application", None, True),
        ("role", "application", True),
        ("duration", None, True),
        ("reason", None, False),
    ]
    assert loaded.messages.has("skill.grant_access.ask.role")


def test_all_catalogues_can_be_merged() -> None:
    merged = None
    for loaded in load_skills().values():
        merged = loaded.messages if merged is None else merged | loaded.messages
    assert merged is not None
    assert len(merged.keys()) == sum(len(loaded.messages.keys()) for loaded in load_skills().values())


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda d: d.update(colour="red"), "colour"),
        (lambda d: d.update(name="grant_more"), "declares the name 'grant_more'"),
        (lambda d: d.update(risk="none"), "risk"),
        (lambda d: d.update(act_at=1.5), "act_at"),
        (lambda d: d.update(act_at=0.5), "notify_at is above act_at"),
        (lambda d: d.update(assurance=3), "assurance"),
        (lambda d: d.update(effect=False), "effect must be true"),
        (lambda d: d["approval"].update(by="anyone"), "approval.by"),
        (lambda d: d["approval"].update(expires="P0D"), "approval.expires"),
        (lambda d: d["slots"][1].update(of="program"), "'program', which is no slot"),
        (lambda d: d["slots"][1].pop("of"), "a role needs `of`"),
        (lambda d: d["slots"][0].update(maximum="P3D"), "maximum is for a duration"),
        (lambda d: d["slots"].append({"name": "role", "type": "text"}), "two slots"),
        (lambda d: d["slots"].append({"name": "size", "type": "choice"}), "a choice needs choices"),
        (lambda d: d["slots"].append({"name": "size", "type": "colour"}), "slots"),
        (lambda d: d["utterances"].append("i need ACCESS to figma"), "an utterance is there twice"),
        (lambda d: d["connectors"].update(payroll=["pay"]), "no port has payroll.pay"),
        (lambda d: d["connectors"].update(access=["grant", "burn"]), "no port has access.burn"),
        (lambda d: d["connectors"].update(hr=[]), "no port has hr"),
        (lambda d: d["connectors"].update(hr=["__init__"]), "no port has hr.__init__"),
        (lambda d: d["slots"].append({"name": "cost_center", "type": "text"}), "without ask.cost_center, label.cost_center"),
        (lambda d: d["actions"].update(bill={"idempotency": "key", "verified_by": "x"}), "without done.bill, step.bill, verified.bill"),
        (lambda d: d["actions"]["grant"].update(idempotency="maybe"), "idempotency"),
    ],
)
def test_a_declaration_that_is_wrong_is_refused_with_its_path(tmp_path: Path, edit: Edit, says: str) -> None:
    folder = copy(tmp_path)
    change(folder / "skill.yaml", edit)
    with pytest.raises(InvalidSkill, match="grant_access") as refused:
        load_skill(folder)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "key", ["title", "help", "confirm", "approval", "undone", "ask.role", "label.reason", "step.grant", "done.grant", "verified.grant"]
)
def test_a_missing_message_is_named(tmp_path: Path, key: str) -> None:
    folder = copy(tmp_path)
    change(folder / "messages.yaml", lambda d: d["en"].pop(key))
    with pytest.raises(InvalidSkill, match=rf"without {key}$"):
        load_skill(folder)


def test_what_only_the_effect_tells_needs_a_short_form(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    change(folder / "messages.yaml", lambda d: d["en"].pop("done.grant.short"))
    with pytest.raises(InvalidSkill, match=r"without done\.grant\.short, for when the answer"):
        load_skill(folder)


@pytest.mark.parametrize("section", ["Effect", "Undo", "Owner"])
def test_a_runbook_has_its_sections(tmp_path: Path, section: str) -> None:
    folder = copy(tmp_path)
    runbook = folder / "runbook.md"
    runbook.write_text(runbook.read_text(encoding="utf-8").replace(f"## {section}", "## Misc"), encoding="utf-8")
    with pytest.raises(InvalidSkill, match=f"without a section {section.lower()}"):
        load_skill(folder)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "without a class Skill"),
        (
            "class Skill:\n    def look(self): ...\n    def plan(self): ...\n    def perform(self): ...\n    def verify(self): ...\n",
            "cannot undo",
        ),
    ],
)
def test_the_code_must_be_able_to_do_what_is_declared(tmp_path: Path, code: str, says: str) -> None:
    folder = copy(tmp_path)
    (folder / "skill.py").write_text(code, encoding="utf-8")
    with pytest.raises(InvalidSkill, match=says):
        load_skill(folder)


@pytest.mark.parametrize("file", ["messages.yaml", "runbook.md", "skill.py"])
def test_a_missing_file_is_said(tmp_path: Path, file: str) -> None:
    folder = copy(tmp_path)
    (folder / file).unlink()
    with pytest.raises(InvalidSkill, match=file.replace(".", r"\.")):
        load_skill(folder)


def test_a_folder_without_a_declaration_is_not_overlooked(tmp_path: Path) -> None:
    copy(tmp_path)
    (tmp_path / "half_done").mkdir()
    with pytest.raises(InvalidSkill, match="half_done"):
        load_skills(tmp_path)


# -- the roster ------------------------------------------------------------------------------------------------------------


def test_every_skill_has_its_specialist() -> None:
    roster = load_roster(SPECS)
    assert {name: roster.of(name).name for name in SPECS} == {
        "unlock_account": "it_service_desk",
        "reset_password": "it_service_desk",
        "request_hardware": "it_service_desk",
        "grant_access": "access_manager",
        "check_pto_balance": "people",
        "request_pto": "people",
    }
    assert all(specialist.display_name.endswith("(AI)") for specialist in roster.specialists.values())
    with pytest.raises(KeyError):
        roster.of("make_coffee")


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda d: d.update(mood="good"), "mood"),
        (lambda d: d.update(name="somebody"), "declares the name 'somebody'"),
        (lambda d: d.update(display_name="Aron"), "display_name"),
        (lambda d: d.update(manager="Ines"), "manager"),
        (lambda d: d.update(lifecycle="asleep"), "lifecycle"),
        (lambda d: d.update(skills=["grant_access", "grant_access"]), "a skill is there twice"),
        (lambda d: d.update(skills=["grant_access", "make_coffee"]), "no skill 'make_coffee'"),
        (
            lambda d: d.update(skills=["grant_access", "unlock_account"]),
            "unlock_account uses accounts.account, accounts.unlock, beyond",
        ),
        (lambda d: d.update(connections={"access": ["applications", "entitlements", "grant"]}), "uses access.revoke, beyond"),
        (lambda d: d.update(connections={"payroll": ["pay"]}), "no port has payroll.pay"),
    ],
)
def test_a_specialist_that_is_wrong_is_refused(tmp_path: Path, edit: Edit, says: str) -> None:
    folder = Path(shutil.copytree(ROSTER, tmp_path / "roster"))
    change(folder / "access_manager.yaml", edit)
    with pytest.raises(InvalidRoster, match=r"access_manager\.yaml") as refused:
        load_roster(SPECS, folder)
    assert says in str(refused.value)


def test_a_skill_has_one_specialist_and_each_has_one(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ROSTER, tmp_path / "roster"))
    (folder / "second.yaml").write_text((folder / "access_manager.yaml").read_text().replace("name: access_manager", "name: second", 1))
    with pytest.raises(InvalidRoster, match="access_manager's already"):
        load_roster(SPECS, folder)
    (folder / "second.yaml").unlink()
    (folder / "people.yaml").unlink()
    with pytest.raises(InvalidRoster, match="nobody's skills: check_pto_balance, request_pto"):
        load_roster(SPECS, folder)


async def test_managers_are_people_of_the_sandbox_company(company: Any) -> None:
    for specialist in load_roster(SPECS).specialists.values():
        manager = await company.people.by_email(specialist.manager)
        assert manager is not None
        assert "service-owners" in manager.groups
        assert await company.people.members(specialist.assignment_group)
