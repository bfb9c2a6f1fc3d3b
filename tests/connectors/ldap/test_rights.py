"""What `foyer doctor` says of a directory that tells neither locks nor times of passwords."""

from typing import cast

import pytest

from connectors.errors import ConnectorError
from connectors.ldap.client import LdapClient, Rejected
from connectors.ldap.results import Result
from connectors.ldap.rights import check_rights
from connectors.ldap.schema import schema_of
from connectors.ports.calls import Finding
from tests.connectors.ldap.changing import ChangingTree
from tests.connectors.ldap.tree import person, settings


async def wrong(tree: ChangingTree) -> dict[str, Finding]:
    found = await check_rights(cast(LdapClient, tree), settings(), schema_of("openldap", key="employeeNumber"), "directory")
    return {finding.name: finding for finding in found if not finding.ok}


@pytest.mark.parametrize(("times", "told"), [({"pwdChangedTime": "20261121134623Z"}, []), ({}, ["password times"])])
async def test_times_of_passwords_are_needed_to_tell_whether_one_was_set(times: dict[str, str], told: list[str]) -> None:
    found = await wrong(ChangingTree(person("dana", "e1"), person("omar", "e2", **times)))
    assert list(found) == told
    assert all("ppolicy" in finding.mend for finding in found.values())


async def test_without_ppolicy_neither_is_there() -> None:
    tree = ChangingTree(person("dana", "e1"))
    tree.refuses = cast(ConnectorError, Rejected(Result.UNDEFINED_ATTRIBUTE, "pwdAccountLockedTime: attribute type undefined"))
    [finding] = (await wrong(tree)).values()
    assert "pwdAccountLockedTime nor pwdChangedTime" in finding.found
    assert "ppolicy" in finding.mend
