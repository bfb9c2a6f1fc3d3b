"""One message at a time to one mail server: connects, proves who sends, hands it over. What went wrong is told by when it did.

Until the text was handed over nothing was sent, whatever happened. From then on only the server's answer says so.
"""

import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPTimeoutError,
)

from connectors.calling.sign_ins import SignIns
from connectors.calling.transport import system_said
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ports.records import Clock
from connectors.smtp.settings import SmtpSettings, addressed

QUIT_SECONDS: Final = 2.0
NO_SUCH_MAILBOX: Final = frozenset((550, 551, 553))


class SmtpClient:
    """Raises OSError when the certificates of `ca_file` cannot be read."""

    def __init__(self, settings: SmtpSettings, clock: Clock) -> None:
        self._settings = settings
        self._sign_ins = SignIns(clock)
        self._sender = addressed(settings.sender).addr_spec
        self._context = ssl.create_default_context(cafile=settings.ca_file)

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """Raises Retry and Refused where it certainly was not taken, OutcomeUnknown where it may have been."""
        content = message.as_bytes(policy=email.policy.SMTP)
        async with self._session() as smtp:
            with_what = "MAIL FROM"
            try:
                await smtp.mail(self._sender)
                with_what = "RCPT TO"
                await smtp.rcpt(recipient)
            except (SMTPException, OSError) as error:
                raise _meant(error, with_what) from error
            try:
                await smtp.data(content)
            except SMTPResponseException as error:
                raise _meant(error, "DATA") from error
            except (SMTPException, OSError) as error:
                code = "timeout" if isinstance(error, TimeoutError) else "connection_lost"
                raise OutcomeUnknown(code, f"no answer to the message: {_plain(error)}") from error

    async def probe(self) -> datetime | None:
        """Goes as far as one can without sending; when the server's certificate ends, None without TLS."""
        async with self._session() as smtp:
            try:
                await smtp.mail(self._sender)
            except (SMTPException, OSError) as error:
                raise _meant(error, "MAIL FROM") from error
            shown = smtp.get_transport_info("peercert")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC) if shown else None

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[SMTP]:
        """A connection that may send, closed afterwards whatever happens: a server holds idle ones no longer than minutes."""
        settings = self._settings
        smtp = SMTP(
            hostname=settings.host,
            port=settings.at,
            # The library would ask DNS for this machine's name, and wait for it.
            local_hostname=self._sender.rpartition("@")[2],
            timeout=settings.timeout,
            use_tls=settings.security == "tls",
            start_tls=False,
            tls_context=self._context,
        )
        try:
            try:
                await smtp.connect()
                if settings.security == "starttls":
                    await smtp.ehlo()
                    if not smtp.supports_extension("starttls"):
                        raise Retry("misconfigured", "security: the server does not offer STARTTLS")
                    await smtp.starttls()
            except (SMTPException, OSError) as error:
                raise _unreached(error) from error
            await self._sign_in(smtp)
            yield smtp
            with suppress(SMTPException, OSError):  # what was to be done is done, however the server says goodbye
                await smtp.quit(timeout=QUIT_SECONDS)
        finally:
            smtp.close()

    async def _sign_in(self, smtp: SMTP) -> None:
        user, password = self._settings.user, self._settings.password
        try:
            await smtp.ehlo()
            if user is None or password is None:
                return
            if not smtp.supports_extension("auth"):
                raise Retry("misconfigured", "user: the server offers no sign-in on this port")
            async with self._sign_ins.turn():
                await _tried(smtp, user, password.get_secret_value())
        except (SMTPException, OSError) as error:
            raise _meant(error, "sign-in") from error


async def _tried(smtp: SMTP, user: str, password: str) -> None:
    """One try, as the library's `login` would be one for each method: accounts get locked by wrong passwords."""
    try:
        await (smtp.auth_plain if "plain" in smtp.supported_auth_methods else smtp.login)(user, password)
    except SMTPAuthenticationError as error:
        if error.code < 500:
            raise Retry("unavailable", f"sign-in: {_said(error)}") from None
        raise Retry("bad_credentials", f"the server does not take user and password ({_said(error)})") from None


def _unreached(error: Exception) -> ConnectorError:
    """Of what happened before anybody could have been asked to send anything."""
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Retry("bad_certificate", cause.verify_message)
    if isinstance(cause, ssl.SSLError):
        return Retry("misconfigured", f"security, port: no TLS was spoken ({cause.reason})")
    if isinstance(error, SMTPTimeoutError | TimeoutError):
        return Retry("timeout", _plain(error))
    if isinstance(error, SMTPResponseException):
        return Retry("unavailable", _said(error))
    return Retry("unreachable", _plain(error))


def _meant(error: Exception, what: str) -> ConnectorError:
    """Of an answer, or none, to something that has no effect by itself."""
    if not isinstance(error, SMTPResponseException):
        return Retry("timeout" if isinstance(error, TimeoutError) else "connection_lost", f"{what}: {_plain(error)}")
    said = f"{what}: {_said(error)}"
    if error.code == 421:
        return Retry("unavailable", said)
    if error.code == 530:
        return Retry("misconfigured", f"user: the server wants a sign-in, or security ({said})")
    if error.code < 500:
        return Retry("deferred", said)  # of this message or mailbox; others may be taken at the same time
    status = _status(error)
    if isinstance(error, SMTPSenderRefused) or (isinstance(error, SMTPRecipientRefused) and status.startswith("5.7.")):
        return Refused("not_permitted", f"sender, user: the server does not let this account send this ({said})")
    unknown = status.startswith("5.1.") if status else error.code in NO_SUCH_MAILBOX
    if isinstance(error, SMTPRecipientRefused) and unknown:
        return Refused("not_enrolled", f"the server knows no such mailbox ({said})")
    if isinstance(error, SMTPDataError | SMTPRecipientRefused):
        return Refused("rejected", said)
    return Retry("misconfigured", said)


def _status(error: SMTPResponseException) -> str:
    """The enhanced code of RFC 3463 ("5.1.1"), empty where the server sends none."""
    first = error.message.split(maxsplit=1)[0] if error.message.strip() else ""
    return first if first.count(".") == 2 and first.replace(".", "").isdigit() else ""


def _said(error: SMTPResponseException) -> str:
    """The server's codes; its words may name people."""
    return f"{error.code} {_status(error)}".strip()


def _plain(error: Exception) -> str:
    """What the system said below the library, which repeats host and port."""
    return "no answer in time" if isinstance(error, TimeoutError) else system_said(error) or type(error.__cause__ or error).__name__
