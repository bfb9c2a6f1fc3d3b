"""The few words that Slack's own chrome needs: what the bot says arrives in the reader's language already, this does not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """Templates: `{count}`, `{name}` and `{names}` are put in as they stand, by `put`."""

    send: str = "Send"
    cancel: str = "Cancel"
    close: str = "Close"
    loading: str = "One moment …"
    optional: str = "optional"
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


def put(template: str, *, count: int | None = None, name: str = "") -> str:
    """Fills a template; braces that mean nothing stay."""
    if count is not None:
        template = template.replace("{count}", str(count))
    return template.replace("{names}", name).replace("{name}", name)
