"""What foyer.yaml may say of a directory, and the schemas that connector.yaml has."""

import pathlib
import re
from typing import Any, get_args

import pytest
import yaml
from pydantic import SecretStr, ValidationError

import connectors.ldap
from connectors.ldap.connector import Ldap
from connectors.ldap.schema import Kind, schema_of
from connectors.ldap.settings import LdapSettings
from tests.connectors.ldap.tree import NOW, settings

DECLARED = yaml.safe_load((pathlib.Path(connectors.ldap.__file__).parent / "connector.yaml").read_text("utf-8"))


def test_connector_yaml_and_the_settings_name_the_same() -> None:
    fields = {field.alias or name for name, field in LdapSettings.model_fields.items()}
    assert set(DECLARED["settings"]) == fields
    required = {field.alias or name for name, field in LdapSettings.model_fields.items() if field.is_required()}
    assert {name for name, setting in DECLARED["settings"].items() if setting.get("required")} == required


def test_defaults_are_told_as_they_are() -> None:
    made = settings()
    for name, setting in DECLARED["settings"].items():
        if isinstance(setting.get("default"), int):
            assert getattr(made, name) == setting["default"]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_schemas_have_what_a_person_needs(kind: Any) -> None:
    schema = schema_of(kind)
    assert {"name", "email", "username", "manager"} <= set(schema.attributes)
    assert schema.guid == (kind == "active_directory")


def test_foyer_yaml_goes_over_the_schema() -> None:
    schema = schema_of("active_directory", key="employeeID", attributes={"email": "userPrincipalName", "office": None, "timezone": "tz"})
    assert schema.key == "employeeID"
    assert not schema.guid
    assert schema.attribute("email") == "userPrincipalName"
    assert schema.attribute("timezone") == "tz"
    assert schema.attribute("office") is None
    assert schema.attribute("title") == "title"


@pytest.mark.parametrize(
    ("url", "start_tls", "starts"),
    [
        ("ldap://dc1.acme.example", None, True),
        ("ldap://127.0.0.1:1389", None, False),
        ("ldap://[::1]", None, False),
        ("ldap://localhost", None, False),
        ("ldap://127.0.0.1", True, True),
        ("ldaps://dc1.acme.example", None, False),
        ("ldaps://dc1.acme.example", False, False),
    ],
)
def test_tls_is_left_out_on_this_machine_alone(url: str, start_tls: bool | None, starts: bool) -> None:
    made = settings(url=url, start_tls=start_tls)
    assert made.starts_tls(made.url[0]) is starts


def test_addresses_come_with_their_usual_ports() -> None:
    made = settings(url=["ldaps://dc1.acme.example", "ldap://dc2.acme.example:3268"])
    assert [str(url) for url in made.url] == ["ldaps://dc1.acme.example:636", "ldap://dc2.acme.example:3268"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": "ldap://dc1.acme.example", "start_tls": False}, "in the clear"),
    ({"url": "https://dc1.acme.example"}, "no ldap://host:port"),
    ({"url": []}, "url"),
    ({"url": "ldaps://svc:its-own@dc1.acme.example"}, "without a name and a password"),
    ({"password": ""}, "nobody's"),
    ({"attributes": {"emial": "mail"}}, "emial"),
    ({"attributes": {"email": "mail)(uid=*"}}, "attributes"),
    ({"people": {"base": "dc=acme", "filter": "objectClass=*"}}, "people.filter"),
    ({"people": {"bases": "dc=acme"}}, "people"),
    ({"timezones": {"DE": "Germany/Berlin"}}, "Germany/Berlin"),
    ({"ca_file": "/nowhere/ca.pem"}, "ca_file: /nowhere/ca.pem: No such file"),
    ({"ca_file": __file__}, "holds no certificates (PEM)"),
    ({"schema": "novell"}, "schema"),
    ({"timeout": 0}, "timeout"),
]


@pytest.mark.parametrize(("over", "said"), WRONG)
async def test_what_cannot_be_is_told_in_a_sentence(over: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {
        "url": "ldap://127.0.0.1",
        "schema": "openldap",
        "bind_dn": "cn=foyer",
        "password": SecretStr("its-own"),
        "people": {"base": "dc=acme"},
        "groups": {"base": "dc=acme"},
    }
    with pytest.raises(ValueError, match=re.escape(said)) as raised:
        Ldap(name="directory", clock=lambda: NOW, ledger=None, **{**given, **over})  # type: ignore[arg-type]
    assert not isinstance(raised.value, ValidationError)
    assert "its-own" not in str(raised.value)
