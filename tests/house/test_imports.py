"""The picture of four packages on three floors, asserted from the code's own imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("bot", "connectors", "knowledge", "specialists")
MAY_IMPORT = {
    "bot": {"bot", "specialists", "knowledge", "connectors"},
    "specialists": {"specialists", "connectors"},
    "knowledge": {"knowledge", "connectors"},
    "connectors": {"connectors"},
}
SHARED = ("connectors.ports", "connectors.errors", "connectors.chat", "connectors.calling")
HOMES: dict[str, str | tuple[str, ...]] = {
    "chromadb": "knowledge/chroma_index.py",
    "dbos": "specialists/engine.py",
    "cedarpy": "specialists/policy/",
    "onnxruntime": "knowledge/embedding/",
    "sentence_transformers": "knowledge/embedding/",
    "onnx": "knowledge/embedding/",
    "slack_bolt": "connectors/slack/",
    "slack_sdk": "connectors/slack/",
    "botbuilder": "connectors/teams/",
    "botframework": "connectors/teams/",
    "msal": "connectors/teams/",
    "anthropic": "connectors/anthropic/",
    "ldap3": "connectors/ldap/",
    "aiosmtplib": "connectors/smtp/",
    "scim2_client": "connectors/scim/",
    "scim2_models": "connectors/scim/",
    "httpx2": ("connectors/scim/", "connectors/anthropic/"),
}
COMPOSITION = ("bot/bootstrap.py", "bot/vendors.py", "bot/server.py", "bot/sign_in.py", "bot/migrations/__init__.py", "bot/control.py")
"""What may name a concrete connector: the composition root, and what serves the sandbox and the tables on its behalf."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
EVERY = [(path.relative_to(ROOT).as_posix(), name) for path in FILES for name in dict.fromkeys(imports(path))]


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 80
    assert {path.split("/")[0] for path, _ in EVERY} == set(PACKAGES)


def test_imports_go_down_only() -> None:
    wrong = [
        (path, name)
        for path, name in EVERY
        if (package := name.split(".")[0]) in PACKAGES and package not in MAY_IMPORT[path.split("/")[0]]
    ]
    assert not wrong


def test_only_the_composition_root_names_a_concrete_connector() -> None:
    wrong = [
        (path, name)
        for path, name in EVERY
        if name.startswith("connectors.") and not name.startswith(SHARED) and not path.startswith("connectors/") and path not in COMPOSITION
    ]
    assert not wrong


def test_connectors_do_not_know_each_other() -> None:
    wrong = [
        (path, name)
        for path, name in EVERY
        if path.startswith("connectors/")
        and name.startswith("connectors.")
        and not name.startswith((*SHARED, "connectors." + path.split("/")[1]))
    ]
    assert not wrong


def test_skills_do_not_know_each_other() -> None:
    wrong = [
        (path, name)
        for path, name in EVERY
        if path.startswith("specialists/skills/")
        and name.startswith("specialists.skills.")
        and not name.startswith("specialists.skills." + path.split("/")[2])
    ]
    assert not wrong


@pytest.mark.parametrize(("sdk", "home"), HOMES.items())
def test_a_vendor_sdk_has_one_home(sdk: str, home: str | tuple[str, ...]) -> None:
    wrong = [(path, name) for path, name in EVERY if name.split(".")[0] == sdk and not path.startswith(home)]
    assert not wrong


def test_only_config_reads_the_environment() -> None:
    wrong = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            read = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
            if read and node.attr in ("environ", "getenv"):
                wrong.append(path.relative_to(ROOT).as_posix())
    assert [path for path in wrong if path != "bot/config.py"] == []
