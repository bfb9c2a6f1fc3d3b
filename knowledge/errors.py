"""What knowledge refuses, as types with a code; what a person reads about it is a message of the bot's catalogue."""


class KnowledgeError(Exception):
    """Something that was asked of the library and is not done. `details` fill the message's places."""

    def __init__(self, code: str, **details: str) -> None:
        super().__init__(f"{code}: {details}" if details else code)
        self.code = code
        self.details = details

    @property
    def message_key(self) -> str:
        return f"knowledge.{self.code}"


class LoadRefused(KnowledgeError):
    """A file that does not become an article.

    Codes: too_large, format_unsupported, old_format, type_mismatch, type_program, type_text, type_unknown, password_protected,
    damaged, not_text, no_text, only_pictures, too_many_pages, too_many_cells, too_complex, took_too_long, too_much_memory,
    unpacks_too_far, unsafe_xml, too_long, too_many_lines, too_many_tags, too_many_parts, header_too_long, only_attachments,
    front_matter_invalid, front_matter_too_long, front_matter_audience, front_matter_date, front_matter_text.
    """


class AudienceInvalid(KnowledgeError):
    """An audience that is not in the vocabulary. Codes: audience_syntax, audience_key_unknown, audience_value_unknown."""


class NotAllowed(KnowledgeError):
    """The person may not do this. Code: knowledge_admin_only."""


class NotPossible(KnowledgeError):
    """There is no such thing, or not in a state that allows it. Codes: article_unknown, nothing_to_publish, not_published,
    published_since, gap_unknown."""
