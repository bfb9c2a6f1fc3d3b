"""What foyer.yaml says of a mail server."""

from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Final, Literal

import idna
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors.chat.loopback import is_loopback

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}


def addressed(text: str) -> Address:
    """An address, with or without a name. Raises ValueError for what is none."""
    name, angle, rest = text.strip().rpartition("<")
    spec = rest.removesuffix(">") if angle and rest.endswith(">") else text.strip() if not angle else ""
    local, at, domain = spec.rpartition("@")
    if not (local and at and domain) or any(c <= " " or c in '<>()[],;:\\"' or c == "\x7f" for c in spec):
        raise ValueError("write an address, as foyer@acme.example")
    if any(c < " " or c == "\x7f" for c in name):
        raise ValueError("write a name on one line")
    # Two addresses in one value must not be read as the last of them.
    quoted = len(name.strip()) > 1 and name.strip().startswith('"') and name.strip().endswith('"')
    if any(c in "<>@" or (c in ",;" and not quoted) for c in name):
        raise ValueError("write one address alone, with its name in quotes where that has commas")
    try:
        # Not Python's own codec where other letters are: it is of IDNA 2003, and makes another domain of some, as of strasse in straße.
        plain = domain.encode("idna") if domain.isascii() else idna.encode(domain, uts46=True)
        return Address(name.strip().strip('"'), local, plain.decode("ascii"))
    except UnicodeError:
        raise ValueError("write an address whose domain can be looked up") from None


def _is_address(text: str) -> str:
    if not addressed(text).username.isascii():
        raise ValueError("write an address of plain letters: not every server takes others")
    return text


Mailbox = Annotated[str, AfterValidator(_is_address)]


class SmtpSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, pattern=r"^[^\s/@]+$")
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: Path | None = None
    user: str | None = None
    password: SecretStr | None = None
    sender: Mailbox
    reply_to: Mailbox | None = None
    timeout: float = Field(default=10.0, gt=0, le=120)

    @model_validator(mode="after")
    def _fits(self) -> "SmtpSettings":
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError("security: none is for a server on this machine; write starttls or tls")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together: one of them is missing")
        return self

    @property
    def at(self) -> int:
        return self.port or PORTS[self.security]
