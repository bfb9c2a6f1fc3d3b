"""PDF files, by PDFium: the text that a reader sees, with the headings, lists and tables that its looks tell."""

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import title_from_name
from knowledge.loading.pdf_layout import as_markdown
from knowledge.loading.pdf_lines import lines_of
from knowledge.loading.pdf_page import Page, read_page
from knowledge.loading.port import Loaded

MAX_PAGES = 500
_MAX_DRAWN = 60
"""Pages that are drawn twice to see what can be seen; those after them once, which finds less."""


def read(data: bytes, name: str) -> Loaded:
    """What the file says of itself (title, author, keywords) is not read: no reader sees it."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        locked = getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        raise LoadRefused("password_protected" if locked else "damaged") from error
    if len(document) > MAX_PAGES:
        raise LoadRefused("too_many_pages", pages=str(len(document)), limit=str(MAX_PAGES))
    pages: list[Page] = []
    broken = drawn = 0
    for number in range(len(document)):
        try:
            page = document[number]
        except pdfium.PdfiumError:
            broken += 1
            continue
        pages.append(read_page(page, drawn < _MAX_DRAWN))
        drawn += pages[-1].drawn
        page.close()
    if not pages:
        raise LoadRefused("damaged")
    if not any(page.letters for page in pages):
        raise LoadRefused("only_pictures" if any(page.pictures for page in pages) else "no_text")
    made = as_markdown([lines_of(page, number) for number, page in enumerate(pages)], [page.height for page in pages])
    return Loaded(made.title or title_from_name(name), made.markdown, tuple(_warnings(pages, broken)))


def _warnings(pages: list[Page], broken: int) -> list[str]:
    found = []
    if any(page.hid for page in pages):
        found.append("hidden_text_removed")
    if any(page.behind for page in pages):
        found.append("text_behind_pictures")
    if any(page.unchecked for page in pages):
        found.append("text_not_checked")
    if broken or any(page.cut or (page.pictures and not page.letters) for page in pages):
        found.append("pages_not_read")
    return found
