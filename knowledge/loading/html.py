"""HTML files: what a reader sees of them, as Markdown."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from bs4.element import PreformattedString
from markdownify import MarkdownConverter

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import binary_kind, decode, title_from_name
from knowledge.loading.port import FrontMatter, Loaded
from knowledge.loading.styles import Styles
from knowledge.loading.tables import literal

_HTML_HEAD = re.compile(rb"\A\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(rb"</?(?:html|head|body|title|main|article|section|div|p|h[1-6]|ul|ol|li|table|tr|td|span|br|a|b|strong|em)\b", re.I)
_UNSEEN = [
    *("title", "script", "style", "template", "noscript", "noframes", "iframe", "object", "embed", "svg", "head", "nav", "form", "dialog"),
    *("textarea", "datalist", "canvas", "annotation", "annotation-xml"),
]
_COMMENT = re.compile(r"<!--.*?(?:--!?>|\Z)", re.DOTALL)
_BLANKS = re.compile(r"(?<!\s)\s{200,}")
_UNENDING = re.compile(r"<(?![^<>]{0,4000}>)")
_MAX_TAGS = 50_000
_MAX_ENTITIES = 500_000
_MAX_DEPTH = 200
_INDENTING, _MAX_INDENTS = frozenset({"blockquote", "ul", "ol", "dl", "table"}), 20
"""Each of these writes its lines once more, so their depth is bounded tighter."""
_MAX_SPAN = 50
_MAX_NUMBERED = 1_000
"""Items of a list up to which they are numbered: the converter counts each from the first."""
_SCHEMES = ("http", "https", "mailto", "tel")


def is_html_document(data: bytes) -> bool:
    """Whether the bytes are a whole HTML document, whatever the file is called."""
    return _HTML_HEAD.match(data.lstrip(b"\xef\xbb\xbf")[:4096]) is not None


class _Page(BeautifulSoup):
    """Refuses a page that nests too deeply while it is read: what is above takes quadratic time, here and in what follows."""

    def pushTag(self, tag: Tag) -> None:
        super().pushTag(tag)
        indents = tag.name in _INDENTING and sum(one.name in _INDENTING for one in self.tagStack) > _MAX_INDENTS
        if len(self.tagStack) > _MAX_DEPTH or indents:
            raise LoadRefused("too_complex")


class _Converter(MarkdownConverter):
    def escape(self, text: str, parent_tags: Collection[str]) -> str:
        return literal(str(super().escape(text, parent_tags)))  # type: ignore[misc]


class HtmlLoader:
    suffixes = (".html", ".htm")

    def sniff(self, data: bytes) -> bool:
        return binary_kind(data) is None and (_TAG.search(data) is not None or data[:2] in (b"\xff\xfe", b"\xfe\xff"))

    def load(self, data: bytes, name: str) -> Loaded:
        """Scripts, styles, navigation and everything hidden goes; hiding text is reported to the uploader."""
        for mark, limit in ((b"<", _MAX_TAGS), (b"&", _MAX_ENTITIES)):
            if data.count(mark) > limit:
                raise LoadRefused("too_many_tags", mark=mark.decode(), limit=str(limit))
        text, warnings = decode(data)
        # The parser takes quadratic time on comments and tags that do not end, what follows on long runs of blanks.
        soup = _Page(_UNENDING.sub("&lt;", _COMMENT.sub("", _BLANKS.sub("\n", text))), "html.parser")
        title = soup.title.get_text(" ", strip=True) if soup.title else ""
        language = str(soup.html.get("lang") or "")[:2].lower() if soup.html else ""
        if _remove_unseen(soup):
            warnings = (*warnings, "hidden_text_removed")
        _tame(soup)
        heading = soup.h1.get_text(" ", strip=True) if soup.h1 else ""
        markdown = _Converter(
            heading_style="ATX", bullets="-", table_infer_header=True, escape_misc=False, escape_underscores=False
        ).convert_soup(soup)
        markdown = "\n".join(line.rstrip() for line in markdown.split("\n"))
        markdown = re.sub(r"\n{3,}", "\n\n", markdown).strip()
        return Loaded(title or heading or title_from_name(name), markdown, warnings, FrontMatter(language=language or None))


def _remove_unseen(soup: BeautifulSoup) -> bool:
    """Takes out what no reader sees; True when words were hidden by style or attribute rather than by their kind."""
    styles = Styles(soup)
    for note in soup.find_all(string=lambda text: isinstance(text, PreformattedString)):
        note.extract()
    for tag in soup.find_all(_UNSEEN):
        tag.decompose()
    hid = False
    # Judged before any is taken out: what one shows may lie on the ground of another.
    for tag in [tag for tag in soup.find_all(True) if _is_hidden(tag) or styles.hides(tag)]:
        if not tag.decomposed:
            hid = hid or bool(tag.get_text(strip=True))
            tag.decompose()
    return hid


def _is_hidden(tag: Tag) -> bool:
    return (
        tag.has_attr("hidden") or str(tag.get("aria-hidden", "")).lower() == "true" or (tag.name == "input" and tag.get("type") == "hidden")
    )


def _tame(soup: BeautifulSoup) -> None:
    """Images become their description, links keep only addresses that a person would follow, cells a width that exists."""
    for numbered in soup.find_all("ol"):
        if len(numbered.find_all("li", recursive=False)) > _MAX_NUMBERED:
            numbered.name = "ul"
    for cell in soup.find_all(["td", "th"], colspan=True):
        if not str(cell["colspan"]).isdecimal() or int(str(cell["colspan"])[:9]) > _MAX_SPAN:
            del cell["colspan"]
    for image in soup.find_all(["img", "picture", "video", "audio"]):
        image.replace_with(str(image.get("alt") or ""))
    for link in soup.find_all("a"):
        try:
            followed = urlsplit(str(link.get("href") or "")).scheme.lower() in _SCHEMES
        except ValueError:
            followed = False
        if not followed:
            link.unwrap()
