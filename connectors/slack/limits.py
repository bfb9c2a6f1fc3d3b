"""What Slack takes at most, and text made fit for it. Pure and total.

Sizes are in UTF-16 code units, which is never less than what Slack counts. Whatever was written by a person, an article or a model
can hold a mention; a word joiner (U+2060, invisible) takes the life out of it everywhere, code included.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

MESSAGE_TEXT = 4_000
MESSAGE_CHARS = 12_000
"""All texts of one message's blocks together: somewhat above it Slack answers msg_blocks_too_long."""
VIEW_BLOCKS = 100
SECTION = 3_000
FIELD = 2_000
FIELDS = 10
HEADER = 150
BUTTON = 75
BUTTONS = 25
BUTTON_VALUE = 2_000
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30
VIEW_TITLE = 24
METADATA = 3_000
LABEL = 2_000
OPTION = 75
OPTION_VALUE = 150
OPTIONS = 100
INPUT = 3_000
TABLE_ROWS = 100
TABLE_COLUMNS = 20
PROMPTS = 4
URL = 2_000

JOINER = "\u2060"
_DIRECTIONS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of reading: a host would read backwards."""
_BRACKET = re.compile(r"(<|&lt;)(?=[!@#])")
_WORD = re.compile(r"@(?=(?:channel|here|everyone)\b)", re.IGNORECASE)


def units(text: str) -> int:
    """UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def clean(text: str) -> str:
    """Without half surrogates, control characters and turns of direction; line ends are \\n."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _DIRECTIONS.sub("", whole.replace("\r\n", "\n").replace("\r", "\n"))


def head(text: str, limit: int) -> str:
    """The first `limit` units, no character torn apart."""
    if len(text) * 2 <= limit:
        return text
    return text.encode("utf-16-le", "replace")[: max(limit, 0) * 2].decode("utf-16-le", "ignore")


def cut(text: str, limit: int) -> str:
    """At most `limit` units; what is missing is shown as an ellipsis."""
    return text if units(text) <= limit else head(text, limit - 1).rstrip() + "…"


def unmentioned(text: str) -> str:
    """The same to the eye, but calls nobody."""
    return _WORD.sub("@" + JOINER, _BRACKET.sub(r"\1" + JOINER, text))


def plain(text: str, limit: int, empty: str = "–") -> dict[str, Any]:
    """A plain_text object: shown letter by letter, nothing in it is read as formatting."""
    words = cut(unmentioned(clean(text)), limit)
    return {"type": "plain_text", "text": words if words.strip() else empty, "emoji": False}


def escaped(text: str) -> str:
    """For mrkdwn and for a message's `text`, where &, < and > are Slack's own."""
    return unmentioned(clean(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escaped_cut(text: str, limit: int) -> str:
    """Escaped, and cut where no entity is torn apart."""
    shown = escaped(text if units(text) <= limit else cut(text, limit))
    length = limit
    while units(shown) > limit:
        length = min(length, units(text)) * 9 // 10
        shown = escaped(cut(text, length))
    return shown


def safe_url(url: str) -> str | None:
    """A web or mail address as it can stand in a link; None for anything else."""
    words = clean(url).strip()
    try:
        parts = urlsplit(words)
        usable = (parts.scheme.lower() in ("http", "https") and bool(parts.hostname)) or parts.scheme.lower() == "mailto"
    except ValueError:
        return None
    if not usable or units(words) > URL or re.search(r"\s", words):
        return None
    for character, code in (
        ("<", "%3C"),
        (">", "%3E"),
        ("|", "%7C"),
        ("(", "%28"),
        (")", "%29"),
        ("\\", "%5C"),
        ('"', "%22"),
        ("`", "%60"),
    ):
        words = words.replace(character, code)
    return _WORD.sub("%40", words)


def host_of(url: str) -> str:
    """What a link leads to, in letters that cannot be mistaken for others; for mail the address."""
    parts = urlsplit(url)
    if parts.scheme.lower() == "mailto":
        return parts.path
    host = parts.hostname or ""
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return host.encode("ascii", "backslashreplace").decode()


def text_size(value: object) -> int:
    """Units of all texts in blocks, however deep."""
    if isinstance(value, dict):
        own = value.get("text")
        inner: Iterable[object] = value.values()
        return (units(own) if isinstance(own, str) else 0) + sum(text_size(one) for one in inner)
    return sum(text_size(one) for one in value) if isinstance(value, (list, tuple)) else 0
