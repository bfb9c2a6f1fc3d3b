"""The few words that a chat platform's own chrome needs: what the bot says arrives in the reader's language already, this does not."""

from dataclasses import dataclass, fields
from typing import Protocol


class Word(Protocol):
    def __call__(self, key: str, /, **params: str) -> str:
        """A word of the chrome, in the organisation's language."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Templates: `{count}`, `{name}` and `{names}` are put in as they stand, by `put`."""

    send: str
    cancel: str
    yes: str
    close: str
    loading: str
    choose: str
    too_many: str
    more: str
    earlier: str
    cut: str
    in_file: str
    table_in_file: str
    next_step: str
    specialist: str
    files: str
    said_so_far: str
    pending: str
    running: str
    done: str
    failed: str
    undone: str
    required: str
    table_below: str

    @staticmethod
    def of(word: "Word") -> "Wording":
        """From the catalogue; what is put in later stands for itself until then."""
        itself = {name: f"{{{name}}}" for name in ("count", "name", "names")}
        return Wording(**{field.name: word(f"chat.{field.name}", **itself) for field in fields(Wording)})


def put(template: str, *, count: int | None = None, name: str = "") -> str:
    """Fills a template; braces that mean nothing stay."""
    if count is not None:
        template = template.replace("{count}", str(count))
    return template.replace("{names}", name).replace("{name}", name)
