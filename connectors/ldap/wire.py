"""One connection to one server: TCP, TLS, bind, and the operations. Everything here blocks, and belongs to one thread at a time.

Sockets and TLS are made here and handed to ldap3: its own way loses what went wrong (an expired certificate arrives as text), compares
host names by code of its own, and takes time-outs in whole seconds. Its SYNC strategy serves: SAFE_SYNC copies every answer deeply, for
connections that threads share, and here none does. Referrals are never followed: they would take the password to other servers.
"""

import select
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import ldap3
from cryptography import x509
from ldap3.core.exceptions import LDAPInvalidFilterError, LDAPSessionTerminatedByServerError, LDAPSocketSendError
from ldap3.protocol.rfc3062 import PasswdModifyRequestValue

from connectors.errors import ConnectorError, OutcomeUnknown, Retry
from connectors.ldap.results import Doing, Result, refusal
from connectors.ldap.settings import LdapSettings, Url

Scope = Literal["base", "one", "subtree"]
_SCOPES = {"base": ldap3.BASE, "one": ldap3.LEVEL, "subtree": ldap3.SUBTREE}
_CHANGES = {"add": ldap3.MODIFY_ADD, "delete": ldap3.MODIFY_DELETE, "replace": ldap3.MODIFY_REPLACE}
_PAGED = "1.2.840.113556.1.4.319"
_START_TLS = "1.3.6.1.4.1.1466.20037"
_PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - draft-behera-ldap-password-policy
_SET_PASSWORD = "1.3.6.1.4.1.4203.1.11.1"  # noqa: S105 - the operation's name


