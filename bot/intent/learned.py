"""What was learned from labelled utterances, and how one utterance is ranked by it: the way of the bot, and of every evaluation.

An utterance is read as it will be served: cleaned, courtesies off, said as if of the speaker, its spelling mended, its marks
seen, embedded, ranked; and it is taken up as it will be served (`served`). Whoever measures recognition, or tries a version
before it serves, calls the same lines. Examples are learned as they were taught, whoever they name. What a skill adds is not
here: several wishes in one utterance, "how do I ...".
"""

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog

from bot.intent import acts
from bot.intent.beneficiary import as_if_own
from bot.intent.matching import Matcher
from bot.intent.scoring import Classifier, Ranked
from bot.intent.text import clean, read
from bot.intent.training import NEITHER, Example, Spelling, marks
from bot.intent.vectors import encode_cached
from bot.intent.wording import Floats
from knowledge.embedding.port import Encoder

log = structlog.get_logger()
ACCEPTED = 0.65
"""Confidence from which a label is taken up; what a skill asks for unless it says otherwise (`SkillSpec.notify_at`)."""
OFFERED = 0.05
"""How far below a level stays what must not reach it, however sure the label is."""
_UNRIVALLED, _FAR = 0.55, 0.15
"""A label this likely, while nothing else is more likely than that."""
_DROPPED = 0.93
"""Cosine to an utterance of a label from which one of `apart` contradicts it and is left out."""
_KEPT = 8
"""How many trained classifiers a process keeps, by what they were trained on."""
_CLASSIFIERS: dict[bytes, Classifier] = {}


@dataclass(frozen=True, slots=True)
class Learned:
    """One trained version. `vectors`: of the examples, as they were given, shape [n, dimension]."""

    classifier: Classifier
    spelling: Spelling
    vectors: Floats
    apart: frozenset[str]
    encoder: Encoder
    names: Matcher

    def prepared(self, core: str, names: Matcher) -> str:
        """What is embedded of an utterance, or of a part of one, that has no courtesies any more. `names`: of today's catalogue."""
        return self.spelling.mend(as_if_own(core, names.is_thing), names.words)

    async def rank(self, text: str) -> Ranked:
        """The labels of one utterance, which is taken for one wish."""
        asked = self.prepared(_core(text), self.names)
        vectors = np.asarray(await self.encoder.encode([asked]), dtype=np.float32)
        return self.classifier.rank([asked], vectors, [marks(asked, self.names)])[0]

    def accepts(self, ranked: Ranked) -> bool:
        """Whether it counts as one of the labels outside `apart`, at the confidence from which employees are served."""
        return ranked.label not in self.apart and served(ranked, ACCEPTED) >= ACCEPTED


def served(ranked: Ranked, level: float, before: Ranked | None = None) -> float:
    """The confidence of the best label as it is compared with `level`, from which it is taken up.

    What is strange stays below it. What is short of words rather than ambiguous ("I need access") reaches it: what is missing
    is asked for. `before`: the ranking before experience moved it, which alone lifts nothing that way.
    """
    if ranked.strange:
        return min(ranked.confidence, level - OFFERED)
    return max(ranked.confidence, level) if _unrivalled(ranked) and _unrivalled(before or ranked) else ranked.confidence


def _unrivalled(ranked: Ranked) -> bool:
    return ranked.confidence >= _UNRIVALLED and all(confidence <= _FAR for _, confidence in ranked.labels[1:2])


def _core(text: str) -> str:
    """A person's own words without courtesies; of nothing but quoted ones those."""
    return acts.act_words().courtesies.strip(read(text).own or clean(text))


async def learn(
    examples: Sequence[Example], encoder: Encoder, names: Matcher, *, apart: Collection[str] = NEITHER, cache: Path | None = None
) -> Learned:
    """Trains on examples. `names`: the catalogue's, which are spelt right and seen as marks. `apart`: labels that mean
    "none of these". `cache`: a file that keeps the vectors of the examples.

    Deterministic: the same examples and encoder give the same version. Raises ValueError with fewer than two labels.
    """
    plain = [Example(_core(one.text), one.label) for one in examples]
    away = frozenset(apart)
    spelling = Spelling(plain, away)
    texts = [spelling.mend(one.text, names.words) for one in plain]
    vectors = await encode_cached(encoder, texts, cache)

    def train() -> Classifier:
        outside = np.array([one.label in away for one in plain])
        contradicting = (vectors[outside] @ vectors[~outside].T).max(axis=1, initial=-1.0) > _DROPPED
        kept = np.delete(np.arange(len(plain)), np.flatnonzero(outside)[contradicting])
        if len({plain[index].label for index in kept}) < 2:
            # Better to learn from what contradicts itself than from nothing.
            kept = np.arange(len(plain))
        return Classifier(
            [texts[index] for index in kept],
            [plain[index].label for index in kept],
            vectors[kept],
            [marks(texts[index], names) for index in kept],
            same=sorted(away),
        )

    # Whoever opens a second Foyer in this process, as tests do, need not train again on the same.
    made_of = repr((texts, [one.label for one in plain], sorted(names.words), sorted(away), encoder.name))
    same = hashlib.sha256(made_of.encode("utf-8", "replace") + vectors.tobytes()).digest()
    if same not in _CLASSIFIERS:
        trained = await asyncio.to_thread(train)
        while len(_CLASSIFIERS) >= _KEPT:
            _CLASSIFIERS.pop(next(iter(_CLASSIFIERS)))
        _CLASSIFIERS[same] = trained
    log.info("recognition_trained", utterances=len(plain), labels=len(_CLASSIFIERS[same].labels))
    return Learned(_CLASSIFIERS[same], spelling, vectors, away, encoder, names)
