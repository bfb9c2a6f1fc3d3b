"""How a mistake in settings is told, by every connector alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.calling.declared import DeclaredApplication
from connectors.calling.mistakes import mistakes
from connectors.ldap.connector import Ldap
from connectors.scim.connector import ScimConnector
from connectors.smtp.connector import SmtpConnector

LIBRARYS = ("Field required", "Value error", "Extra inputs", "pydantic")


def test_what_is_missing_and_what_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"1 validation error|validation errors") as raised:
        DeclaredApplication.model_validate({"key": "figma", "colour": "red"})
    told = mistakes(raised.value)  # type: ignore[arg-type]
    assert "roles is missing" in told
    assert "colour: there is no such setting" in told
    assert "red" not in told


@pytest.mark.parametrize("make", [Ldap, ScimConnector, SmtpConnector])
def test_no_connector_speaks_in_a_librarys_words(make: Callable[..., Any], tmp_path: Path) -> None:
    application = {"key": "figma", "name": "Figma", "roles": {"viewer": {"group": "V"}}, "default_role": "members"}
    for given in ({}, {"application": {}, "sender": 5}, {"application": application, "url": "x", "wrong": 1}):
        with pytest.raises(ValueError, match=r"\w") as raised:
            make(name="one", clock=None, ledger=None, **({} if make is Ldap else {"people": None}), **given)
        assert not [words for words in LIBRARYS if words in str(raised.value)]
        assert given or "is missing" in str(raised.value)
