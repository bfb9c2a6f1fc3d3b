"""Whoever takes part in a conversation, named by their part: a model reads and writes no names of theirs. Pure.

A part of a name may be a word as well: "Will you mark it as done in May?" names neither Will, nor Mark, nor May.
"""

import re
from collections.abc import Mapping

from knowledge.languages import languages

_WORDS = re.compile(
    r"april|art|august|bill|brown|chance|chase|cook|dean|drew|faith|frank|grant|green|guy|hope|jack|june|king|klein|koch|kurz|lang|lee"
    r"|long|love|mark|max|may|miles|pat|price|rich|rob|rose|rusty|stark|sue|summer|sunny|will|wolf|young"
)
"""Names that begin sentences as words, or are nouns or months."""
_GREETED = r"(?:hi|hello|hey|dear|thanks|thank you|hallo|danke|bonjour|merci|hola|gracias|ciao|grazie|olá|obrigad[oa]|hoi|bedankt) "


def without_names(text: str, names: Mapping[str, str], employee: str) -> str:
    """`names`: of those who take part, by id. Whole names go, and the parts of them; of a part that is a word as well only where
    somebody is addressed by it or signs: "Thanks, Will!"."""
    parts = {name: "the employee" if person_id == employee else "staff" for person_id, name in names.items()}
    for name, part in parts.items():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", part, text)
    for name, part in parts.items():
        for called in {word for word in name.split() if len(word) > 1}:
            text = re.sub(_alone(called), rf"\g<before>{part}", text)
    return text


def _alone(called: str) -> str:
    word = called.casefold()
    if not _WORDS.fullmatch(word) and not any(word in one.words for one in languages().values()):
        return rf"(?P<before>(?<!\w)){re.escape(called)}(?!\w)"
    return rf"(?P<before>^|\n|[.!?,:\n] |\b(?i:{_GREETED})){re.escape(called)}(?=\s*(?:[,.!?:\n]|$))"
