"""Cuts an article into chunks along its structure; pure.

A chunk is what is embedded, found and quoted from: at most about 120 words, not across headings unless a section is tiny,
with lists and tables whole where they fit. Small chunks that carry title and heading path find best; a longer text
dilutes its vector.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.text import plain, sentences, word_count

TARGET_WORDS = 120
MAX_WORDS = 180
"""A list or table up to this size stays whole; what is longer would be cut by the encoder's 256 tokens."""
SLACK_WORDS = 25
"""A paragraph that exceeds the target by no more than this is not cut."""
MIN_WORDS = 15
"""A section shorter than this is joined with the next one."""
SECTION_SEPARATOR = " › "

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]
_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
}
_HEADING = re.compile(r"#{1,6} ")
_parser = MarkdownIt("commonmark").enable("table").disable("reference")
# Only blocks are wanted: inline marks are left as written, and parsing them takes quadratic time on some texts.
_parser.core.ruler.enableOnly(["normalize", "block"])


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level piece of Markdown. `level` is a heading's; `parts` are a list's items or a table's lines."""

    kind: BlockKind
    text: str
    level: int = 0
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk before it has an id: its heading path, and its Markdown."""

    section: str
    text: str


@dataclass(slots=True)
class _Heading:
    """`told`: its words stand in a piece, as a part of its path or in its text."""

    level: int
    name: str
    told: bool = False


@dataclass(slots=True)
class _Pending:
    """`open`: nothing but headings without text yet, which take the path of the text that comes next."""

    path: tuple[str, ...] = ()
    texts: list[str] = field(default_factory=list)
    words: int = 0
    open: bool = True


def blocks(markdown: str) -> list[Block]:
    """The top-level blocks of a Markdown text, in order."""
    lines = markdown.split("\n")
    tokens = _parser.parse(markdown)
    found: list[Block] = []
    for index, token in enumerate(tokens):
        if token.level or token.map is None or token.type.endswith("_close"):
            continue
        text = "\n".join(lines[token.map[0] : token.map[1]]).strip("\n")
        if token.type == "hr" or not text.strip():
            continue
        kind = _KINDS.get(token.type, "paragraph")
        if kind == "heading":
            found.append(Block(kind, tokens[index + 1].content, int(token.tag[1])))
        else:
            found.append(Block(kind, text, parts=_parts(kind, text, tokens, index, lines)))
    return found


def cut(markdown: str, title: str) -> list[Piece]:
    """The pieces of an article. A first heading that repeats the title is not part of any path.

    A heading that stays without text says what it says by itself: it becomes a line of the next piece, or of the last one.
    """
    pieces: list[Piece] = []
    pending = _Pending()
    path: list[_Heading] = []
    title_plain = plain(title).lower()

    def flush() -> None:
        nonlocal pending
        if pending.words:
            pieces.append(Piece(SECTION_SEPARATOR.join(pending.path), "\n\n".join(pending.texts)))
        pending = _Pending()

    def leave(level: int) -> None:
        """Leaves the headings of this level and below."""
        left = [heading for heading in path if heading.level >= level]
        del path[len(path) - len(left) :]
        for heading in left:
            if not heading.told:
                if pending.words >= TARGET_WORDS:
                    flush()
                if not pending.texts:
                    pending.path = tuple(above.name for above in path)
                pending.texts.append(heading.name)
                pending.words += word_count(heading.name)

    for block in blocks(markdown):
        if block.kind == "heading":
            heading = plain(block.text)
            if not heading or (block.level == 1 and heading.lower() == title_plain):
                continue
            leave(block.level)
            path.append(_Heading(block.level, heading))
            if pending.words >= MIN_WORDS and not pending.open:
                flush()
            continue
        here = tuple(heading.name for heading in path)
        if not pending.open:
            # As headings, which no text of a piece is otherwise: whoever quotes from it can tell them from what is said.
            pending.texts += [f"{'#' * above.level} {above.name}" for above in path if not above.told]
        for above in path:
            above.told = True
        led = _lead(pending.texts[-1]) if pending.texts and block.kind != "paragraph" else []
        for text in _fitting(block):
            size = word_count(text)
            if pending.words and pending.words + size > _room(block, pending):
                moved = [pending.texts.pop()] if len(pending.texts) > 1 and _leads(pending.texts[-1]) else []
                pending.words -= sum(map(word_count, moved))
                flush()
                # Every part of a long list says what it lists, as every part of a table has its header.
                head = moved or led
                if head:
                    pending = _Pending(here, list(head), word_count(head[0]), open=False)
            if pending.open:
                pending.path, pending.open = here, False
            pending.texts.append(text)
            pending.words += size
    leave(0)
    if pending.open and pieces and pending.words + word_count(pieces[-1].text) <= MAX_WORDS:
        last = pieces.pop()
        pending = _Pending((last.section,), [last.text, *pending.texts], 1)
    flush()
    return pieces


def embedding_text(title: str, section: str, text: str) -> str:
    """What of a chunk is embedded: a passage is found by what it stands under, too."""
    return "\n".join(part for part in (plain(title), plain(section), plain(text)) if part)


def _room(block: Block, pending: _Pending) -> int:
    """Words that the chunk may have with this block: a list belongs to the sentence that leads to it."""
    return MAX_WORDS if _leads(pending.texts[-1]) or block.kind in ("list", "table") else TARGET_WORDS + SLACK_WORDS


def _leads(text: str) -> bool:
    return text.rstrip().endswith(":") and not _HEADING.match(text)


def _lead(text: str) -> list[str]:
    """The sentence that introduces a list, short enough to be said again, or nothing."""
    last = sentences(" ".join(text.split()))[-1:] if _leads(text) else []
    return [lead for lead in last if word_count(lead) <= SLACK_WORDS]


def _fitting(block: Block) -> Iterator[str]:
    """The block whole when it fits a chunk, else in pieces that each make sense: items, rows under their header, sentences."""
    if word_count(block.text) <= (MAX_WORDS if block.kind in ("list", "table") else TARGET_WORDS + SLACK_WORDS):
        yield block.text
    elif block.kind == "table":
        header, rows = "\n".join(block.parts[:2]), block.parts[2:]
        for group in _grouped(rows, TARGET_WORDS - word_count(header)):
            yield "\n".join((header, *group))
    elif block.kind in ("list", "code"):
        for group in _grouped([piece for part in block.parts for piece in _sentence_groups(part)], TARGET_WORDS):
            yield "\n".join(group)
    else:
        yield from _sentence_groups(block.text)


def _sentence_groups(text: str) -> list[str]:
    if word_count(text) <= MAX_WORDS:
        return [text]
    pieces: list[str] = []
    for sentence in sentences(text):
        words = sentence.split()
        pieces += [" ".join(words[start : start + TARGET_WORDS]) for start in range(0, len(words), TARGET_WORDS)]
    return [" ".join(group) for group in _grouped(pieces, TARGET_WORDS)]


def _grouped(parts: Sequence[str], limit: int) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for part in parts:
        words = word_count(part)
        if group and size + words > limit:
            yield group
            group, size = [], 0
        group.append(part)
        size += words
    if group:
        yield group


def _parts(kind: BlockKind, text: str, tokens: Sequence[Token], index: int, lines: Sequence[str]) -> tuple[str, ...]:
    if kind in ("table", "code"):
        return tuple(text.split("\n"))
    if kind != "list":
        return ()
    items: list[str] = []
    for token in tokens[index + 1 :]:
        if token.level == 0:
            break
        if token.type == "list_item_open" and token.level == 1 and token.map is not None:
            items.append("\n".join(lines[token.map[0] : token.map[1]]).rstrip())
    return tuple(items)
