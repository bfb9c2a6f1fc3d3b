"""Markdown -> rich text: what modals and the home page show, which take no `markdown` block. Pure and total.

Rich text is elements instead of marks, so nothing in anybody's words can be taken for a mention, a link or formatting.
"""

from collections.abc import Sequence
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from connectors.chat.markdown import link_words, tree, words_of
from connectors.chat.text import clean, cut, unmentioned

Style = dict[str, bool]
STYLES = {"strong": "bold", "em": "italic", "s": "strike", "code_inline": "code"}


def rich_text(markdown: str, limit: int) -> dict[str, Any] | None:
    """A rich_text block of at most about `limit` units of source; None when there is nothing to show."""
    source = cut(clean(markdown), limit)
    parsed = tree(source)
    elements = [section([text(source)])] if parsed is None else _blocks(parsed.children)
    return {"type": "rich_text", "elements": elements} if elements else None


def text(said: str, **style: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "text", "text": unmentioned(clean(said))}
    return made | {"style": style} if style else made


def section(elements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def _blocks(nodes: Sequence[SyntaxTreeNode], indent: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for node in nodes:
        match node.type:
            case "paragraph" | "heading":
                inline = _inline(node.children[0].children, {"bold": True} if node.type == "heading" else {})
                if inline:
                    # Sections stand close together; a line's end parts two paragraphs.
                    parted = [text("\n")] if found and found[-1]["type"] == "rich_text_section" else []
                    found.append(section([*parted, *inline]))
            case "bullet_list" | "ordered_list":
                found += _list(node, indent)
            case "fence" | "code_block":
                found.append({"type": "rich_text_preformatted", "elements": [text(node.content.rstrip("\n") or " ")]})
            case "blockquote":
                said = [part for child in node.walk() if child.type == "inline" for part in (*_inline(child.children, {}), text("\n"))]
                if said:
                    found.append({"type": "rich_text_quote", "elements": said[:-1]})
            case "table":
                rows = [" | ".join(words_of(cell) for cell in row.children) for part in node.children for row in part.children]
                found.append({"type": "rich_text_preformatted", "elements": [text("\n".join(rows))]})
    return found


def _list(node: SyntaxTreeNode, indent: int) -> list[dict[str, Any]]:
    style = "ordered" if node.type == "ordered_list" else "bullet"
    found: list[dict[str, Any]] = []
    for n, item in enumerate(node.children):
        said: list[dict[str, Any]] = []
        nested: list[dict[str, Any]] = []
        for child in item.children:
            if child.type in ("bullet_list", "ordered_list"):
                nested += _list(child, min(indent + 1, 8))
            else:
                said += [part for inner in child.walk() if inner.type == "inline" for part in _inline(inner.children, {})]
                said += [text(child.content)] if child.type in ("fence", "code_block") and child.content else []
        if found and found[-1]["type"] == "rich_text_list" and found[-1]["indent"] == indent and found[-1]["style"] == style:
            found[-1]["elements"].append(section(said or [text(" ")]))
        else:
            made = {"type": "rich_text_list", "style": style, "indent": indent, "elements": [section(said or [text(" ")])]}
            offset = int(node.attrs.get("start", 1)) - 1 + n
            found.append(made | {"offset": offset} if style == "ordered" and 0 < offset < 10_000 else made)
        found += nested
    return found


def _inline(nodes: Sequence[SyntaxTreeNode], style: Style) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for node in nodes:
        match node.type:
            case "softbreak" | "hardbreak":
                found.append(text("\n"))
            case "strong" | "em" | "s":
                found += _inline(node.children, style | {STYLES[node.type]: True})
            case "link":
                said, url, host = link_words(words_of(node), str(node.attrs.get("href", "")))
                if url is None:
                    found.append(text(said + host, **style))
                else:
                    link: dict[str, Any] = {"type": "link", "url": url, "text": unmentioned(clean(said))}
                    found += [link | {"style": style} if style else link, *([text(host)] if host else [])]
            case "image":
                found.append(text(f"{words_of(node)} ({link_words('', str(node.attrs.get('src', '')))[0] or '?'})".strip(), **style))
            case "code_inline":
                found.append(text(node.content, **style, code=True))
            case _ if node.content:
                found.append(text(node.content, **style))
    return found
