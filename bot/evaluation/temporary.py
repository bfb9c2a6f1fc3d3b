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
from bot.config import ConfigError, Organisation, Settings, load
from bot.evaluation.rows import BadInput
from bot.language.settings import Limit, Limits
from bot.migrations import upgrade
from connectors.ports.language import LanguageModel
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


def with_model(given: Settings | None = None) -> Mapping[str, Any]:
    """The settings of the installation's language model, for `more` above: an evaluation spends what it spends, so there are no limits.

    `given`: the installation's settings; read from the environment and its foyer.yaml when None. Raises BadInput without a key.
    """
    try:
        given = given or load()
    except ConfigError as error:
        raise BadInput(str(error)) from error
    if given.anthropic_api_key is None:
        raise BadInput("The assisted engine needs a language model: set ANTHROPIC_API_KEY, or run --engine offline.")
    model = given.organisation.model.model_copy(update={"limits": Limits(**{name: Limit() for name in Limits.model_fields})})
    shipped: Organisation = Settings.model_fields["organisation"].get_default(call_default_factory=True)
    return {
        "anthropic_api_key": given.anthropic_api_key,
        "anthropic_base_url": given.anthropic_base_url,
        "organisation": shipped.model_copy(update={"model": model}),
    }


@asynccontextmanager
async def temporary_foyer(
    given: Settings | None = None,
    *,
    encoder: Encoder | None = None,
    index: Index | None = None,
    more: Mapping[str, Any] = MappingProxyType({}),
    model: LanguageModel | None = None,
) -> AsyncIterator[App]:
    """A Foyer that is not started: its library is empty and can be filled, and nothing runs by itself.

    `given`: the installation's settings; `more`: what else is otherwise than shipped. `encoder`, `index`, `model`: instead of its own.
    """
    with tempfile.TemporaryDirectory(prefix="foyer-eval-") as folder:
        app = App(own_settings(Path(folder), given, more), encoder=encoder, index=index, model=model)
        try:
            await upgrade(app.engine_db)
            if app.model is not None:
                # What is told a model may be searched for the names of people, who are in the directory.
                for connector in app.outside.connectors.values():
                    await connector.open()
            yield app
        finally:
            if app.model is not None:
                for connector in app.outside.connectors.values():
                    await connector.close()
            if app.claude is not None:
                await app.claude.close()
            await app.index.close()
            await app.engine_db.dispose()
