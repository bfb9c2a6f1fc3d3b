"""`python -m tests.outside`: a directory (Debian's slapd) and a SCIM service on this machine, with a home of Foyer's that uses both."""

import argparse
import asyncio
import contextlib
import shutil
import signal
import tempfile
from pathlib import Path

import yaml

from bot.config import SHIPPED
from tests.outside import company
from tests.outside.scim import TOKEN, scim_server
from tests.outside.slapd import SLAPD, Slapd

SIGN_IN = "FOYER_SANDBOX_SIGN_IN=true"
"""Over a directory nobody chooses who they are unless the operator says so; these people are made up."""
FIGMA = {
    "key": "figma",
    "name": "Figma",
    "owner": "priya@acme.example",
    "default_role": "viewer",
    "roles": {
        "viewer": {"group": "Figma viewers"},
        "editor": {"group": "Figma editors"},
        "admin": {"group": "Figma admins", "sensitive": True},
    },
}


async def serve(home: Path) -> None:
    """Until it is cancelled, as by SIGINT and SIGTERM: then nothing is left but the home."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="foyer-outside-") as folder:
        async with Slapd(Path(folder)) as slapd, scim_server() as server:
            figma = server.service("figma")
            for role in FIGMA["roles"].values():  # type: ignore[attr-defined]
                await figma.make_group(role["group"])
            write(home, slapd, figma.url)
            print(f"slapd on {slapd.tls_url} (and {slapd.url}), SCIM on {figma.url}; {home}/foyer.yaml names both.")
            print(f"In another terminal:\n  FOYER_HOME={home} .venv/bin/foyer doctor\n  {SIGN_IN} FOYER_HOME={home} .venv/bin/foyer demo")
            print("Dana is locked out. Figma is the SCIM service's, Tableau groups of the directory, all else the sandbox's.")
            await asyncio.Event().wait()


def write(home: Path, slapd: Slapd, figma_url: str) -> None:
    """foyer.yaml with the two, and their secrets in files beside it."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(slapd.ca, home / "directory-ca.pem")
    for name, secret in (("directory.password", company.SERVICE_PASSWORD), ("figma.token", TOKEN)):
        (home / name).write_text(secret)
        (home / name).chmod(0o600)
    directory = company.settings(slapd.tls_url, ca_file="directory-ca.pem", applications=("tableau",))
    organisation = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    organisation |= {
        "connectors": {
            "sandbox": {},
            "directory": {**directory, "password": {"file": "directory.password"}},
            "figma": {"use": "scim", "url": figma_url, "token": {"file": "figma.token"}, "application": FIGMA},
        },
        "ports": {"people": "directory", "accounts": "directory", "enrolled": "sandbox"},
        "applications": {"figma": "figma", "tableau": "directory"},
    }
    (home / "foyer.yaml").write_text(yaml.safe_dump(organisation, sort_keys=False, allow_unicode=True), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.outside", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".foyer-outside"), help="made anew: foyer.yaml in it is replaced")
    home = parser.parse_args().home
    if not Path(SLAPD).exists():
        raise SystemExit("Debian's slapd is missing: apt-get install slapd ldap-utils (tests/e2e/install does it)")
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(serve(home))


if __name__ == "__main__":
    main()
