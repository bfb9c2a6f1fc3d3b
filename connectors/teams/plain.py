"""Teams' ways of writing a message, as people read it: no tags, no escapes, links with their address, and without quoted words.

What somebody answers to is quoted inside their message. Those are somebody else's words: they must choose nothing.
Python's own parser takes minutes for some markup that a message has room for; what is here takes as long as the message is.
"""

import html
import re
from collections.abc import Mapping, Sequence

from connectors.chat.text import clean
from connectors.teams.envelope import Payload, part, parts, text_in

LONGEST = 40_000
"""Characters; what is beyond is not read."""
MARKUP = 100_000
"""Characters of markup that are looked at."""
QUOTED = "http://schema.skype.com/Reply"
MENTIONED = "http://schema.skype.com/Mention"
"""What Teams marks a quotation with, and a mention."""

_AT = re.compile(r"<at\b[^<>]*>([^<>]*)</at>", re.IGNORECASE)
_QUOTE = re.compile(r"<quoted\b[^<>]*/>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG = re.compile(r"<([^<>]*)>")
_NAME = re.compile(r"(/?)([A-Za-z][\w:-]*)")
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([\w:-]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"']+))""")
_BLOCK = re.compile(r"address|article|blockquote|div|d[dlt]|figure|footer|h[1-6]|header|hr|li|ol|p|pre|section|table|tr|ul")
_SILENT = re.compile(r"attachment|head|quoted|script|style|systemeventmessage|template|title")
_EMPTY = re.compile(r"area|attachment|base|br|col|hr|img|input|link|meta|quoted|source|wbr")
"""Elements without an end, or without anything before it."""


def said_in(activity: Payload) -> str:
    """What somebody wrote. The mention of the bot itself is taken out."""
    text, me = text_in(activity, "text")[:MARKUP], text_in(part(activity, "recipient"), "id")
    mentioned = _mentioned(activity)
    if text_in(activity, "textFormat").lower() in ("xml", "html"):
        return from_html(text, _without(mentioned, me))
    marked = _quoting(activity)
    if marked:
        return from_html(marked, _without(mentioned, me))
    return _tidy(_unescaped(_QUOTE.sub("", _named(text, _without(mentioned, me)))))


def mentions(activity: Payload, user: str) -> bool:
    """Whether this account (Teams' id, not Entra's) is mentioned."""
    return bool(user) and any(who == user for who, _ in _mentioned(activity))


def names_others(activity: Payload, me: str) -> bool:
    """Whether it mentions people, and us not. A whole channel is nobody."""
    named = {who for who, _ in _mentioned(activity) if who and not who.startswith("19:")}
    return bool(named) and me not in named


def from_html(markup: str, unsaid: Sequence[str] = ()) -> str:
    """What a message in HTML says, quotations left out. A mention becomes "@Name"; `unsaid`: names whose mention is taken out, each
    once for every time that it is in here."""
    reader, end, markup = _Reader(unsaid), 0, markup[:MARKUP]
    for tag in _TAG.finditer(markup):
        reader.words(markup[end : tag.start()])
        end = tag.end()
        if (name := _NAME.match(tag.group(1))) is None:
            continue
        if name.group(1):
            reader.ends(name.group(2).lower())
        else:
            given = {found[0].lower(): _unescaped("".join(found[1:])) for found in _ATTRIBUTE.findall(tag.group(1))}
            reader.begins(name.group(2).lower(), given)
    reader.words(markup[end:])
    return _tidy("".join(reader.said))


class _Reader:
    """Is told of tags and of the words between them, in their order."""

    def __init__(self, unsaid: Sequence[str]) -> None:
        self.said: list[str] = []
        self._unsaid = list(unsaid)
        self._silent = ("", 0)
        """The element that is not said, and how many of its kind are open since."""
        self._pre = False
        self._link = ("", 0)
        self._mention = ("", 0)
        """An address and a tag, and how much was said before."""

    def begins(self, tag: str, given: Mapping[str, str]) -> None:
        silent, depth = self._silent
        if silent:
            self._silent = silent, depth + (tag == silent)
        elif _SILENT.fullmatch(tag) or QUOTED in given.get("itemtype", ""):
            if not _EMPTY.fullmatch(tag):
                self._silent = tag, 1
        elif tag == "br" or _BLOCK.fullmatch(tag):
            self.said.append("\n- " if tag == "li" else "\n")
            self._pre = self._pre or tag == "pre"
        elif tag in ("td", "th"):
            self.said.append(" ")
        elif tag in ("img", "emoji"):
            self.said.append(given.get("alt", ""))
        elif tag == "a":
            self._link = given.get("href", ""), len(self.said)
        elif tag == "at" or MENTIONED in given.get("itemtype", ""):
            self._mention = tag, len(self.said)

    def ends(self, tag: str) -> None:
        silent, depth = self._silent
        if silent:
            depth -= tag == silent
            self._silent = (silent, depth) if depth else ("", 0)
        elif tag == self._mention[0]:
            self._named(self._mention[1])
            self._mention = "", 0
        elif tag == "a":
            self._linked(*self._link)
            self._link = "", 0
        elif _BLOCK.fullmatch(tag) and tag != "li":
            self.said.append("\n")
            self._pre = self._pre and tag != "pre"

    def words(self, words: str) -> None:
        if self._silent[0]:
            return
        if not self._pre:
            words = re.sub(r"\s+", " ", words)
            if not self.said or self.said[-1][-1:] in ("\n", " "):
                words = words.lstrip(" ")
        if words:
            self.said.append(_unescaped(words))

    def _named(self, start: int) -> None:
        name = "".join(self.said[start:]).strip()
        if name in self._unsaid:
            self._unsaid.remove(name)
            name = ""
        self.said[start:] = ["@" + name] if name else []

    def _linked(self, address: str, start: int) -> None:
        if not address.startswith(("http://", "https://")):
            return
        label = "".join(self.said[start:]).strip()
        shown = label in ("", address, address.partition("://")[2].rstrip("/"))
        self.said[start:] = [address if shown else f"{label} ({address})"]


def _mentioned(activity: Payload) -> list[tuple[str, str]]:
    """Whom it mentions: the id, and the words that stand for them in the text; in their order."""
    found = []
    for entity in parts(activity, "entities"):
        if entity.get("type") == "mention":
            who = part(entity, "mentioned")
            words = _AT.sub(r"\1", text_in(entity, "text")) or text_in(who, "name")
            found.append((text_in(who, "id"), _unescaped(words).strip()))
    return found


def _without(mentioned: Sequence[tuple[str, str]], me: str) -> list[str]:
    return [words for who, words in mentioned if me and who == me]


def _named(text: str, unsaid: list[str]) -> str:
    def name(found: re.Match[str]) -> str:
        words = _unescaped(found.group(1)).strip()
        if words in unsaid:
            unsaid.remove(words)
            return ""
        return "@" + found.group(1)

    return _AT.sub(name, text)


def _quoting(activity: Payload) -> str:
    """The message in HTML, if somebody is quoted in it: its plain text has their words without a mark."""
    for attachment in parts(activity, "attachments"):
        content = text_in(attachment, "content")
        if attachment.get("contentType") == "text/html" and QUOTED in content:
            return content
    return ""


def _unescaped(text: str) -> str:
    """Whole entities only: the `&copy=` in an address is none."""
    return _ENTITY.sub(lambda found: html.unescape(found.group(0)), text)


def _tidy(text: str) -> str:
    lines = (line.rstrip() for line in clean(text).replace("\xa0", " ").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:LONGEST]
