"""Messages that were saved as files: the subject is the title, what its reader sees the text; attachments are not read."""

import re
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import decode, title_from_name
from knowledge.loading.html import HtmlLoader
from knowledge.loading.port import FrontMatter, Loaded
from knowledge.loading.tables import inline

_REPLY = re.compile(r"^(?:(?:re|aw|sv|fw|fwd|wg)\s*:\s*)+", re.IGNORECASE)
_HEADERS = ("Subject", "From", "Date", "MIME-Version", "Content-Type", "Received")
_MAX_PARTS = 500


def read(data: bytes, name: str) -> Loaded:
    message = message_from_bytes(data, policy=default)
    if not isinstance(message, EmailMessage) or not any(header in message for header in _HEADERS):
        raise LoadRefused("damaged")
    if sum(1 for _ in message.walk()) > _MAX_PARTS:
        raise LoadRefused("too_complex")
    title = _REPLY.sub("", inline(str(message.get("Subject", "")))) or title_from_name(name)
    warnings: list[str] = []
    if any(True for _ in message.iter_attachments()):
        warnings.append("attachments_not_read")
    # Of two forms of one text the plain one hides nothing, but only the other has tables and lists.
    part = message.get_body(("html", "plain"))
    markdown = ""
    if part is not None:
        content = part.get_payload(decode=True)
        raw = content if isinstance(content, bytes) else b""
        charset = part.get_content_charset() or "utf-8"
        try:
            raw = raw.decode(charset).encode()
        except (LookupError, UnicodeDecodeError):
            warnings.append("encoding_guessed")
        if part.get_content_type() == "text/html":
            page = HtmlLoader().load(raw, name)
            markdown, more = page.markdown, page.warnings
        else:
            markdown, more = decode(raw)
        warnings.extend(one for one in more if one not in warnings)
    return Loaded(title, markdown.strip(), tuple(warnings), FrontMatter(updated=_sent(message)))


def _sent(message: EmailMessage) -> date | None:
    try:
        return parsedate_to_datetime(str(message["Date"])).date()
    except (TypeError, ValueError):
        return None
