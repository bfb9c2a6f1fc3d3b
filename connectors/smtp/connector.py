"""The enrolled channel by mail: plain text to the address that the directory knows as enrolled."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final

from pydantic import ValidationError

from connectors.calling.ledger import Ledger
from connectors.calling.mistakes import mistakes
from connectors.errors import ConnectorError, Refused
from connectors.ports.calls import CallRules, Finding
from connectors.ports.people import Directory
from connectors.ports.records import Clock
from connectors.ports.systems import Effect, fingerprint
from connectors.smtp.client import SmtpClient
from connectors.smtp.settings import SmtpSettings, addressed

SOON: Final = timedelta(days=14)
"""A certificate that ends within this is told of."""
WHOLE: Final = 2.5
"""Of the time-out of one step, what all of them together may take: less than the half minute that a skill waits for a call."""
_WHERE: Final = {"bad_certificate": "certificate", "bad_credentials": "credentials", "not_permitted": "rights"}
_MEND: Final = {
    "unreachable": "Look at host and port, the network between, and whether the server is up.",
    "timeout": "Look at the network between and at security; raise timeout where the server is only slow.",
    "connection_lost": "Look at what stands between: a firewall, a limit of the server.",
    "unavailable": "Look at the server: it takes no messages now.",
    "bad_certificate": "Renew the server's certificate, call it by the name in it, or name its authority in ca_file.",
    "bad_credentials": "Set the password of user anew where foyer.yaml says.",
    "not_permitted": "Give user the right to send as sender, or name another sender.",
    "misconfigured": "Correct security, port or user.",
}


class SmtpConnector:
    """Raises ValueError with a sentence when the settings cannot be. The server is asked at first use, not before."""

    def __init__(self, name: str, clock: Clock, *, people: Directory, ledger: Ledger, **settings: Any) -> None:
        try:
            made = SmtpSettings(**{key: value for key, value in settings.items() if value is not None})
            self._client = SmtpClient(made, clock)
        except ValidationError as error:
            raise ValueError(mistakes(error)) from None
        except OSError as error:
            raise ValueError(f"ca_file: {error.strerror or 'holds no certificates'}") from None
        self.name = name
        self.rules = CallRules(timeout=WHOLE * made.timeout)
        self.enrolled = SmtpEnrolledChannel(name, made, self._client, people, ledger, clock)
        self._settings = made
        self._clock = clock

    async def open(self) -> None:
        """Nothing is asked yet: the server may be down."""

    async def close(self) -> None:
        """No connection outlives its message."""

    async def check(self) -> Sequence[Finding]:
        """Connects, signs in and names the sender; no message is sent."""
        at = f"{self._settings.host}:{self._settings.at}"
        try:
            ends = await self._client.probe()
        except ConnectorError as error:
            said = f"{at}: {error.detail or error.code}"
            return [Finding(_WHERE.get(error.code, "reach"), False, said, _MEND.get(error.code, "Look at the server."))]
        if ends is None:
            certificate = Finding("certificate", True, "no TLS, and nothing leaves this machine")
        else:
            left = ends - self._clock()
            fine = left > SOON
            certificate = Finding("certificate", fine, f"it holds for {left.days} days", "" if fine else "Renew it before then.")
        user = self._settings.user
        return [
            Finding("reach", True, f"{at} answers"),
            certificate,
            Finding("credentials", True, f"{user} is signed in" if user else "the server asks for none"),
            Finding("rights", True, f"may send as {addressed(self._settings.sender).addr_spec}; no message was sent"),
        ]


class SmtpEnrolledChannel:
    """Implements `connectors.ports.systems.EnrolledChannel`."""

    def __init__(self, name: str, settings: SmtpSettings, client: SmtpClient, people: Directory, ledger: Ledger, clock: Clock) -> None:
        self._name = name
        self._sender = addressed(settings.sender)
        self._reply_to = addressed(settings.reply_to) if settings.reply_to else None
        self._client = client
        self._people = people
        self._ledger = ledger
        self._clock = clock

    async def address(self, person_key: str) -> str | None:
        enrolled = await self._enrolled(person_key)
        return masked(enrolled) if enrolled is not None else None

    async def fingerprint(self, person_key: str) -> str | None:
        enrolled = await self._enrolled(person_key)
        return fingerprint(person_key, enrolled.addr_spec) if enrolled is not None else None

    async def send(self, person_key: str, *, subject: str, text: str, link: str | None = None, key: str) -> Effect:
        """The effect's reference is the Message-ID.

        What was sent cannot be read back. After an unknown outcome the message is sent again under the same Message-ID, by which
        mail programs know it for the same: two of one are better than none, as a link that nobody got helps nobody.
        """
        enrolled = await self._enrolled(person_key)
        if enrolled is None:
            raise Refused("not_enrolled", person_key)
        message_id = self._message_id(key)
        message = self._message(enrolled, message_id, subject, text if link is None else f"{text}\n\n{link}")

        async def act() -> str:
            await self._client.send(message, enrolled.addr_spec)
            return message_id

        return await self._ledger.once("enrolled.send", person_key, key, act)

    async def _enrolled(self, person_key: str) -> Address | None:
        person = await self._people.get(person_key)
        if person is None:
            raise Refused("unknown_person", person_key)
        if person.enrolled is None:
            return None
        try:
            address = addressed(person.enrolled)
        except ValueError:
            raise Refused("rejected", "what the directory holds as the enrolled address is none") from None
        if not address.username.isascii():
            raise Refused("rejected", "the enrolled address has letters that not every server takes")
        return Address("", address.username, address.domain)

    def _message(self, to: Address, message_id: str, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = to
        if self._reply_to is not None:
            message["Reply-To"] = self._reply_to
        # A line end in a subject would begin a header of somebody else's choice.
        message["Subject"] = " ".join("".join(c if c >= " " and c != "\x7f" else " " for c in subject).split())
        message["Date"] = format_datetime(self._clock())
        message["Message-ID"] = message_id
        # No out-of-office note answers it.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(text, cte="quoted-printable")
        return message

    def _message_id(self, key: str) -> str:
        return f"<{hashlib.sha256(f'{self._name}:{key}'.encode()).hexdigest()[:40]}@{self._sender.domain}>"


def masked(address: Address) -> str:
    """ "d•••@acme.example"."""
    return f"{address.username[:1]}•••@{address.domain}"
