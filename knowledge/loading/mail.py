"""Messages that were saved as files: the subject is the title, what its reader sees the text; attachments are not read."""

import re
from collections.abc import Iterator
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import parsedate_to_datetime

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import decode, title_from_name
from knowledge.loading.html import HtmlLoader
from knowledge.loading.port import FrontMatter, Loaded
from knowledge.loading.tables import inline, literal, paragraph

_REPLY = re.compile(r"^(?:(?:re|aw|sv|fw|fwd|wg)\s*:\s*)+", re.IGNORECASE)
_HEADERS = ("Subject", "From", "Date", "MIME-Version", "Content-Type", "Received")
_MAX_PARTS = 500
_MAX_HEAD = 100_000
"""Letters of the headers of one part; reading one takes quadratic time."""


def read(data: bytes, name: str) -> Loaded:
    message = message_from_bytes(data, policy=default)
    if not isinstance(message, EmailMessage) or not any(header in message for header in _HEADERS):
        raise LoadRefused("damaged")
    parts = list(message.walk())
    if len(parts) > _MAX_PARTS:
        raise LoadRefused("too_many_parts", limit=str(_MAX_PARTS))
    if any(sum(len(value) for _, value in part.raw_items()) > _MAX_HEAD for part in parts):
        raise LoadRefused("header_too_long", limit=str(_MAX_HEAD))
    title = _REPLY.sub("", _subject(message)) or title_from_name(name)
    warnings: list[str] = []
    texts = [text for text in _texts(message, name, warnings) if text]
    if not texts and "attachments_not_read" in warnings:
        raise LoadRefused("only_attachments")
    return Loaded(title, "\n\n".join(texts), tuple(dict.fromkeys(warnings)), FrontMatter(updated=_sent(message)))


def _texts(part: Message, name: str, warnings: list[str]) -> Iterator[str]:
    """What a mail program shows of it, one part below the other, forwarded messages too."""
    kind = part.get_content_type()
    if part.get_content_disposition() == "attachment":
        warnings.append("attachments_not_read")
    elif kind == "multipart/alternative":
        # Of two forms of one text the plain one hides nothing, but only the other has tables and lists.
        forms = sorted(_parts(part), key=lambda one: one.get_content_type() == "text/plain")
        for form in forms:
            found = [text for text in _texts(form, name, warnings) if text]
            yield from found
            if found:
                return
    elif kind == "message/rfc822":
        for inner in _parts(part):
            yield f"## {paragraph(literal(_subject(inner)))}".rstrip("# ")
            yield from _texts(inner, name, warnings)
    elif part.is_multipart():
        for inner in _parts(part):
            yield from _texts(inner, name, warnings)
    elif kind in ("text/plain", "text/html"):
        yield _text(part, name, warnings)
    else:
        warnings.append("attachments_not_read")


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _text(part: Message, name: str, warnings: list[str]) -> str:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    try:
        raw = raw.decode(part.get_content_charset() or "utf-8").encode(errors="replace")
    except (LookupError, UnicodeError):
        warnings.append("encoding_guessed")
    if part.get_content_type() == "text/html":
        page = HtmlLoader().load(raw, name)
        markdown, more = page.markdown, page.warnings
    else:
        markdown, more = decode(raw)
    warnings.extend(more)
    return markdown.strip()


def _subject(message: Message) -> str:
    try:
        return inline(str(message.get("Subject", "")))
    except UnicodeError:
        return ""


def _sent(message: EmailMessage) -> date | None:
    try:
        return parsedate_to_datetime(str(message["Date"])).date()
    except (TypeError, ValueError, OverflowError):
        return None
