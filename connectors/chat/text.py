"""Text made fit to be shown on a chat platform. Pure and total.

Sizes are in UTF-16 code units, which is never less than what a platform counts. Whatever was written by a person, an article or a
model can hold a mention; a word joiner (U+2060, invisible) takes the life out of it everywhere, code included.
"""

import re
from urllib.parse import urlsplit

URL = 2_000
"""Units of a link."""
JOINER = "\u2060"
_DIRECTIONS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of reading: a host would read backwards."""
_BRACKET = re.compile(r"(<|&lt;)(?=[!@#]|/?at\b)", re.IGNORECASE)
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
