"""Plain text files."""

from knowledge.loading.decoding import binary_kind, decode, title_from_name
from knowledge.loading.html import is_html_document
from knowledge.loading.port import Loaded

_MAX_TITLE = 100


class TextLoader:
    suffixes = (".txt", ".text")

    def sniff(self, data: bytes) -> bool:
        return binary_kind(data) is None and not is_html_document(data)

    def load(self, data: bytes, name: str) -> Loaded:
        """A short first line that stands alone is the title."""
        text, warnings = decode(data)
        first, _, rest = text.strip().partition("\n")
        alone = rest.startswith("\n") and rest.strip() and len(first) <= _MAX_TITLE and not first.rstrip().endswith((".", ":", ","))
        if alone:
            return Loaded(first.strip().lstrip("# "), rest.strip(), warnings)
        return Loaded(title_from_name(name), text.strip(), warnings)
