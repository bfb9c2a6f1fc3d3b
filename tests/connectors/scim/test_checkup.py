"""Settings that cannot be, what `foyer doctor` finds, and what foyer.yaml could name."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

import connectors.scim
from connectors.ports.calls import Finding
from connectors.ports.records import utcnow
from connectors.scim.connector import ScimConnector
from connectors.scim.settings import ScimSettings
from tests.connectors.scim.peculiar import peculiar
from tests.connectors.scim.stage import Stage
from tests.outside.proxy import PAGE, answer, asks

ROLES: dict[str, dict[str, Any]] = {"editor": {"group": "Editors"}, "admin": {"role": "admin"}}


def not_ok(findings: Any) -> dict[str, Finding]:
    return {one.name: one for one in findings if not one.ok}


class TestCheck:
    async def test_all_is_well(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        findings = await on.connect(ROLES).check()
        assert [one.name for one in findings] == [
            "reach",
            "certificate",
            "credentials",
            "offers",
            "clock",
            "rights",
            "application.roles.editor",
            "application.roles.admin",
        ]
        offers = next(one.found for one in findings if one.name == "offers")
        assert offers == "changes by PATCH; searches; ETags; bulk of 1000"
        assert set(not_ok(findings)) == {"clock"}, "the tests' clock stands still"
        assert not on.proxy.asked(asks("POST", "PUT", "PATCH", "DELETE")), "it only reads"

    async def test_what_foyer_yaml_names_and_is_not_there(self, on: Stage) -> None:
        group = await on.service.make_group("Twice")
        await on.service.make_group("Twice")
        found = not_ok(await on.connect({"editor": {"group": "Editors"}, "viewer": {"group": "Twice"}}).check())
        assert "'Editors'" in found["application.roles.editor"].found
        assert "`foyer connectors offers figma`" in found["application.roles.editor"].mend
        assert group in found["application.roles.viewer"].mend

    @pytest.mark.parametrize(
        ("fault", "name", "said", "word"),
        [
            (answer(401), "credentials", "the service does not take the credentials: GET /Users answered 401", "token"),
            (answer(403), "rights", "the service does not let these credentials GET /Users", "right"),
            (answer(404), "reach", "url: there is no /Users under it", "/Users"),
            (PAGE, "reach", "GET /Users: ", "SCIM"),
            (answer(500), "reach", "GET /Users: ", "service"),
        ],
    )
    async def test_what_is_wrong_and_how_to_mend_it(self, on: Stage, fault: Any, name: str, said: str, word: str) -> None:
        on.proxy.plan(fault, when=asks("GET", target="/Users"))
        [finding] = await on.connect(ROLES).check()
        assert (finding.name, finding.ok, word in finding.mend) == (name, False, True)
        assert finding.found.partition(": ")[2].startswith(said)

    async def test_an_owner_who_is_nobody(self, on: Stage) -> None:
        roles = {"admin": {"role": "admin"}}
        assert not_ok(await on.connect(roles, owner="priya@acme.example").check()).keys() == {"clock"}
        told = not_ok(await on.connect(roles, owner="priya.nair@acme.example").check())["application figma: owner"]
        assert told.found == "nobody has priya.nair@acme.example"

    async def test_nobody_there(self, on: Stage) -> None:
        async with on.proxy.down():
            [finding] = await on.connect(ROLES).check()
        assert (finding.name, finding.ok) == ("reach", False)
        assert not not_ok(await on.connect({"admin": {"role": "admin"}}).check()).keys() - {"clock"}

    async def test_a_service_that_tells_nothing_of_itself(self, on: Stage) -> None:
        async with peculiar() as service:
            findings = await on.connect({"admin": {"role": "admin"}}, url=service.url).check()
        assert "tells nothing of itself" in next(one.found for one in findings if one.name == "offers")

    async def test_without_tls_to_another_machine(self, on: Stage) -> None:
        async with peculiar() as service:
            findings = await on.connect({"admin": {"role": "admin"}}, url=service.url.replace("127.0.0.1", "localhost")).check()
        assert "certificate" not in not_ok(findings)

    async def test_resources_that_are_said_to_be_elsewhere_are_not_followed(self, on: Stage) -> None:
        """Else a service could have the token sent to another host."""
        body = '{"Resources": [{"schema": "urn:ietf:params:scim:schemas:core:2.0:User", "endpoint": "http://127.0.0.1:1/Users"}]}'
        on.proxy.plan(answer(200, body), when=asks("GET", target="/ResourceTypes"))
        [finding] = await on.connect(ROLES).check()
        assert "somewhere else" in finding.found

    async def test_resources_under_another_name(self, on: Stage) -> None:
        body = '{"Resources": [{"schema": "urn:ietf:params:scim:schemas:core:2.0:User", "endpoint": "/People"}]}'
        on.proxy.plan(answer(200, body), when=asks("GET", target="/ResourceTypes"))
        await on.connect(ROLES).check()
        assert on.proxy.asked(asks("GET", target="/People"))


async def test_offers_what_could_be_named(on: Stage) -> None:
    await on.service.make_group("Viewers")
    await on.service.make_group("Editors")
    await on.service.make_user("omar@acme.example", roles=[{"value": "admin"}], entitlements=[{"value": "plus-pack"}])
    assert await on.connect(ROLES).offers() == {"group": ["Editors", "Viewers"], "role": ["admin"], "entitlement": ["plus-pack"]}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"token": None}, "sign in with one of"),
        ({"user": "u", "password": SecretStr("p")}, "sign in with one of"),
        ({"token": None, "user": "u"}, "user and password: one of them is missing"),
        ({"url": "ftp://x"}, "url: "),
        ({"url": "https://user:pw@host/v2"}, "url: "),
        ({"match": "nickName"}, "match: "),
        ({"timeout": 0}, "timeout: "),
        ({"ca_file": Path("/nowhere.pem")}, "ca_file: "),
        ({"application": {"key": "figma", "name": "Figma", "roles": {"editor": {}}}}, "application.roles.editor: "),
        ({"application": {"key": "figma", "name": "Figma", "roles": {"(account)": {"group": "x"}}}}, "no role can be called"),
        ({"colour": "red"}, "colour: "),
    ],
)
def test_settings_that_cannot_be_are_told_in_a_sentence(on: Stage, wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as raised:
        on.connect(ROLES, **wrong)
    assert "s3cret" not in str(raised.value)


def test_connector_yaml_names_the_settings() -> None:
    declared = yaml.safe_load((Path(connectors.scim.__file__).parent / "connector.yaml").read_text(encoding="utf-8"))
    assert set(declared["settings"]) == set(ScimSettings.model_fields)
    defaults = {name: field.default for name, field in ScimSettings.model_fields.items() if not field.is_required()}
    assert {name: declared["settings"][name].get("default") for name in defaults} == defaults
    required = {name for name, setting in declared["settings"].items() if setting.get("required")}
    assert required == set(ScimSettings.model_fields) - set(defaults)


@pytest.mark.parametrize("over", [{"url": "http://api.figma.example/scim"}, {"token": None, "token_url": "http://login.figma.example/"}])
def test_no_secret_goes_to_another_machine_in_the_clear(over: dict[str, Any]) -> None:
    given: dict[str, Any] = {"url": "https://api.figma.example/scim", "application": {"key": "figma", "name": "Figma", "roles": {}}}
    by_token = {"token": SecretStr("s3cret"), "client_id": "foyer" if "token_url" in over else None}
    by_token["client_secret"] = SecretStr("s3cret") if "token_url" in over else None
    with pytest.raises(ValueError, match="in the clear") as raised:
        ScimConnector("figma", utcnow, ledger=None, people=None, **{**given, **by_token, **over})  # type: ignore[arg-type]
    assert "s3cret" not in str(raised.value)
