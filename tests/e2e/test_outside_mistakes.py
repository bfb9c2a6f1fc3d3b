"""What is set up wrongly, on either side: a clear sentence for the person, a precise line for the operator, and how to mend it.

The line and the finding name the setting as foyer.yaml does; neither has a secret in it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.doctor import examine
from tests.outside import company
from tests.outside.direct import DANA, GROUP
from tests.outside.disturbed import WISHES, Disturbed, Scene, ldap_scene, scim_scene
from tests.outside.judging import Wish
from tests.outside.scim import PATCH, TOKEN
from tests.outside.slapd import Slapd
from tests.scenarios.conftest import template  # noqa: F401

RECEPTION = "reception@acme.example"
"""An address that two people have."""
NOT_SET_UP = "One of the systems that I need doesn't work with me as it should, so I did nothing."
TO_PEOPLE = "I asked IT support; the case is FOY-2."
WRONG_PASSWORD, WRONG_TOKEN = "not-the-password", "not-the-token"
USUAL_ATTRIBUTES = {"timezone": "acmeTimezone", "enrolled": "acmeRecoveryMail", "entra_id": "acmeEntraId"}


@dataclass(frozen=True)
class Read:
    """What each of them reads."""

    person: str
    """Part of the one sentence."""
    operator: Mapping[str, str]
    """Of the line that tells the cause; `detail` and the like by a part."""
    doctor: tuple[str, str, str] | None
    """The finding's name, and parts of what was found and of how to mend it; None where there is nothing to mend."""


@dataclass(frozen=True)
class OnLdap:
    read: Read
    wish: Wish = "unlock"
    who: str = "dana"
    directory: Mapping[str, Any] | None = None
    """How slapd is started."""
    settings: Mapping[str, Any] | None = None
    tls: bool = False
    prepare: Callable[[Slapd], Awaitable[None]] | None = None


@dataclass(frozen=True)
class OnScim:
    read: Read
    account: bool = True
    settings: Mapping[str, Any] | None = None
    prepare: Callable[[Scene], Awaitable[None]] | None = None


CLOSED = {"event": "outside_call_failed", "operation": "people.by_email", "log_level": "error"}
ON_LDAP = {
    "wrong_password": OnLdap(
        Read(
            NOT_SET_UP,
            {**CLOSED, "code": "bad_credentials", "detail": "bind_dn or password: wrong name or password"},
            ("directory: credentials", "bind_dn or password", "check `bind_dn` and the password's variable or file"),
        ),
        settings={"password": {"file": "wrong"}},
    ),
    "expired_certificate": OnLdap(
        Read(
            NOT_SET_UP,
            {**CLOSED, "code": "bad_certificate", "detail": "certificate has expired"},
            ("directory: certificate", "certificate has expired", "renew it"),
        ),
        directory={"certificate": "expired"},
        tls=True,
    ),
    "certificate_of_another_name": OnLdap(
        Read(
            NOT_SET_UP,
            {**CLOSED, "code": "bad_certificate", "detail": "127.0.0.1"},
            ("directory: certificate", "elsewhere.example", "call the server by a name that it has"),
        ),
        directory={"certificate": "other_name"},
        tls=True,
    ),
    "renamed_attribute": OnLdap(
        Read(
            NOT_SET_UP,
            {**CLOSED, "code": "misconfigured", "detail": "attributes.email: nobody under ou=people,dc=acme,dc=example has eMail"},
            ("directory: attributes", "attributes.email: nobody has eMail", "under attributes.email"),
        ),
        settings={"attributes": {**USUAL_ATTRIBUTES, "email": "eMail"}},
    ),
    "renamed_group": OnLdap(
        Read(
            TO_PEOPLE,
            {
                "event": "outside_call_failed",
                "operation": "access.entitlements",
                "log_level": "error",
                "code": "misconfigured",
                "detail": "there is no group 'figma-editor'",
            },
            ("directory: application figma: editor", "there is no group 'figma-editor'", "`foyer connectors offers directory` lists them"),
        ),
        wish="grant",
        prepare=lambda slapd: slapd.rename(GROUP, "cn=figma-designers"),
    ),
    "missing_person": OnLdap(
        Read(
            "I don't know you, so I can't help here. Ask your IT support to add you to the directory.",
            {"event": "stranger_refused", "standing": "unknown", "log_level": "warning"},
            None,
        ),
        prepare=lambda slapd: slapd.delete(company.dn_of(company.LOCKED)),
    ),
    "two_people_with_one_address": OnLdap(
        Read(
            "The company directory has more than one person with your address",
            {"event": "address_of_several", "people": "e2022, e2031", "log_level": "error"},
            ("directory: addresses", "addresses that two people or more have: 1", "give each their own"),
        ),
        who=RECEPTION,
    ),
}


async def rename_editors(scene: Scene) -> None:
    [group] = (await scene.service.ask("GET", "/Groups"))["Resources"]
    change = {"op": "replace", "path": "displayName", "value": "Designers"}
    await scene.service.ask("PATCH", f"/Groups/{group['id']}", {"schemas": [PATCH], "Operations": [change]})


