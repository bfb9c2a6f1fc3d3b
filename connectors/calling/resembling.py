"""Whether a text means somebody, for directories that do not say so themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process, utils

RESEMBLES = 80.0
"""Of 100: below it, a name is somebody else's."""
LONGEST = 100
"""Characters of a text that are compared: nobody is called by more."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Somebody, ready to be compared with."""

    name: str
    email: str
    local: str

    @classmethod
    def of(cls, name: str, email: str) -> "Compared":
        address = email.lower()
        return cls(utils.default_process(name), address, address.split("@")[0])


def resemblance(text: str, name: str, email: str) -> float:
    """100 for the address, the name, or one word of it as written; less for what is misspelt, and 0 for what is below RESEMBLES."""
    return dict(resembling(text, [Compared.of(name, email)])).get(0, 0.0)


def resembling(text: str, people: Sequence[Compared]) -> Iterator[tuple[int, float]]:
    """The places of those whom the text may mean, and how much they do."""
    given = text.strip()[:LONGEST]
    wanted, address = utils.default_process(given), given.lower()
    if not wanted:
        return
    scores: dict[int, float] = {}
    names, locals_ = [one.name for one in people], [one.local for one in people]
    for scorer, told, less in ((fuzz.ratio, names, 0.0), (fuzz.token_set_ratio, names, 1.0), (fuzz.ratio, locals_, 1.0)):
        # Compared outside of Python, all at once; with a cut, most are given up after a few letters.
        for _, score, at in process.extract(wanted, told, scorer=scorer, limit=None, score_cutoff=RESEMBLES):
            exact = 1.0 if told is names and names[at] == wanted else 0.0
            scores[at] = max(scores.get(at, 0.0), score - less + (exact if not less else 0.0))
    scores |= {at: 101.0 for at, one in enumerate(people) if one.email == address}
    yield from ((at, score) for at, score in scores.items() if score >= RESEMBLES)
