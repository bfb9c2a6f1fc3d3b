"""A Foyer in a folder of its own that is gone afterwards, so that an evaluation touches nothing of the installation.

It is put together as the installation's is, with its encoder; everything else is as shipped, and no chat platform is connected.
"""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from bot.bootstrap import App
from bot.config import Settings
from bot.evaluation.rows import BadInput
from bot.migrations import upgrade
from knowledge.embedding.port import Encoder
from knowledge.index import Index

_KEPT = ("encoder", "encoder_dimension", "models")
"""What an evaluation takes over from the installation: how texts become vectors."""


def own_settings(home: Path, given: Settings | None = None, more: Mapping[str, Any] = MappingProxyType({})) -> Settings:
    """As shipped, whatever the environment says, but for the encoder; `more` says what else is otherwise.

    `given`: the installation's settings; read from the environment when None. Raises BadInput when that says what cannot be.
    """
    try:
        given = given or Settings()
    except ValidationError as error:
        told = (f"FOYER_{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors(include_url=False))
        raise BadInput(f"The environment says what cannot be: {'; '.join(told)}.") from error
    shipped = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
    return Settings(**{**shipped, **{name: getattr(given, name) for name in _KEPT}, **more, "home": home})


@asynccontextmanager
async def temporary_foyer(
    given: Settings | None = None, *, encoder: Encoder | None = None, index: Index | None = None
) -> AsyncIterator[App]:
    """A Foyer that is not started: its library is empty and can be filled, and nothing runs by itself.

    `given`: the installation's settings. `encoder`, `index`: instead of its own.
    """
    with tempfile.TemporaryDirectory(prefix="foyer-eval-") as folder:
        app = App(own_settings(Path(folder), given), encoder=encoder, index=index)
        try:
            await upgrade(app.engine_db)
            yield app
        finally:
            await app.index.close()
            await app.engine_db.dispose()