async def make_two(scene: Scene) -> None:
    for name in ("dana.w", "d.whitfield"):
        await scene.service.make_user(name, emails=[{"value": DANA}])


FIGMA = {"event": "outside_call_failed", "connector": "figma"}
ON_SCIM = {
    "wrong_token": OnScim(
        Read(
            TO_PEOPLE,
            {**FIGMA, "code": "bad_credentials", "log_level": "error", "detail": "401"},
            ("figma: credentials", "does not take the credentials", "Renew the token"),
        ),
        settings={"token": {"file": "wrong"}},
    ),
    "renamed_group": OnScim(
        Read(
            TO_PEOPLE,
            {**FIGMA, "code": "misconfigured", "log_level": "error", "detail": "application.roles.editor.group: there is no group"},
            ("figma: application.roles.editor", "there is no group 'Figma Editors'", "Correct the name"),
        ),
        prepare=rename_editors,
    ),
    "missing_person": OnScim(
        Read(
            f"You have none there that I can use. {TO_PEOPLE}",
            {**FIGMA, "code": "no_account", "detail": "create_users: e1001 has no account in figma"},
            None,
        ),
        account=False,
        settings={"create_users": False},
    ),
    "two_accounts_of_one_person": OnScim(
        Read(
            f"has more than one account that could be yours, and I don't guess. {TO_PEOPLE}",
            {**FIGMA, "code": "ambiguous", "detail": "match: e1001 has 2 accounts by emails: "},
            None,
        ),
        account=False,
        settings={"match": "emails"},
        prepare=make_two,
    ),
}


@pytest.mark.parametrize("mistake", ON_LDAP)
async def test_in_a_directory(template: Path, tmp_path: Path, mistake: str) -> None:  # noqa: F811
    case = ON_LDAP[mistake]
    settings = _secret(tmp_path, "password", WRONG_PASSWORD, case.settings)
    scene = ldap_scene(tmp_path, template, case.wish, case.directory, tls=case.tls, prepare=case.prepare, **settings)
    async with scene as (foyer, _, _):
        await _holds(foyer, case.who, case.wish, case.read, (company.SERVICE_PASSWORD, WRONG_PASSWORD))


@pytest.mark.parametrize("mistake", ON_SCIM)
async def test_at_a_scim_service(template: Path, tmp_path: Path, mistake: str) -> None:  # noqa: F811
    case = ON_SCIM[mistake]
    settings = _secret(tmp_path, "token", WRONG_TOKEN, case.settings)
    async with scim_scene(tmp_path / "home", template, account=case.account, **settings) as scene:
        if case.prepare is not None:
            await case.prepare(scene)
        await _holds(scene.foyer, "dana", "grant", case.read, (TOKEN, WRONG_TOKEN))


async def test_what_is_right_is_not_found_wrong(template: Path, tmp_path: Path) -> None:  # noqa: F811
    """The negative control: of a directory and a service that are as foyer.yaml says, nothing is told."""
    async with ldap_scene(tmp_path, template, "unlock") as (foyer, _, _):
        with capture_logs() as logs:
            await foyer.ask("unlock")
        assert [line for line in logs if line["event"] == "outside_call_failed"] == []
        named = {finding.doctor[0] for finding in (case.read for case in ON_LDAP.values()) if finding.doctor is not None}
        wrong = {one["name"] for one in await examine(foyer.company.app) if not one["ok"]}
        assert wrong & named == {"directory: addresses"}  # the company has two at its reception


def _secret(folder: Path, setting: str, wrong: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Settings whose wrong secret is in a file of this folder."""
    made = dict(settings or {})
    if setting in made:
        (folder / "wrong").write_text(wrong)
        made[setting] = {"file": str(folder / "wrong")}
    return made


async def _holds(foyer: Disturbed, who: str, wish: Wish, read: Read, secrets: Sequence[str]) -> None:
    with capture_logs() as logs:
        await foyer.company.say(who, WISHES[wish])
        if wish == "grant" and await foyer.company.shown("priya"):
            await foyer.company.press("priya", "approve")
    address = who if "@" in who else f"{who}@acme.example"
    shown = [row.reply for row in await foyer.company.app.web.changes([address], 0, limit=100) if row.reply is not None]
    assert [reply.text for reply in shown if read.person in reply.text], [reply.text for reply in shown]
    assert not any(reply.kind.value == "receipt" for reply in shown)
    lines = [line for line in logs if line["event"] == read.operator["event"]]
    assert any(all(part in str(line.get(name)) for name, part in read.operator.items()) for line in lines), logs
    findings = await examine(foyer.company.app)
    if read.doctor is not None:
        name, found, mend = read.doctor
        [finding] = [one for one in findings if one["name"] == name and found in one["found"]]
        assert not finding["ok"]
        assert mend in finding["mend"]
    told = repr([{name: value for name, value in line.items() if name != "exc_info"} for line in logs]) + repr(findings)
    told += repr([reply.text for reply in shown])
    assert not any(secret in told for secret in secrets)
