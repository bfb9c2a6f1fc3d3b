"""What knowledge is made of, and who may read it; pure.

An Article is stored, cut into Chunks, retrieved as Passages and shown as Citations.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from connectors.ports.people import Person
from knowledge.errors import AudienceInvalid, NotAllowed

Audience = Mapping[str, frozenset[str]]
"""Who an article is for: AND across keys, OR within one. Empty: all employees. Guests never."""
Vocabulary = Mapping[str, Collection[str]]
"""The keys an audience may have, each with the values it may take (foyer.yaml). `group` and `role` select by the
person's directory groups and Foyer roles, every other key by the directory's attribute of that name."""

ADMIN_ROLE = "knowledge_admin"
EVERYONE: Audience = {}
_EVERYONE_SELECTOR = "all"


class ArticleState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    """Was published until a newer version was."""
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Article:
    """One version of an article. `source` (the file name) ties the versions together and is unique."""

    id: str
    source: str
    version: int
    state: ArticleState
    title: str
    body: str
    """Markdown."""
    audience: Audience
    language: str
    owner_id: str
    """The person who added it."""
    updated_at: datetime
    """When its content was last changed or reviewed, as its author says; else when it was added."""
    review_due: date | None = None
    warnings: tuple[str, ...] = ()
    """What loading left out, as `Loaded` has it: told to whoever uploaded it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one version that is found and quoted as a whole. `section` is its heading path."""

    id: str
    article_id: str
    version: int
    ordinal: int
    section: str
    text: str
    """Markdown."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found for somebody, who may read it."""

    chunk: Chunk
    title: str
    source: str
    audience: Audience
    updated_at: datetime
    score: float
    """Orders passages of one search; comparable between searches only roughly."""
    similarity: float
    """Cosine between question and chunk."""
    coverage: float
    """Share of the question's content words found in the chunk, its title and its section, 0..1."""
    likeness: float = 0.0
    """Cosine between this chunk and the best one of its search."""


def admits(audience: Audience, person: Person) -> bool:
    """Whether this person may read what has this audience. Guests and people who have left may read nothing."""
    if person.guest or not person.active:
        return False
    return all(not values.isdisjoint(traits(person, key)) for key, values in audience.items())


def require_admin(person: Person) -> None:
    """Raises `NotAllowed`."""
    if ADMIN_ROLE not in person.roles or not person.active:
        raise NotAllowed("knowledge_admin_only")


def traits(person: Person, key: str) -> frozenset[str]:
    """The person's values under one key of the vocabulary, in lower case as audiences keep them."""
    if key == "group":
        return frozenset(group.lower() for group in person.groups)
    if key == "role":
        return frozenset(role.lower() for role in person.roles)
    value = person.attributes.get(key, "")
    return frozenset({value.lower()}) if value else frozenset()


def parse_audience(selectors: Sequence[str], vocabulary: Vocabulary) -> Audience:
    """Reads selectors such as `country=DE,FR` or `department=Sales`; a key that comes twice adds its values.

    `all` alone, or no selector, is everyone. Values are compared and kept in lower case.
    Raises `AudienceInvalid`.
    """
    if [selector.strip().lower() for selector in selectors] == [_EVERYONE_SELECTOR]:
        return EVERYONE
    audience: dict[str, frozenset[str]] = {}
    for selector in selectors:
        key, equals, listed = selector.partition("=")
        key = key.strip().lower()
        values = [value.strip() for value in listed.split(",")]
        if not equals or not key or not all(values):
            raise AudienceInvalid("audience_syntax", selector=selector)
        if key not in vocabulary:
            raise AudienceInvalid("audience_key_unknown", key=key, allowed=", ".join(sorted(vocabulary)))
        allowed = {value.lower() for value in vocabulary[key]}
        for value in values:
            if value.lower() not in allowed:
                raise AudienceInvalid("audience_value_unknown", key=key, value=value, allowed=", ".join(sorted(vocabulary[key])))
        audience[key] = audience.get(key, frozenset()) | frozenset(value.lower() for value in values)
    return audience


def spelled(audience: Audience, vocabulary: Vocabulary) -> Mapping[str, Sequence[str]]:
    """Its keys and values in order, as the vocabulary writes them."""
    written = {value.lower(): value for values in vocabulary.values() for value in values}
    return {key: sorted(written.get(value, value) for value in values) for key, values in sorted(audience.items())}
