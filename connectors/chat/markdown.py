"""Markdown of a reply -> Markdown that is safe on a chat platform, whoever wrote it. Pure and total.

The text is parsed and written anew, so that nothing is left for a platform to read otherwise than it was read here: raw HTML becomes
text, a picture becomes its words with its host, a link shows its host, reference links lose their references, mentions their life.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from connectors.chat.text import JOINER, clean, head, host_of, safe_url, units, unmentioned

PARSED = 100_000
"""Longer texts are cut before they are read; whoever sends them whole sends a file."""
NESTED = 19
"""The parser's own limit, less one."""
BREAK = "  \n"
_parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_CITED = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Piece:
    """One block of the text, by lines; `head` and `tail` stand around the lines wherever the piece is divided."""

    lines: tuple[str, ...]
    head: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()
    """A table's words, its header first; empty for anything else."""
    alone: bool = False
    """Begins a message of its own."""

    @property
    def markdown(self) -> str:
        return "\n".join((*self.head, *self.lines, *self.tail))


def tree(text: str) -> SyntaxTreeNode | None:
    """The parsed text; None for what is nested so deep that the parser leaves out what is inside."""
    tokens = _parser.parse(head(clean(text), PARSED))
    return SyntaxTreeNode(tokens) if all(token.level < NESTED for token in tokens) else None


def pieces(text: str, links: Mapping[int, str] | None = None) -> list[Piece]:
    """The blocks of the text. `links`: where `[n]` leads to."""
    parsed = tree(text)
    if parsed is None:
        return [Piece(tuple(_guarded(_words(clean(text), {})).split("\n")))]
    found = [_piece(node, links or {}) for node in parsed.children]
    return [piece for piece in found if piece.markdown.strip()]


def safe_markdown(text: str, links: Mapping[int, str] | None = None) -> str:
    return "\n\n".join(piece.markdown for piece in pieces(text, links))


def literal(said: str) -> str:
    """One line of somebody else's words, a name say, for the middle of our Markdown: it is read as it stands, and leads nowhere."""
    line = re.sub(r"<(?=\S)", f"<{JOINER}", _escaped(" ".join(clean(said).split())))
    line += "\\" if line.endswith("\\") else ""  # which would take the meaning of what follows
    return JOINER + line if re.match(r"[#+\-=|:>]|~~~|\d+[.)]\s", line) else line


def without_sources(text: str, starts: Sequence[str]) -> tuple[str, list[str]]:
    """The text without a last paragraph whose every line begins as a source does, and those lines.

    Channels without a list of sources get them so; here a list of its own says it better.
    """
    body, _, last = text.rstrip().rpartition("\n\n")
    lines = [line.strip() for line in last.split("\n")]
    if body.strip() and starts and all(any(line.startswith(start) for start in starts) for line in lines):
        return body, lines
    return text, []


def words(text: str) -> str:
    """The text without any formatting: for notifications, screen readers and cells."""
    parsed = tree(text)
    return clean(text) if parsed is None else "\n".join(line for node in parsed.children for line in _plain(node) if line.strip())


def divided(piece: Piece, limit: int) -> list[str]:
    """A piece in parts of at most `limit` units each, its head and tail repeated."""
    around = units("\n".join((*piece.head, *piece.tail))) + 2
    if around > limit // 2:
        return [head("\n".join(piece.lines), limit)] if not piece.lines else divided(Piece((*piece.head, *piece.lines, *piece.tail)), limit)
    room = limit - around
    parts: list[list[str]] = [[]]
    size = 0
    for line in (short for long in piece.lines for short in wrapped(long, room)):
        if parts[-1] and size + units(line) + 1 > room:
            parts.append([])
            size = 0
        parts[-1].append(line)
        size += units(line) + 1
    return ["\n".join((*piece.head, *part, *piece.tail)) for part in parts]


