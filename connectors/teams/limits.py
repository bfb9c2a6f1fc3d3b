"""What Teams takes at most, and text made fit for its cards. Pure and total.

A message may have 100 KB as UTF-16, a card 28 KB; both are measured as JSON. Teams reads Markdown in every TextBlock and FactSet, and
replaces `{{DATE(...)}}` in them: what people wrote therefore stands in TextRuns, where nothing is read, or is escaped.
"""

import json
import re
from typing import Any

from connectors.chat.text import JOINER, clean, cut, units, unmentioned

Json = dict[str, Any]
CARD = 27_000
"""Bytes of a card as UTF-8 JSON; Teams takes 28 KB."""
MESSAGE = 38_000
"""UTF-16 units of a message as JSON, so less than 80 KB."""
TEXT = 8_000
"""Units of a message's text; the sources below it come on top."""
SUMMARY = 300
TITLE = 150
BUTTON = 60
BUTTONS = 6
"""That Teams shows in one row of actions."""
LABEL = 300
CONFIRM = 500
INPUT = 3_000
"""Characters that may be typed into an input."""
ACTION_ID = 500
IM_BACK = 500
CITATIONS = 20
CITATION_NAME = 80
CITATION_ABSTRACT = 160
CITATION_URL = 500
TABLE_ROWS = 50
TABLE_COLUMNS = 10
_FUNCTION = re.compile(r"\{(?=\{\s*(?:DATE|TIME))", re.IGNORECASE)
_TAG = re.compile(r"<(?=[a-zA-Z/!?])")
_MARKS = re.compile(r"([\\*_`~\[\]<>])")


def size(value: object) -> int:
    """Bytes as UTF-8 JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def json_units(value: object) -> int:
    """UTF-16 units as JSON."""
    return units(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def plain(text: str, limit: int, empty: str = "–") -> str:
    """For what is shown letter by letter: runs of text, titles of buttons, labels. Calls nobody, computes nothing."""
    words = cut(unmentioned(clean(text)), limit)
    return _FUNCTION.sub("{" + JOINER, words) if words.strip() else empty


def line(text: str, limit: int, empty: str = "–") -> str:
    return plain(" ".join(clean(text).split()), limit, empty)


def literal(text: str, limit: int) -> str:
    """One line as it stands in Markdown that shows it letter by letter."""
    said = _MARKS.sub(r"\\\1", message_text(line(text, limit)))
    return JOINER + said if re.match(r"[#+\-=|:]|\d+[.)]", said) else said


def message_text(markdown: str) -> str:
    """Safe Markdown, in which code holds no tags either: Teams reads some HTML in the text of a message."""
    return _TAG.sub("<" + JOINER, markdown)
