"""A mail server that nobody here wrote (aiosmtpd) on a free port of this machine, with the faults that mail servers have."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.outside.certificates import Kind, certify


@dataclass
class MailServer:
    """`answers`: what it says instead, by command (MAIL, RCPT, DATA), once each; `lose`: how many answers to messages it never
    gives, and cuts the connection; `silent`: it takes connections and says nothing."""

    port: int = 0
    ca: Path | None = None
    answers: dict[str, str] = field(default_factory=dict)
    lose: int = 0
    refuse: int = 0
    silent: bool = False
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    """(recipient, message), in order."""
    sign_ins: list[tuple[str, bool]] = field(default_factory=list)

    def messages(self, recipient: str) -> dict[str, EmailMessage]:
        """As a mail program shows them: one of each Message-ID."""
        return {message["Message-ID"]: message for to, message in self.taken if to == recipient}

    # -- aiosmtpd's hooks -----------------------------------------------------------------------------------------------

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if "MAIL" in self.answers:
            return self.answers.pop("MAIL")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if "RCPT" in self.answers:
            return self.answers.pop("RCPT")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.answers:
            return self.answers.pop("DATA")
        message = cast(EmailMessage, message_from_bytes(cast(bytes, envelope.content), policy=policy.default))
        self.taken += [(to, message) for to in envelope.rcpt_tos]
        if self.lose:
            self.lose -= 1
            cast(Any, server).transport.abort()
        return "250 taken"


class _Connection(SMTP):
    """One that may be cut before a word was said, or say none."""

    mail: MailServer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.mail.refuse and not isinstance(self.transport, asyncio.Transport):
            self.mail.refuse -= 1
            cast(asyncio.Transport, transport).abort()
        elif not self.mail.silent:
            super().connection_made(transport)


@asynccontextmanager
async def mail_server(
    folder: Path, *, tls: str = "starttls", kind: Kind = "valid", password: str | None = None, **given: Any
) -> AsyncIterator[MailServer]:
    """`tls`: starttls, tls or none; `kind`: of its certificate; `password`: of the account foyer, who must sign in then."""
    server = MailServer(**given)
    context = None
    if tls != "none":
        made = certify(folder / "mail", kind)
        context, server.ca = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), made.ca
        context.load_cert_chain(made.certificate, made.key)

    def authenticate(smtp: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = (data.login, data.password) == (b"foyer", (password or "").encode())
        server.sign_ins.append((mechanism, right))
        return AuthResult(success=right, handled=False)

    def connection() -> SMTP:
        options: dict[str, Any] = {"hostname": "mail.acme.example", "loop": asyncio.get_running_loop(), "ident": "test"}
        if tls == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        if password is not None:
            options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": tls == "starttls"}
        made = _Connection(server, **options)
        made.mail = server
        return made

    listening = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, ssl=context if tls == "tls" else None)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()
