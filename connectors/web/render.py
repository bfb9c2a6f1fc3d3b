"""Markdown of a reply -> HTML that is safe to show, whoever wrote it. Pure and total: it never raises.

A reply may quote an article, a ticket or a model. Raw HTML in it is shown as text; a link shows its host, so that its words cannot
promise another one; a picture is never loaded, since its address alone could carry a secret out.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

MAX_CHARS = 40_000
TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href"}, "span": {"class"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}


def safe_html(markdown: str) -> str:
    """HTML without scripts, styles, pictures, forms or frames; over-long text is cut visibly."""
    cut = markdown if len(markdown) <= MAX_CHARS else markdown[:MAX_CHARS] + " …"
    try:
        html = _markdown.render(cut)
    except RecursionError:
        html = f"<p>{nh3.clean_text(cut)}</p>"
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        allowed_classes=None,
        attribute_filter=_attribute,
    )


def host_of(url: str) -> str | None:
    """The host a link leads to; None for one that stays here or is no web address."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _attribute(tag: str, name: str, value: str) -> str | None:
    allowed = name in ATTRIBUTES.get(tag, ()) and (tag != "span" or value == "host")
    return value if allowed or name in ("target", "rel") else None


def _link_close(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    depth = 0
    for token in reversed(tokens[:index]):
        depth += (token.type == "link_close") - (token.type == "link_open")
        if depth < 0:
            break
    host = host_of(str(token.attrGet("href") or ""))
    said = "".join(inner.content for inner in tokens[tokens.index(token) + 1 : index])
    shown = (
        ""
        if host is None or host in (said.strip().lower(), host_of(said.strip()))
        else f' <span class="host">({nh3.clean_text(host)})</span>'
    )
    return "</a>" + shown


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    alt = renderer.renderInlineAsText(token.children, options, env)
    host = host_of(str(token.attrGet("src") or ""))
    return f'{nh3.clean_text(alt)} <span class="host">({nh3.clean_text(host or "picture")})</span>'


def _converter() -> MarkdownIt:
    converter = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    rules: dict[str, Any] = {"link_close": _link_close, "image": _image}
    for name, rule in rules.items():
        converter.add_render_rule(name, rule)
    return converter


_markdown = _converter()
