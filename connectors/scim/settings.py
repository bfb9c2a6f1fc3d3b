"""What foyer.yaml says of one application behind SCIM, checked before anything is asked of it."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from connectors.calling.declared import DeclaredApplication
from connectors.chat.loopback import leads_here

ACCOUNT: Final = "(account)"
"""Stands in the ledger where a role does, for an account that Foyer made."""


def _is_private(url: str) -> str:
    if not url.startswith("https://") and not leads_here(url):
        raise ValueError("would carry secrets in the clear: write https://; http:// is for a service on this machine")
    return url


Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$"), AfterValidator(_is_private)]


class ScimSettings(BaseModel):
    """Settings as connector.yaml describes them. `timeout` in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url
    application: DeclaredApplication
    token: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None
    token_url: Url | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    ca_file: Path | None = None
    timeout: float = Field(default=8.0, gt=0, le=60)
    match: Literal["userName", "externalId", "emails"] = "userName"
    user_name: Literal["email", "key", "username"] = "email"
    create_users: bool = True
    deactivate_when_empty: bool = True
    requests_per_second: float | None = Field(default=None, gt=0)
    bulk: Literal["auto", "never"] = "auto"

    @model_validator(mode="after")
    def _leaves_foyer_its_word(self) -> Self:
        if ACCOUNT in self.application.roles:
            raise ValueError(f"application.roles: no role can be called {ACCOUNT}, under which Foyer keeps accounts; call it otherwise")
        return self

    @model_validator(mode="after")
    def _signs_in_one_way(self) -> Self:
        ways = {
            "token": (self.token,),
            "user and password": (self.user, self.password),
            "token_url, client_id and client_secret": (self.token_url, self.client_id, self.client_secret),
        }
        begun = [way for way, parts in ways.items() if any(parts)]
        if len(begun) != 1:
            raise ValueError(f"sign in with one of: {'; '.join(ways)}")
        if not all(ways[begun[0]]):
            raise ValueError(f"{begun[0]}: one of them is missing")
        return self
