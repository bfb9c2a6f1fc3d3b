"""OpenDocument texts, such as LibreOffice writes: headings, lists and tables by their library's own Markdown.

What a reader does not see is taken out first: hidden text and paragraphs, deletions that were tracked, white letters.
"""

import re
from typing import Any

from lxml import etree
from odfdo import Document

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import title_from_name
from knowledge.loading.package import packed, text_parts
from knowledge.loading.port import Loaded

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_MARKER = re.compile(r"^(\s*)-  ", re.MULTILINE)
_FIRST = re.compile(r"^# (.+)$", re.MULTILINE)
_ENCRYPTED = b"encryption-data"


def read(data: bytes, name: str) -> Loaded:
    parts = text_parts(data, "content.xml")
    if _ENCRYPTED in parts.get("META-INF/manifest.xml", b""):
        raise LoadRefused("password_protected")
    parts["content.xml"], hid = _as_seen(parts["content.xml"])
    markdown = "\n".join(line.rstrip() for line in _MARKER.sub(_outdented, str(Document(packed(parts)).to_markdown())).split("\n"))
    markdown = re.sub(r"\n{3,}", "\n\n", markdown).strip()
    headings = _FIRST.findall(markdown)
    title = headings[0] if len(headings) == 1 or markdown.startswith("# ") else title_from_name(name)
    return Loaded(title, markdown, ("hidden_text_removed",) if hid else ())


def _outdented(found: re.Match[str]) -> str:
    """A list begins at the margin, and each level two blanks further in."""
    return " " * (2 * (len(found.group(1)) // 3)) + "- "


def _as_seen(content: bytes) -> tuple[bytes, bool]:
    try:
        tree = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError as error:
        raise LoadRefused("damaged") from error
    for deleted in list(tree.iter(_TEXT + "tracked-changes")):
        deleted.getparent().remove(deleted)
    unseen = {style.get(_STYLE + "name") for style in tree.iter(_STYLE + "style") if _hides(style.find(_STYLE + "text-properties"))}
    hidden = [
        one
        for one in tree.iter(_TEXT + "p", _TEXT + "h", _TEXT + "span", _TEXT + "section", _TEXT + "hidden-text")
        if one.tag == _TEXT + "hidden-text" or one.get(_TEXT + "style-name") in unseen or one.get(_TEXT + "display") == "none"
    ]
    hidden += [one.getparent() for one in tree.iter(_TEXT + "hidden-paragraph")]
    hid = False
    for one in hidden:
        hid = hid or bool("".join(one.itertext()).strip()) or one.tag == _TEXT + "hidden-text"
        _remove(one)
    return etree.tostring(tree), hid


def _hides(properties: Any) -> bool:
    if properties is None:
        return False
    bare = properties.get(_FO + "background-color") in (None, "transparent")
    return (bare and str(properties.get(_FO + "color", "")).lower() == "#ffffff") or properties.get(_TEXT + "display") == "none"


def _remove(element: Any) -> None:
    """Without the text that follows it, which belongs to its parent."""
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    parent.remove(element)
