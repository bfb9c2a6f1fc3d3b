"""The Teams app of an installation, as the zip that a Teams administrator uploads.

`manifests/teams/manifest.json` is the app, with the nil id wherever its own belongs; tests hold it to what the code handles, and to
Microsoft's schema.
"""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

FOLDER = Path(__file__).parents[2] / "manifests" / "teams"
ICONS = ("color.png", "outline.png")
MESSAGES_PATH = "/api/messages"
NIL = str(UUID(int=0))
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}")
_PUBLIC = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
"""A name with a domain, no address and no wildcard."""


def manifest(app_id: str, url: str, *, version: str = "1.0.0") -> dict[str, Any]:
    """The app for the bot `app_id` (the Application id of its registration) of the installation at `url`.

    Raises ValueError with a sentence for whoever runs it.
    """
    bot, host = _app_id(app_id), _host(url)
    if not _VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no version as Teams takes it. Example: --version 1.0.1; a changed app needs a higher one.")
    app: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8").replace(NIL, bot))
    app["version"] = version
    base = url.rstrip("/")
    app["developer"] |= dict.fromkeys(("websiteUrl", "privacyUrl", "termsOfUseUrl"), base)
    app["webApplicationInfo"]["resource"] = f"api://{host}/{bot}"
    app["validDomains"] = [host]
    return app


def package(app_id: str, url: str, *, version: str = "1.0.0") -> bytes:
    """The zip: the manifest and its icons. Raises ValueError as `manifest` does."""
    app = manifest(app_id, url, version=version)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        _add(packed, "manifest.json", json.dumps(app, indent=2, ensure_ascii=False).encode())
        for name in ICONS:
            _add(packed, name, (FOLDER / name).read_bytes())
    return out.getvalue()


def _add(packed: zipfile.ZipFile, name: str, data: bytes) -> None:
    """With a date of its own, so that the same app is the same file."""
    packed.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


def _app_id(given: str) -> str:
    try:
        found = UUID(given)
    except ValueError:
        found = UUID(int=0)
    if found.int == 0:
        raise ValueError(
            f"{given!r} is no app id. It is the Application (client) ID of its app registration, as 2f1d7e6a-6f0c-4b1d-9a53-0c1f6b7d8e90."
        )
    return str(found)


def _host(url: str) -> str:
    if url.rstrip("/").endswith(MESSAGES_PATH):
        raise ValueError(f"Give the address without {MESSAGES_PATH}, which is added: --url {url.rstrip('/').removesuffix(MESSAGES_PATH)}")
    try:
        parts = urlsplit("" if re.search(r"[\s\x00-\x1f]", url) else url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"Teams sends to public https addresses only, and {url!r} is none. Example: --url https://foyer.example.com")
    if not _PUBLIC.fullmatch(parts.hostname) or parts.port not in (None, 443):
        raise ValueError(f"Teams reaches public names at port 443 only, and {url!r} is none. Example: --url https://foyer.example.com")
    return parts.hostname
