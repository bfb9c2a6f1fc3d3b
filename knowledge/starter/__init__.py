"""The starter knowledge base: what a company like the sandbox's has on its intranet, so that Foyer answers from the start.

Plain files beside this module, loaded like any other upload.
"""

from pathlib import Path

from connectors.ports.people import Person
from knowledge.library import Library

DIRECTORY = Path(__file__).parent


async def load_starter(library: Library, by: Person) -> int:
    """Adds and publishes the articles that the library does not have yet, in one transaction; returns how many.

    An article that was changed or retired since is left alone. `by` needs the role knowledge_admin.
    """
    known = {article.source for article in await library.list()}
    files = [(path.name, path.read_bytes()) for path in sorted(DIRECTORY.glob("*.md")) if path.name not in known]
    if not files:
        return 0
    added = await library.add_many(files, by=by)
    await library.publish_many([article.id for article in added], by)
    return len(added)
