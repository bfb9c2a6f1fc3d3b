"""Whether a text means somebody, for directories that do not say so themselves."""

from rapidfuzz import fuzz, utils

RESEMBLES = 80.0
"""Of 100: below it, a name is somebody else's."""


def resemblance(text: str, name: str, email: str) -> float:
    """100 for the address, the name, or one word of it as written; less for what is misspelt."""
    wanted = utils.default_process(text)
    if not wanted:
        return 0.0
    if text.strip().lower() == email.lower():
        return 101.0
    named = utils.default_process(name)
    exact = 1.0 if wanted == named else 0.0
    address = fuzz.ratio(wanted, email.split("@")[0].lower())
    return max(fuzz.ratio(wanted, named) + exact, fuzz.token_set_ratio(wanted, named) - 1, address - 1)