@dataclass(frozen=True, slots=True)
class Entry:
    """What was read of one entry. `attributes`: raw values by attribute, in lower case; one without values is not there."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]

    def text(self, name: str) -> str | None:
        """The first value; None when there is none."""
        values = self.attributes.get(name.lower())
        return values[0].decode("utf-8", "replace") if values else None

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(value.decode("utf-8", "replace") for value in self.attributes.get(name.lower(), ()))


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a modification. `delete` without values takes them all."""

    kind: Literal["add", "delete", "replace"]
    attribute: str
    values: tuple[str | bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """`cookie`: where the next page begins; empty on the last."""

    entries: list[Entry]
    cookie: bytes = b""


class Wire:
    """`used_at`: when it was last of use. `bound`: it is signed in. `aborted`: a thread was woken on it, and closes it."""

    def __init__(self, url: Url, settings: LdapSettings) -> None:
        self.url = url
        self.used_at = datetime.min.replace(tzinfo=UTC)
        self.bound = False
        self.aborted = False
        self._settings = settings
        self._socket: socket.socket | None = None
        self._ldap: Any = None

    def connect(self, seconds: float) -> None:
        """Connects and secures; each step within `seconds`."""
        try:
            self._connect(seconds, verified=True)
        except BaseException:
            self.close()
            raise

    def certificate(self) -> x509.Certificate | None:
        """The server's; None where there is no TLS."""
        if not isinstance(self._socket, ssl.SSLSocket):
            return None
        presented = self._socket.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(presented) if presented else None

    def limit(self, seconds: float) -> None:
        """How long the next operation may wait for each piece of its answer."""
        if self._socket is not None:
            self._socket.settimeout(max(seconds, 0.01))

    def stale(self) -> bool:
        """Whether the server has hung up: an idle connection has nothing to read."""
        if self._socket is None or self._socket.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(0))

    def abort(self) -> None:
        """Wakes the thread that waits on it. Called from another one."""
        self.aborted = True
        if (held := self._socket) is not None:
            with suppress(OSError):
                socket.socket.shutdown(held, socket.SHUT_RDWR)

    def close(self) -> None:
        """Without a word: a server that does not listen must not hold up whoever leaves it."""
        if (held := self._socket) is not None:
            self._socket = None
            held.close()

    def page(self, base: str, filter: str, attributes: Sequence[str], scope: Scope, *, limit: int, size: int, cookie: bytes) -> Page:
        """Entries from `cookie` on. `limit`: how many at most, 0 for all; `size`: of a page, 0 for none (RFC 2696)."""
        # Criticality is False: a server without paging answers with everything.
        paged = {"paged_size": size, "paged_criticality": False, "paged_cookie": cookie or None} if size else {}
        with self._exchange("search"):
            self._ldap.search(
                base, filter, _SCOPES[scope], ldap3.DEREF_NEVER, list(attributes), size_limit=limit, time_limit=self._seconds(), **paged
            )
        result = self._ldap.result
        found = [_entry(one) for one in self._ldap.response if one["type"] == "searchResEntry"]
        # Our own limit, not one of the server's, which would leave out whom we asked for.
        enough = result["result"] == Result.SIZE_LIMIT and 0 < limit <= len(found)
        if result["result"] != Result.SUCCESS and not enough:
            raise refusal(result["result"], result["message"], "search", self._called(base))
        control = (result.get("controls") or {}).get(_PAGED)
        return Page(found, control["value"]["cookie"] or b"" if size and control else b"")

    def modify(self, dn: str, changes: Sequence[Change], controls: Sequence[tuple[str, bool, bytes | None]]) -> None:
        by_attribute: dict[str, list[tuple[str, list[bytes]]]] = {}
        for change in changes:
            values = [value.encode() if isinstance(value, str) else value for value in change.values]
            by_attribute.setdefault(change.attribute, []).append((_CHANGES[change.kind], values))
        with self._exchange("change"):
            self._ldap.modify(dn, by_attribute, controls=list(controls) or None)
        self._succeeded("change")

    def set_password(self, dn: str, password: str) -> None:
        """RFC 3062: the server hashes it by its own rules and holds it to its policy, and says by which rule it refuses."""
        request = PasswdModifyRequestValue()
        request["userIdentity"] = dn
        request["newPasswd"] = password.encode()
        with self._exchange("change"):
            self._ldap.extended(_SET_PASSWORD, request, controls=[(_PASSWORD_POLICY, False, None)])
        self._succeeded("change")

    def _succeeded(self, doing: Doing) -> None:
        # What was sent has no business here any more: it may have been a password.
        self._ldap.request = None
        result = self._ldap.result
        if result["result"] != Result.SUCCESS:
            controls = {
                oid: control["value"] for oid, control in (result.get("controls") or {}).items() if isinstance(control["value"], bytes)
            }
            raise refusal(result["result"], result["message"], doing, controls=controls)

    def _called(self, base: str) -> str:
        """As foyer.yaml calls it."""
        for setting, branch in (("people.base", self._settings.people.base), ("groups.base", self._settings.groups.base)):
            if base == branch:
                return f"{setting} {base!r}"
        return repr(base)

    def _seconds(self) -> int:
        """Of the server's own time limit: it stops when nobody waits any more."""
        left = self._socket.gettimeout() if self._socket is not None else None
        return max(1, round(left or self._settings.timeout))

    def _connect(self, seconds: float, *, verified: bool) -> None:
        try:
            self._socket = socket.create_connection((self.url.host, self.url.port), timeout=seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.aborted:
                raise TimeoutError
        except TimeoutError as error:
            raise Retry("timeout", f"{self.url}: no connection within {seconds:.1f} s") from error
        except OSError as error:
            raise Retry("unreachable", f"{self.url}: {error.strerror or error}") from error
        server = ldap3.Server(self.url.host, port=self.url.port, get_info=ldap3.NONE)
        self._ldap = ldap3.Connection(
            server,
            user=self._settings.bind_dn,
            password=self._settings.password.get_secret_value(),
            authentication=ldap3.SIMPLE,
            client_strategy=ldap3.SYNC,
            auto_referrals=False,
            check_names=False,
            auto_encode=False,
            auto_escape=False,
            return_empty_attributes=False,
        )
        self._ldap.strategy._outstanding = {}
        self._ldap.closed = False
        self._ldap.listening = True
        self._ldap.socket = self._socket
        if self.url.secure:
            self._secure(verified)
        elif self._settings.starts_tls(self.url):
            with self._exchange("search"):
                self._ldap.extended(_START_TLS)
            if self._ldap.result["result"] != Result.SUCCESS:
                raise Retry("misconfigured", f"start_tls: {self.url} does not offer it ({self._ldap.result['message']})")
            self._secure(verified)

    def _secure(self, verified: bool) -> None:
        try:
            context = ssl.create_default_context(cafile=self._settings.ca_file)
        except OSError as error:
            raise Retry("misconfigured", f"ca_file {self._settings.ca_file}: {error.strerror or error}") from error
        if not verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        assert self._socket is not None
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=self.url.host, do_handshake_on_connect=False)
            self._ldap.socket = self._socket
            self._socket.do_handshake()
        except TimeoutError as error:
            raise Retry("timeout", f"{self.url}: no answer to the TLS handshake") from error
        except ssl.SSLCertVerificationError as error:
            raise Retry("bad_certificate", f"{self.url}: {self._what_is_wrong(error)}") from error
        except ssl.SSLError as error:
            # Who speaks plain LDAP there hangs up, or answers in its own words.
            said = f"{self.url} does not speak TLS as expected ({error.reason}); is the port one for ldaps?"
            raise Retry("unreachable", said) from error
        except OSError as error:
            raise Retry("unreachable", f"{self.url}: {error.strerror or error}") from error

    def _what_is_wrong(self, error: ssl.SSLCertVerificationError) -> str:
        """OpenSSL's words, and what the certificate says itself: looked at on a connection that carries nothing."""
        said = error.verify_message.rstrip(".")
        looker = Wire(self.url, self._settings)
        try:
            looker._connect(3.0, verified=False)
            presented = looker.certificate()
        except ConnectorError:
            presented = None
        finally:
            looker.close()
        return f"{said} ({described(presented)})" if presented is not None else said

    def bind(self) -> None:
        """Signs in. By the control OpenLDAP tells a locked account from a wrong password; other servers overlook it."""
        with self._exchange("bind"):
            self._ldap.bind(read_server_info=False, controls=[(_PASSWORD_POLICY, False, None)])
        self._succeeded("bind")
        self.bound = True

    @contextmanager
    def _exchange(self, doing: Doing) -> Iterator[None]:
        """Makes one of our errors of whatever ldap3 raises when a request has no proper answer, which is more than its own tree."""
        try:
            yield
        except LDAPInvalidFilterError as error:
            raise Retry("misconfigured", f"filter: {error}") from error
        except LDAPSocketSendError as error:
            # What was not sent whole cannot be read by the server.
            raise Retry("connection_lost", f"{self.url}: {error}") from error
        except Exception as error:
            code, said = "connection_lost", f"no proper answer ({type(error).__name__})"
            if isinstance(error, TimeoutError):
                code, said = "timeout", "no answer in time"
            elif isinstance(error, OSError | LDAPSessionTerminatedByServerError):
                # A server that waits for TLS makes nothing of plain LDAP, as the first request on a connection without it is.
                plain = not self.bound and not isinstance(self._socket, ssl.SSLSocket)
                said = f"the server hung up{'; is the port one for ldaps://?' if plain else ''}"
            raise (OutcomeUnknown if doing == "change" else Retry)(code, f"{self.url}: {said}") from error


def described(certificate: x509.Certificate) -> str:
    """Whom it names, who signed it and until when it is good: public facts."""
    try:
        names = [str(name.value) for name in certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]
    except x509.ExtensionNotFound:
        names = []
    whom, by = ", ".join(names) or certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string() or "nobody named"
    return f"for {whom}, signed by {by}, good until {ends(certificate):%Y-%m-%d %H:%M} UTC"


def ends(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_after_utc.astimezone(UTC)


def _entry(found: Mapping[str, Any]) -> Entry:
    raw = found["raw_attributes"]
    return Entry(
        dn=bytes(found["raw_dn"]).decode("utf-8", "replace"),
        attributes={str(name).lower(): tuple(values) for name, values in raw.items() if values},
    )
