"""Messages put into words for one reader.

What people and files are called is anybody's choice, and what the bot says is read as Markdown: a name stands in it letter by letter,
so that none can be a link in the bot's voice.
"""

from dataclasses import dataclass

from connectors.chat.markdown import literal
from connectors.ports.messages import Message, Messages, Param, Reader
from connectors.ports.people import Person
from knowledge.model import Article
from specialists.request import Request
from specialists.skill import one_day

NAMES = frozenset(("name", "names", "by", "author", "people", "approvers"))
"""Parameters that are names of people and files, in every message."""


@dataclass(frozen=True, slots=True)
class Words:
    messages: Messages
    reader: Reader

    def __call__(self, key: str, /, **params: Param) -> str:
        shown = {name: _as_it_stands(value) if name in NAMES else value for name, value in params.items()}
        return self.messages.say(Message(key, shown), self.reader)

    def of(self, message: Message) -> str:
        return self.messages.say(message, self.reader)

    def of_skill(self, request: Request, key: str, /, **params: Param) -> str:
        """A message of the request's skill, with the labels of its slots as parameters; its form for one day where it has one."""
        key = f"skill.{request.skill}.{key}"
        if one_day(slot.value for slot in request.slots.values()) and self.messages.has(f"{key}.same"):
            key = f"{key}.same"
        labels: dict[str, Param] = {name: slot.label for name, slot in request.slots.items()}
        return self(key, **{**labels, **params})

    @staticmethod
    def for_person(messages: Messages, person: Person) -> "Words":
        return Words(messages, Reader(person.locale, person.timezone))


def _as_it_stands(value: Param) -> Param:
    match value:
        case str():
            return literal(value)
        case tuple():
            return tuple(literal(item) for item in value)
        case _:
            return value


def warnings_of(article: Article, words: Words) -> list[str]:
    """What whoever uploaded it has to be told, as sentences."""
    pairs = (warning.partition(":") for warning in article.warnings)
    return [words(f"knowledge.warning.{code}", named=named) for code, _, named in pairs]
