"""What a model says, in few words, and an assisted recogniser that asks a scripted one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.intent.assisted import AssistedRecognizer
from bot.intent.recognizer import Recognizer
from connectors.memory.language import Script, ScriptedModel
from connectors.ports.people import Person
from specialists.skill import SkillSpec

Said = tuple[str, str, str]
"""slot, words, value"""


def wish(
    said: str,
    skill: str = "none",
    *slots: Said,
    act: str = "skill",
    english: str = "",
    confidence: float = 0.95,
    other: str = "",
) -> dict[str, Any]:
    return {
        "act": act,
        "skill": skill,
        "said": said,
        "in_english": english,
        "confidence": confidence,
        "for_somebody_else": other,
        "slots": values(*slots),
    }


def values(*slots: Said) -> list[dict[str, str]]:
    return [{"slot": slot, "said": said, "value": value} for slot, said, value in slots]


def result(
    *wishes: Mapping[str, Any], language: str = "en", urgent: bool = False, sensitive: str = "none", answers: Sequence[Said] = ()
) -> dict[str, Any]:
    return {"language": language, "urgent": urgent, "sensitive": sensitive, "wishes": [*wishes], "answers": values(*answers)}


async def no_titles(text: str, person: Person) -> Sequence[str]:
    return ()


def assisted(
    recognizer: Recognizer,
    specs: Mapping[str, SkillSpec],
    script: Script | Mapping[str, Any],
    *,
    titles: Callable[[str, Person], Any] = no_titles,
    monotonic: Callable[[], float] = lambda: 0.0,
    delay: float = 0.0,
) -> tuple[AssistedRecognizer, ScriptedModel]:
    """`script`: what the model says, or how it comes to say it."""
    model = ScriptedModel(script if callable(script) else lambda ask: script, delay=delay)
    return AssistedRecognizer(recognizer, model, titles, specs, monotonic), model
