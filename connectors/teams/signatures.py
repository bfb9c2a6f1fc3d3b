"""Who may speak to the bot: Teams, by a token that Microsoft has signed for this app and this platform.

The library's own checks let a token without an end, a key endorsed for nobody and an activity without a service URL pass, take the
emulator's and other bots' tokens too, and fail on a malformed one. So they stand here, and in its place.
"""

from dataclasses import dataclass
from typing import Any

import jwt
from botframework.connector.auth import SkillValidation

from connectors.teams.deliveries import APP_ID, CLOCK
from connectors.teams.keys import Keys

ISSUER = "https://api.botframework.com"
MSTEAMS = "msteams"
"""As the Bot Connector calls it."""
SKEW = 300.0
"""Seconds that clocks may differ by."""


class NotSigned(PermissionError):
    """Not to be answered but with 401. `proved`: Microsoft has signed it all the same, so that it is our configuration that differs."""

    def __init__(self, why: str, *, proved: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.proved = proved


@dataclass(frozen=True, slots=True)
class Signatures:
    """What verifies them. `app_id` is whom they must be for."""

    app_id: str
    keys: Keys

    async def claims(self, header: str) -> dict[str, Any]:
        """What the token in an Authorization header says; what it was sent with must come from its `serviceurl`.

        Raises NotSigned; Retry when Microsoft's keys cannot be had.
        """
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSigned("it carries no token")
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise NotSigned("its token cannot be read") from error
        signing = await self.keys.get(kid) if isinstance(kid, str) else None
        if signing is None:
            raise NotSigned("its token is signed with a key that Microsoft has not published")
        claims = self._verified(token, signing.key)
        if MSTEAMS not in signing.endorsements:
            raise NotSigned(f"its token's key is not endorsed for {MSTEAMS}", proved=True)
        if SkillValidation.is_skill_claim(claims):
            raise NotSigned("its token is another bot's", proved=True)
        return claims

    def _verified(self, token: str, key: Any) -> dict[str, Any]:
        required = {"require": ["iss", "aud", "exp"]}
        try:
            return jwt.decode(token, key, algorithms=["RS256"], audience=self.app_id, issuer=ISSUER, leeway=SKEW, options=required)  # type: ignore[arg-type]
        except jwt.InvalidAudienceError as error:
            raise NotSigned(APP_ID, proved=True) from error
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
            ours = jwt.decode(token, options={"verify_signature": False}).get("aud") == self.app_id
            raise NotSigned(CLOCK if ours else APP_ID, proved=True) from error
        except jwt.InvalidIssuerError as error:
            raise NotSigned("its token is issued by somebody else than the Bot Connector") from error
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise NotSigned("its token is not signed by Microsoft") from error
