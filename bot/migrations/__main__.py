"""`python -m bot.migrations "What changes"`: drafts a migration from the difference between the tables and the last one."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from bot.migrations import config

with tempfile.TemporaryDirectory() as folder:
    engine = create_engine(f"sqlite:///{Path(folder) / 'draft.db'}")
    with engine.begin() as connection:
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, "head")
        number = len(list((Path(__file__).parent / "versions").glob("*.py"))) + 1
        command.revision(made, message=sys.argv[1], rev_id=f"{number:04}", autogenerate=True)
    engine.dispose()
