"""Which encoder the settings name, and which one made the vectors that were made before it was configured."""

import json
from pathlib import Path

from bot.config import Settings
from knowledge.embedding.former import Former
from knowledge.embedding.onnx_minilm import OnnxMiniLM, default_directory
from knowledge.embedding.port import Encoder
from knowledge.embedding.prepared import PreparedEncoder
from knowledge.embedding.sentence_transformers import SentenceTransformersEncoder

PREPARED = "prepared.npz"
"""Beside the embedding runtime: vectors of the texts that ship with Foyer."""
BUILT_IN = "minilm"
"""The encoder that is always there."""


def configured(settings: Settings) -> Encoder:
    if settings.encoder == BUILT_IN:
        return PreparedEncoder(OnnxMiniLM(settings.models), (settings.models or default_directory()) / PREPARED)
    return SentenceTransformersEncoder(settings.encoder, dimension=settings.encoder_dimension)


def former(settings: Settings) -> Former:
    """The one before, opened by what is kept with its vectors once it is configured no more."""
    return Former(_origin(settings), lambda origin: _opened(settings, origin))


def _origin(settings: Settings) -> str:
    model = Path(settings.encoder)
    is_folder = settings.encoder != BUILT_IN and model.is_dir()
    return json.dumps([str(model.resolve()) if is_folder else settings.encoder, settings.encoder_dimension])


def _opened(settings: Settings, origin: str | None) -> Encoder:
    model, dimension = json.loads(origin) if origin else (BUILT_IN, 0)
    return OnnxMiniLM(settings.models) if model == BUILT_IN else SentenceTransformersEncoder(model, dimension=dimension)
