"""What is said between this process and those that read files: a head of lengths, then bytes; answers are JSON."""

import struct
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from knowledge.loading.port import FrontMatter, Loaded

FILE_HEAD = struct.Struct(">HQ")
"""Lengths of name and content, which follow."""
ANSWER_HEAD = struct.Struct(">Q")
MAX_ANSWER = 24 * 1024 * 1024


def loaded_to(loaded: Loaded) -> dict[str, Any]:
    values = asdict(loaded)
    front = values["front_matter"]
    return {**values, "front_matter": {key: one.isoformat() if isinstance(one, date) else one for key, one in front.items()}}


def loaded_from(values: Mapping[str, Any]) -> Loaded:
    front = values["front_matter"]
    dates = {key: date.fromisoformat(front[key]) if front[key] else None for key in ("updated", "review")}
    return Loaded(
        values["title"],
        values["markdown"],
        tuple(values["warnings"]),
        FrontMatter(front["title"], tuple(front["audience"]), dates["updated"], dates["review"], front["language"]),
    )
