"""The connectors of foyer.yaml: made by what their connector.yaml declares; whatever is wrong is told in one sentence."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from bot import outside
from bot.config import SHIPPED, ConfigError, Settings, load
from bot.database import Sessions
from bot.database import connect as connect_database
from connectors.calling.ledger import Ledger
from connectors.errors import Refused, Retry
from connectors.ports.calls import recording
from connectors.ports.records import utcnow
from connectors.sandbox.connector import SandboxCompany
from specialists.loader import load_skills
from tests.bot.outside_fakes import FakeApplication, FakeDirectory

DIRECTORY = {
    "name": "directory",
    "connector": "tests.bot.outside_fakes:FakeDirectory",
    "ports": {"people": "people", "passwords": "passwords"},
    "settings": {
        "url": {"type": "url", "required": True, "description": "Where it answers."},
        "schema": {"type": "text", "description": "Which."},
        "port": {"type": "number", "default": 636, "description": "Of the server."},
        "tls": {"type": "flag", "description": "Whether."},
        "ca_file": {"type": "path", "description": "Certificates."},
        "attributes": {"type": "mapping", "description": "Names."},
        "bases": {"type": "list", "description": "Places."},
        "bind_password": {"type": "secret", "description": "That account's password."},
    },
}
APPLICATION = {
    "name": "application",
    "connector": "tests.bot.outside_fakes:FakeApplication",
    "needs": ["people", "ledger"],
    "ports": {"access": "access"},
    "settings": {
        "application": {"type": "mapping", "required": True, "description": "Which."},
        "token": {"type": "secret", "required": True, "description": "Bearer token."},
    },
}
FIGMA = {"use": "application", "application": {"key": "figma", "name": "Figma"}, "token": {"env": "FIGMA_TOKEN"}}
HERE = {"use": "directory", "url": "ldaps://dc1.acme.example"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIGMA_TOKEN", "s3cret-token")
    made = tmp_path / "connectors"
    for declared in (DIRECTORY, APPLICATION):
        folder = made / str(declared["name"])
        folder.mkdir(parents=True)
        (folder / "connector.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
    shutil.copytree(outside.ROOT / "sandbox", made / "sandbox")
    return made


def settings(root: Path, connectors: Mapping[str, Any], **more: Any) -> Settings:
    home = root.parent / "home"
    home.mkdir(exist_ok=True)
    told = {**yaml.safe_load(SHIPPED.read_text()), "connectors": dict(connectors), **more}
    (home / "foyer.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
    return load(home=home)


@pytest.fixture
def nowhere(tmp_path: Path) -> Sessions:
    """Sessions of a database that nothing is asked of."""
    return connect_database(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}")[1]


def connected(root: Path, sessions: Sessions, connectors: Mapping[str, Any], **more: Any) -> outside.Connected:
    return outside.connect(settings(root, connectors, **more), utcnow, sessions, root=root)


def complaint(root: Path, sessions: Sessions, connectors: Mapping[str, Any], **more: Any) -> str:
    with pytest.raises(ConfigError) as told:
        connected(root, sessions, connectors, **more)
    said = str(told.value)
    assert "s3cret" not in said
    assert "pydantic" not in said
    return said


def test_a_foyer_yaml_of_before_goes_on_working(root: Path, nowhere: Sessions) -> None:
    found = connected(root, nowhere, {"sandbox": {}})
    assert isinstance(found.connectors["sandbox"], SandboxCompany)
    assert set(found.served) == set(outside.PORTS)
    assert found.passwords is None
    assert not any(found.missing(skill.spec) for skill in load_skills().values())


def test_one_folder_serves_two_instances_with_names_of_their_own(root: Path, nowhere: Sessions) -> None:
    miro = {**FIGMA, "application": {"key": "miro", "name": "Miro"}}
    found = connected(root, nowhere, {"sandbox": {}, "figma": FIGMA, "whiteboard": miro})
    figma, board = found.connectors["figma"], found.connectors["whiteboard"]
    assert isinstance(figma, FakeApplication)
    assert isinstance(board, FakeApplication)
    assert (figma.name, board.name) == ("figma", "whiteboard")
    assert found.applications == {"figma": "figma", "miro": "whiteboard"}
    assert found.served["access"] == ("sandbox", "figma", "whiteboard")


def test_who_needs_people_gets_the_directory_of_whoever_serves_it_wherever_it_stands(root: Path, nowhere: Sessions) -> None:
    found = connected(root, nowhere, {"figma": FIGMA, "sandbox": {}, "here": HERE}, ports={"people": "here"})
    figma = found.connectors["figma"]
    assert isinstance(figma, FakeApplication)
    assert figma.people is found.ports["people"]
    assert isinstance(figma.ledger, Ledger)
    assert list(found.connectors) == ["figma", "sandbox", "here"]


async def test_the_first_that_can_serves_a_port_unless_it_is_said_who(root: Path, nowhere: Sessions) -> None:
    assert connected(root, nowhere, {"sandbox": {}, "here": HERE}).served["people"] == ("sandbox",)
    assert connected(root, nowhere, {"here": HERE, "sandbox": {}}).served["people"] == ("here",)
    found = connected(root, nowhere, {"sandbox": {}, "here": HERE}, ports={"people": "here", "accounts": "here"})
    assert (found.served["people"], found.served["accounts"]) == (("here",), ("here",))
    assert found.passwords is not None
    assert (await found.passwords.account("e1001")).status == "active"
    assert found.served["enrolled"] == ("sandbox",)


async def test_systems_are_guarded_and_what_lives_in_this_process_is_recorded(root: Path, nowhere: Sessions, tmp_path: Path) -> None:
    found = connected(root, nowhere, {"here": HERE, "sandbox": {}})
    with recording() as calls, pytest.raises(Retry):
        await found.ports["people"].find("dana")
    assert [(call.connector, call.operation, call.came_to, call.tries) for call in calls] == [("here", "people.find", "unreachable", 3)]
    await found.connectors["sandbox"].open()
    with recording() as calls:
        await found.ports["purchasing"].catalogue()
    await found.connectors["sandbox"].close()
    assert [(call.connector, call.came_to, call.tries) for call in calls] == [("sandbox", "read", 1)]


async def test_without_anybody_who_serves_them_skills_are_off_and_their_ports_refuse(root: Path, nowhere: Sessions) -> None:
    found = connected(root, nowhere, {"here": HERE})
    off = {name for name, skill in load_skills().items() if found.missing(skill.spec)}
    assert off == {"check_pto_balance", "grant_access", "request_hardware", "request_pto", "reset_password"}
    assert found.get("devices") is None
    with pytest.raises(Refused):
        await found.ports["hr"].leaves("e1001")
    assert await found.ports["access"].applications() == []


def test_values_come_as_they_are_declared(root: Path, nowhere: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOYER_HERE_BIND_PASSWORD", "s3cret")
    given = {**HERE, "ca_file": "ca.pem", "tls": False, "bases": "ou=people", "attributes": {"key": "employeeNumber"}}
    made = connected(root, nowhere, {"here": given}).connectors["here"]
    assert isinstance(made, FakeDirectory)
    assert made.given == {
        "url": "ldaps://dc1.acme.example",
        "port": 636,
        "tls": False,
        "ca_file": (root.parent / "home" / "ca.pem").resolve(),
        "attributes": {"key": "employeeNumber"},
        "bases": ["ou=people"],
        "bind_password": SecretStr("s3cret"),
    }


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"use": "oracle"}, "there is no connector 'oracle'; `use` one of application, directory, sandbox"),
        ({"use": "../sandbox"}, "there is no connector '../sandbox'"),
        ({**HERE, "uri": "x"}, "directory has no setting uri; it has url, schema,"),
        ({"use": "directory"}, "connectors.here.url is missing: Where it answers."),
        ({**HERE, "url": "dc1.acme.example"}, "connectors.here.url has to be an address"),
        ({**HERE, "port": "636"}, "connectors.here.port has to be a number"),
        ({**HERE, "port": True}, "connectors.here.port has to be a number"),
        ({**HERE, "tls": "yes please"}, "connectors.here.tls has to be true or false"),
        ({**HERE, "schema": 5}, "connectors.here.schema has to be text"),
        ({**HERE, "attributes": ["mail"]}, "connectors.here.attributes has to be a mapping"),
        ({**HERE, "bases": {"a": 1}}, "connectors.here.bases has to be a list"),
        ({**HERE, "schema": "novell"}, "connectors.here: schema: there is openldap and active_directory"),
        ({**HERE, "bind_password": "s3cret"}, "connectors.here.bind_password: a secret never stands here"),
        ({**HERE, "bind_password": {"env": "X", "value": "s3cret"}}, "connectors.here.bind_password: a secret never stands here"),
        ({**HERE, "bind_password": {"env": "FOYER_NOWHERE"}}, "connectors.here.bind_password: the variable FOYER_NOWHERE is not set"),
        ({**HERE, "bind_password": {"env": "s3cret-pasted"}}, "connectors.here.bind_password: env is the name of a variable"),
        ({**HERE, "bind_password": {"file": "no.txt"}}, "no.txt cannot be read: No such file"),
    ],
)
def test_a_mistake_is_told_by_connector_and_setting(root: Path, nowhere: Sessions, given: Mapping[str, Any], named: str) -> None:
    said = complaint(root, nowhere, {"here": given})
    assert "foyer.yaml" in said
    assert named in said


def test_two_connectors_do_not_share_a_variable_for_their_secrets(root: Path, nowhere: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOYER_FIGMA_EU_TOKEN", "s3cret")
    one = {"use": "application", "application": {"key": "one", "name": "One"}}
    other = {"use": "application", "application": {"key": "other", "name": "Other"}}
    said = complaint(root, nowhere, {"here": HERE, "figma-eu": one, "figma_eu": other})
    assert "connectors.figma-eu.token and connectors.figma_eu.token would be one variable, FOYER_FIGMA_EU_TOKEN" in said
    connected(root, nowhere, {"here": HERE, "figma-eu": one, "figma_eu": {**other, "token": {"env": "FIGMA_TOKEN"}}})


def test_connectors_are_told_which_groups_foyer_yaml_gives_something_by(root: Path, nowhere: Sessions) -> None:
    declared = yaml.safe_load((root / "directory" / "connector.yaml").read_text())
    (root / "directory" / "connector.yaml").write_text(yaml.safe_dump({**declared, "needs": ["group_names"]}))
    roles = {"employee": ["everybody"], "staff": ["desk"]}
    found = connected(root, nowhere, {"here": HERE}, roles=roles, assignment_groups=["desk", "hr"]).connectors["here"]
    assert isinstance(found, FakeDirectory)
    assert found.given["group_names"] == {"everybody", "desk", "hr"}


@pytest.mark.parametrize("name", ["Directory", "my directory", "1st", ""])
def test_a_name_has_to_fit_a_variable(root: Path, nowhere: Sessions, name: str) -> None:
    assert "a name has small letters" in complaint(root, nowhere, {name: HERE})


def test_a_secret_comes_from_a_variable_or_a_file_and_is_not_blank(root: Path, nowhere: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    def password(**given: Any) -> object:
        made = connected(root, nowhere, {"our-own": {**HERE, **given}}).connectors["our-own"]
        assert isinstance(made, FakeDirectory)
        secret = made.given.get("bind_password")
        return secret.get_secret_value() if isinstance(secret, SecretStr) else secret

    assert password() is None
    kept = root.parent / "home" / "kept.txt"
    kept.write_text("from the file \n")
    assert password(bind_password={"file": "kept.txt"}) == "from the file "
    assert password(bind_password={"file": str(kept)}) == "from the file "
    monkeypatch.setenv("FOYER_OUR_OWN_BIND_PASSWORD_FILE", str(kept))
    assert password() == "from the file "
    monkeypatch.setenv("FOYER_OUR_OWN_BIND_PASSWORD", "of the variable")
    assert password() == "of the variable"
    monkeypatch.setenv("OTHER", "of the other")
    assert password(bind_password={"env": "OTHER"}) == "of the other"
    monkeypatch.setenv("OTHER", "  ")
    assert "the variable OTHER is empty" in complaint(root, nowhere, {"our-own": {**HERE, "bind_password": {"env": "OTHER"}}})
    kept.write_text("\n")
    assert "kept.txt is empty" in complaint(root, nowhere, {"our-own": {**HERE, "bind_password": {"file": "kept.txt"}}})


def test_a_required_secret_that_nothing_names_is_told_with_its_variable(root: Path, nowhere: Sessions) -> None:
    given = {"use": "application", "application": {"key": "figma", "name": "Figma"}}
    said = complaint(root, nowhere, {"sandbox": {}, "figma": given})
    assert "connectors.figma.token is missing: Bearer token." in said
    assert "FOYER_FIGMA_TOKEN" in said


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"ports": {"people": "nobody"}}, "ports.people: there is no connector 'nobody' in `connectors`; there is "),
        ({"ports": {"hr": "here"}}, "ports.hr: here (directory) does not serve it; it serves people, passwords"),
        ({"ports": {"phones": "here"}}, "ports.phones: there is no such port; there are people, accounts,"),
        ({"ports": {"passwords": "here"}}, "ports.passwords: there is no such port"),
        ({"ports": {"access": "figma"}}, "ports.access: every connector that can gives access; `applications` says"),
        ({"applications": {"figma": "miro"}}, "applications.figma: no connector 'miro' gives access; there is sandbox, figma"),
        ({"applications": {"figma": "here"}}, "applications.figma: no connector 'here' gives access"),
        ({"applications": {"jira": "figma"}}, "applications.jira: figma declares no application 'jira'; it declares figma"),
    ],
)
def test_a_port_or_application_that_nobody_can_serve_so_is_told(root: Path, nowhere: Sessions, more: Mapping[str, Any], named: str) -> None:
    assert named in complaint(root, nowhere, {"sandbox": {}, "here": HERE, "figma": FIGMA}, **more)


def test_who_declares_what_another_declares_has_to_say_whose_it_is(root: Path, nowhere: Sessions) -> None:
    twice = {"sandbox": {}, "figma": FIGMA, "design": FIGMA}
    said = complaint(root, nowhere, twice)
    assert "figma and design both declare the application 'figma'; say whose in `applications`" in said
    assert connected(root, nowhere, twice, applications={"figma": "design"}).applications == {"figma": "design"}


def test_somebody_has_to_serve_people(root: Path, nowhere: Sessions) -> None:
    assert "no connector serves people" in complaint(root, nowhere, {"figma": FIGMA})
