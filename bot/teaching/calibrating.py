"""Fits the weights by which the offline engine's confidence and a language model's are pooled, to utterances of one's own skills."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from bot.conversation.model import Recall
from bot.database import Sessions
from bot.intent.assisted import PROMPT, AssistedRecognizer
from bot.intent.checks import Illegal
from bot.intent.pooling import ENOUGH, SEEN, Evidence, Fitted, Kept, tried
from bot.intent.training import NEITHER
from bot.teaching.lessons import NotTaught
from connectors.errors import ConnectorError
from connectors.ports.people import Person
from connectors.ports.records import Clock
from specialists.audit import Audit
from specialists.skill import SkillSpec

log = structlog.get_logger()
Row = tuple[Evidence, bool]
NONE_OF_THEM = (*NEITHER, "oos")
"""Labels of utterances that want none of the skills."""


class Calibration:
    """`pooling.json` in the home keeps the weights that serve, and the figures of all that ever did."""

    def __init__(
        self, path: Path, by: AssistedRecognizer, skills: Mapping[str, SkillSpec], sessions: Sessions, audit: Audit, clock: Clock
    ) -> None:
        self._path, self._by, self._skills = path, by, skills
        self._sessions, self._audit, self._clock = sessions, audit, clock

    def follow(self) -> None:
        """Lets the weights serve that are kept."""
        self._by.weights = self._kept().weights

    def _kept(self) -> Kept:
        """With a damaged file, as if nothing had been fitted."""
        try:
            return Kept.load(self._path)
        except ValueError as error:
            log.error("pooling_damaged", why=str(error))
            return Kept()

    async def read(self, text: str, label: str, by: Person) -> Sequence[Row]:
        """What the engines say of one utterance that means `label`, for each skill that one of them takes it for; nothing where the
        model did not answer. Raises NotTaught for a label that is no skill."""
        if label not in self._skills and label not in NONE_OF_THEM:
            raise NotTaught("recognition.not_a_label", label=label)
        try:
            offline, said, _ = await self._by.heard(text, Recall(by))
        except (ConnectorError, Illegal) as error:
            log.info("calibration_row_left_out", what=str(error))
            return []
        mine = next((wish for wish in offline.wishes if wish.act == "skill" and wish.skill), None)
        theirs = next((wish for wish in said.wishes if wish.act == "skill" and wish.skill), None)
        sure = max((wish.confidence for wish in said.wishes), default=0.5)
        foreign = {offline.language, said.language or "en"} != {"en"}
        rows = []
        for skill in dict.fromkeys(one.skill for one in (mine, theirs) if one is not None and one.skill is not None):
            seen = mine.confidence if mine is not None and mine.skill == skill else dict(offline.likely).get(skill, 0.0)
            agree = mine is not None and theirs is not None and mine.skill == theirs.skill
            model = sure if theirs is not None and theirs.skill == skill else 1 - sure
            rows.append((Evidence(None if foreign and seen < SEEN else seen, model, agree), label == skill))
        return rows

    async def fit(self, rows: Sequence[Row], by: Person) -> tuple[Fitted, int]:
        """The weights that come of the rows, and the version under which they serve: 0 when they are refused, since they are worse on
        the rows that were held out. Raises NotTaught when there are too few."""
        kept = await asyncio.to_thread(self._kept)
        try:
            fitted = await asyncio.to_thread(tried, rows, kept.weights)
        except ValueError as error:
            raise NotTaught("recognition.too_few_rows", count=str(len(rows)), least=str(ENOUGH)) from error
        after = kept.after(fitted, self._clock().isoformat(), PROMPT.id) if fitted.better else kept
        if fitted.better:
            await asyncio.to_thread(after.save, self._path)
            self._by.weights = after.weights
        version = after.version if fitted.better else 0
        async with self._sessions.begin() as session:
            told = {"version": version, "rows": fitted.rows, "loss": fitted.loss, "loss_before": fitted.loss_before}
            await self._audit.append(session, kind="decision", event="pooling_calibrated", actor_id=by.id, data=told)
        log.info("pooling_calibrated", version=version, rows=fitted.rows)
        return fitted, version
