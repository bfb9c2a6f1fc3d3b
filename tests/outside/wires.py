"""Cuts what goes over a connection into requests and answers: LDAP messages (RFC 4511) and HTTP/1.1 messages (RFC 9112)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

CONNECT = "connect"
_LDAP = {
    0x60: "bind",
    0x42: "unbind",
    0x63: "search",
    0x66: "modify",
    0x68: "add",
    0x4A: "delete",
    0x6C: "rename",
    0x6E: "compare",
    0x50: "abandon",
    0x77: "extended",
}
_ANSWERS = {"bind": 0x61, "search": 0x65, "modify": 0x67, "add": 0x69, "delete": 0x6B, "rename": 0x6D, "compare": 0x6F, "extended": 0x78}
_MORE_TO_COME = {0x64, 0x73, 0x79}
"""A search's entries and references, and intermediate answers: the result is still to come."""
START_TLS, PASSWORD_MODIFY = "1.3.6.1.4.1.1466.20037", "1.3.6.1.4.1.4203.1.11.1"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as seen on the way. LDAP: operation ("modify") and DN, or the OID of an extended one; HTTP: method and path with query.

    A new connection is asked for too: operation "connect", without a target.
    """

    operation: str
    target: str = ""
    raw: bytes = b""
    number: int = 0
    """LDAP's message id."""
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as seen on the way: the last status (HTTP) or result code (LDAP)."""

    raw: bytes
    result: int
    closes: bool = False
    """Nothing more comes on this connection."""


class Wire(Protocol):
    async def request(self, reader: asyncio.StreamReader) -> Asked:
        """The next one, whole; IncompleteReadError when the connection ends before."""

    async def answer(self, reader: asyncio.StreamReader, asked: Asked) -> Told | None:
        """The whole answer; None where there is none to this request."""


class LdapWire:
    async def request(self, reader: asyncio.StreamReader) -> Asked:
        raw = await _message(reader)
        number, tag, content = _opened(raw)
        operation = _LDAP.get(tag, f"{tag:#x}")
        return Asked(operation, _target(operation, content), raw, number)

    async def answer(self, reader: asyncio.StreamReader, asked: Asked) -> Told | None:
        if asked.operation in ("unbind", "abandon"):
            return None
        raw = b""
        while True:
            message = await _message(reader)
            raw += message
            _, tag, content = _opened(message)
            if tag not in _MORE_TO_COME:
                return Told(raw, int.from_bytes(_value(content, 0)[1], "big"))


def ldap_answer(asked: Asked, result: int) -> bytes:
    """A result without anything more, such as busy (51)."""
    body = _tlv(_ANSWERS[asked.operation], _tlv(0x0A, bytes([result])) + _tlv(0x04, b"") + _tlv(0x04, b""))
    return _tlv(0x30, _tlv(0x02, asked.number.to_bytes(4, "big")) + body)


class HttpWire:
    async def request(self, reader: asyncio.StreamReader) -> Asked:
        head = await reader.readuntil(b"\r\n\r\n")
        first, headers = _head(head)
        method, path, _ = first.split(" ", 2)
        body = await _body(reader, headers) if {"content-length", "transfer-encoding"} & set(headers) else b""
        return Asked(method, path, head + body, headers=headers)

    async def answer(self, reader: asyncio.StreamReader, asked: Asked) -> Told | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, headers = _head(head)
        version, status = first.split(" ")[:2]
        bodiless = asked.operation == "HEAD" or status in ("204", "304")
        body = b"" if bodiless else await _body(reader, headers)
        ends = not bodiless and not {"content-length", "transfer-encoding"} & set(headers)
        connection = headers.get("connection", "keep-alive" if version == "HTTP/1.1" else "close").lower()
        return Told(head + body, int(status), closes=ends or connection == "close")


def http_answer(status: int, body: str, headers: Mapping[str, str]) -> bytes:
    named = {"Content-Type": "application/scim+json", **headers, "Content-Length": str(len(body.encode()))}
    return "".join([f"HTTP/1.1 {status} \r\n", *(f"{name}: {value}\r\n" for name, value in named.items()), "\r\n", body]).encode()


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        raw = b""
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            raw += line + await reader.readexactly(size + 2)
            if size == 0:
                return raw
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    return await reader.read()


def _head(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    if head[1] & 0x80:
        more = await reader.readexactly(head[1] & 0x7F)
        return head + more + await reader.readexactly(int.from_bytes(more, "big"))
    return head + await reader.readexactly(head[1])


def _opened(message: bytes) -> tuple[int, int, bytes]:
    """An LDAPMessage's id, the tag of its operation, and the operation's content."""
    _, content, _ = _value(message, 0)
    _, number, after = _value(content, 0)
    tag, operation, _ = _value(content, after)
    return int.from_bytes(number, "big"), tag, operation


def _target(operation: str, content: bytes) -> str:
    if operation in ("delete", "unbind", "abandon"):
        return content.decode(errors="replace")
    at = _value(content, 0)[2] if operation == "bind" else 0
    return _value(content, at)[1].decode(errors="replace")


def _value(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Tag, content, and where the next one begins."""
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(data[start : start + count], "big"), start + count
    return tag, data[start : start + length], start + length


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


Speaks = Literal["ldap", "http"]
WIRES: Mapping[Speaks, Wire] = {"ldap": LdapWire(), "http": HttpWire()}
