"""What Slack takes at most, and text made fit for it. Pure and total.

Sizes are in UTF-16 code units, which is never less than what Slack counts.
"""

from collections.abc import Iterable
from typing import Any

from connectors.chat.text import clean, cut, units, unmentioned

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


def text_size(value: object) -> int:
    """Units of all texts in blocks, however deep."""
    if isinstance(value, dict):
        own = value.get("text")
        inner: Iterable[object] = value.values()
        return (units(own) if isinstance(own, str) else 0) + sum(text_size(one) for one in inner)
    return sum(text_size(one) for one in value) if isinstance(value, (list, tuple)) else 0