def wrapped(line: str, limit: int) -> list[str]:
    """A line in parts of at most `limit` units, broken at a space where there is one."""
    parts = []
    while units(line) > limit:
        part = head(line, limit)
        space = part.rfind(" ", len(part) // 2)
        part = part[:space] if space > 0 else part
        parts.append(part)
        line = line[len(part) :].lstrip(" ")
    return [*parts, line]


def link_words(said: str, href: str) -> tuple[str, str | None, str]:
    """What a link says, where it may lead (None: nowhere), and the host to show behind it, empty if the words say it."""
    url = safe_url(href)
    if url is None:
        return said, None, f" ({clean(href)})" if href and href != said else ""
    host = host_of(url)
    plain = said.strip().lower()
    shows = plain in (host.lower(), url.lower(), href.lower(), f"mailto:{host.lower()}") and said.isascii()
    return said or host, url, "" if shows else f" ({host})"


# -- blocks --------------------------------------------------------------------------------------------------------------


def _piece(node: SyntaxTreeNode, links: Mapping[int, str]) -> Piece:
    if node.type == "table":
        rows = _rows(node)
        lines = _lines(node, links)
        cells = tuple(tuple(unmentioned(words_of(cell)) for cell in row) for row in rows)
        return Piece(tuple(lines[2:]), tuple(lines[:2]), cells=cells)
    if node.type in ("fence", "code_block"):
        lines = _lines(node, links)
        return Piece(tuple(lines[1:-1]), (lines[0],), (lines[-1],))
    return Piece(tuple(_lines(node, links)))


def _lines(node: SyntaxTreeNode, links: Mapping[int, str]) -> list[str]:
    match node.type:
        case "paragraph":
            return _guarded(_inline(node.children[0].children, links)).split("\n")
        case "heading":
            return [
                f"{node.markup if node.markup.startswith('#') else '##'} " + _inline(node.children[0].children, links).replace(BREAK, " ")
            ]
        case "fence" | "code_block":
            code = unmentioned(node.content).removesuffix("\n")
            mark = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
            language = re.match(r"[\w+#.-]{0,20}", node.info if node.type == "fence" else "")
            return [mark + (language.group() if language else ""), *code.split("\n"), mark]
        case "bullet_list" | "ordered_list":
            return _listed(node, links)
        case "blockquote":
            return [f"> {line}" for line in _joined(node.children, links)]
        case "hr":
            return ["---"]
        case "table":
            return _table(node, links)
        case _:
            return [_words(node.content, links)] if not node.is_root else _joined(node.children, links)


def _joined(nodes: Sequence[SyntaxTreeNode], links: Mapping[int, str], between: Sequence[str] = ("",)) -> list[str]:
    lines: list[str] = []
    for node in nodes:
        lines += [*(between if lines else ()), *_lines(node, links)]
    return lines


def _listed(node: SyntaxTreeNode, links: Mapping[int, str]) -> list[str]:
    lines: list[str] = []
    start = int(node.attrs.get("start", 1))
    for n, item in enumerate(node.children, start=start):
        mark = "- " if node.type == "bullet_list" else f"{n}. "
        tight = all(child.hidden for child in item.children if child.type == "paragraph")
        inner = _joined(item.children, links, () if tight else ("",))
        lines += [mark + (inner[0] if inner else ""), *(" " * len(mark) + line if line else "" for line in inner[1:])]
    return lines


def _table(node: SyntaxTreeNode, links: Mapping[int, str]) -> list[str]:
    rows = [[_cell(cell, links) for cell in row] for row in _rows(node)]
    width = len(rows[0])
    lines = ["| " + " | ".join((row + [""] * width)[:width]) + " |" for row in rows]
    return [lines[0], "|" + " --- |" * width, *lines[1:]]


def _rows(node: SyntaxTreeNode) -> list[list[SyntaxTreeNode]]:
    return [row.children for part in node.children for row in part.children]


def _cell(cell: SyntaxTreeNode, links: Mapping[int, str]) -> str:
    said = _inline(cell.children[0].children, links) if cell.children else ""
    return re.sub(r"(?<!\\)\|", r"\\|", said.replace(BREAK, " "))


# -- inline --------------------------------------------------------------------------------------------------------------


def _inline(nodes: Sequence[SyntaxTreeNode], links: Mapping[int, str]) -> str:
    said = ""
    for node in nodes:
        more = _one(node, links)
        # "!" before a link would make a picture of it.
        said += JOINER + more if said.endswith("!") and more.startswith("[") else more
    return unmentioned(said)


def _one(node: SyntaxTreeNode, links: Mapping[int, str]) -> str:
    match node.type:
        case "softbreak" | "hardbreak":
            return BREAK
        case "code_inline":
            mark = "`" * max([1, *(len(run) + 1 for run in re.findall("`+", node.content))])
            pad = " " if "`" in node.content else ""
            return f"{mark}{pad}{node.content}{pad}{mark}"
        case "strong" | "em" | "s":
            mark = {"strong": "**", "em": "*", "s": "~~"}[node.type]
            return f"{mark}{_inline(node.children, links)}{mark}"
        case "link":
            said, url, host = link_words(words_of(node), str(node.attrs.get("href", "")))
            return _words(said, {}) + _words(host, {}) if url is None else f"[{_words(said, {})}]({url}){_words(host, {})}"
        case "image":
            url = safe_url(str(node.attrs.get("src", "")))
            return _words(f"{words_of(node)} ({host_of(url) if url else '?'})".strip(), {})
        case _:
            return _words(node.content, links)


def _words(said: str, links: Mapping[int, str]) -> str:
    """Text so that it is text again when it is read as Markdown; `[n]` becomes a link where there is one."""
    parts = []
    at = 0
    for cited in _CITED.finditer(said):
        url = safe_url(links.get(int(cited.group(1)), ""))
        if url is not None:
            parts += [_literal(said[at : cited.start()]), f"[[{cited.group(1)}]]({url})"]
            at = cited.end()
    return "".join([*parts, _literal(said[at:])])


def _literal(said: str) -> str:
    return _escaped(re.sub(r"&(?=#?\w+;)", "&amp;", unmentioned(said))).replace("<", "&lt;")


def _escaped(said: str) -> str:
    """Without a meaning of its own but for `<` and `&`."""
    said = re.sub(r"\\(?=[!-/:-@\[-`{-~])", r"\\\\", unmentioned(said))
    said = re.sub(r"([*`])|(~)(?=~)|(?<!\w)(_)|(_)(?!\w)", r"\\\g<0>", said)
    # These can be no link and no picture, whatever reads them.
    return said.replace("![", f"!{JOINER}[").replace("](", f"]{JOINER}(").replace("]:", f"]{JOINER}:").replace("][", f"]{JOINER}[")


def _guarded(said: str) -> str:
    """A paragraph whose lines begin no list, heading, quotation, table or code."""
    return "\n".join(_guarded_line(line) for line in said.split("\n"))


def _guarded_line(line: str) -> str:
    line = line.lstrip(" \t")
    if re.match(r"[#+\-=|:]|~~~", line):
        return f"\\{line}"
    if line.startswith(">"):
        return "&gt;" + line[1:]
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", line)


# -- words ---------------------------------------------------------------------------------------------------------------


def words_of(node: SyntaxTreeNode) -> str:
    """The bare words of an inline node."""
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return "".join(words_of(child) for child in node.children) if node.children else node.content


def _plain(node: SyntaxTreeNode) -> list[str]:
    match node.type:
        case "inline":
            return "".join(_said(child) for child in node.children).split("\n")
        case "fence" | "code_block":
            return node.content.split("\n")
        case "table":
            return [", ".join(words_of(cell) for cell in row) for row in _rows(node)]
        case "bullet_list" | "ordered_list":
            start = int(node.attrs.get("start", 1))
            marks = (f"{n}. " if node.type == "ordered_list" else "- " for n in range(start, start + len(node.children)))
            return [
                mark + " ".join(line for child in item.children for line in _plain(child))
                for mark, item in zip(marks, node.children, strict=True)
            ]
        case _:
            return [line for child in node.children for line in _plain(child)]


def _said(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "link":
            said, _, host = link_words(words_of(node), str(node.attrs.get("href", "")))
            return said + host
        case "image":
            url = safe_url(str(node.attrs.get("src", "")))
            return f"{words_of(node)} ({host_of(url) if url else '?'})".strip()
        case _:
            return "".join(_said(child) for child in node.children) if node.children else node.content
