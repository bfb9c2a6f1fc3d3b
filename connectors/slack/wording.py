"""The few words that Slack's own chrome needs: what the bot says arrives in the reader's language already, this does not."""

from dataclasses import dataclass, fields
from typing import Protocol


class Word(Protocol):
    def __call__(self, key: str, /, **params: str) -> str:
        """A word of the chrome, in the organisation's language."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Templates: `{count}`, `{name}` and `{names}` are put in as they stand, by `put`."""

    send: str = "Send"
    cancel: str = "Cancel"
    close: str = "Close"
    loading: str = "One moment …"
    choose: str = "Choose"
    too_many: str = "There are {count} to choose from: type the one you mean."
    more: str = "… and {count} more"
    earlier: str = "Earlier lines left out: {count}"
    cut: str = "… cut here: {count} more characters"
    in_file: str = "This is the beginning. The whole text is in the file {name}."
    table_in_file: str = "The table of {count} rows is in the file {name}."
    next_step: str = "Next: {name}"
    specialist: str = "Handled by {name}"
    files: str = "Files: {names}"
    said_so_far: str = "What was said so far"
    pending: str = "not yet"
    running: str = "now"
    done: str = "done"
    failed: str = "failed"
    undone: str = "undone"

    @staticmethod
    def of(word: "Word") -> "Wording":
        """From the catalogue; what is put in later stands for itself until then."""
        itself = {name: f"{{{name}}}" for name in ("count", "name", "names")}
        return Wording(**{field.name: word(f"slack.{field.name}", **itself) for field in fields(Wording)})


def put(template: str, *, count: int | None = None, name: str = "") -> str:
    """Fills a template; braces that mean nothing stay."""
    if count is not None:
        template = template.replace("{count}", str(count))
    return template.replace("{names}", name).replace("{name}", name)
