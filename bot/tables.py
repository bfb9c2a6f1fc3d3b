"""The tables that the conversation owns: people, dialogues, inbox, outbox, cards, handoffs."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)

from connectors.ports.records import UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

person = Table(
    "person",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("directory_key", String(200), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
)

identity = Table(
    "identity",
    metadata,
    Column("channel", String(40), primary_key=True),
    Column("tenant", String(120), primary_key=True),
    Column("external_id", String(320), primary_key=True),
    Column("person_id", String(36), ForeignKey("person.id"), nullable=False, index=True),
    Column("last_seen_at", UtcDateTime, nullable=False),
)

conversation = Table(
    "conversation",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("channel", String(40), nullable=False),
    Column("tenant", String(120), nullable=False),
    Column("room", String(320), nullable=False),
    Column("thread", String(200), nullable=False),
    Column("person_id", String(36), ForeignKey("person.id"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("awaits", JSON, nullable=False),
    Column("question", Text),
    Column("request_id", String(36)),
    Column("handoff_id", String(36)),
    Column("misses", Integer, nullable=False),
    Column("engaged", Boolean, nullable=False, server_default=true()),
    Column("version", Integer, nullable=False),
    UniqueConstraint("channel", "tenant", "room", "thread", "person_id"),
)
"""One person's dialogue in one thread: several people may talk to the bot in the same one."""

transcript = Table(
    "transcript_event",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("conversation_id", String(36), ForeignKey("conversation.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("speaker", String(10), nullable=False),
    Column("person_id", String(36)),
    Column("reply_kind", String(20)),
    Column("text", Text, nullable=False),
    Column("private_to", String(36)),
    Column("message_id", String(200)),
)

inbox = Table(
    "inbox",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("channel", String(40), nullable=False),
    Column("tenant", String(120), nullable=False),
    Column("activity_id", String(200), nullable=False),
    Column("sender", String(320), nullable=False),
    Column("room", String(320), nullable=False),
    Column("thread", String(200), nullable=False),
    Column("sort", String(64), nullable=False),
    Column("activity", JSON, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    UniqueConstraint("channel", "tenant", "activity_id"),
    Index("ix_inbox_open", "state", "seq"),
    Index("ix_inbox_thread", "room", "thread"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("channel", String(40), nullable=False),
    Column("tenant", String(120), nullable=False),
    Column("room", String(320), nullable=False),
    Column("thread", String(200)),
    Column("operation", String(10), nullable=False),
    Column("card_key", String(120)),
    Column("placement_id", String(36)),
    Column("reply", JSON, nullable=False),
    Column("message_id", String(200)),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("correlation", String(200)),
    Column("unsure", Boolean, nullable=False, server_default=text("false")),
    Index("ix_outbox_message", "room", "message_id"),
    # What was sent long ago costs nothing.
    Index(
        "ix_outbox_pending",
        "channel",
        "tenant",
        "room",
        "thread",
        "sequence",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_outbox_held", "due_at", sqlite_where=text("state = 'held'"), postgresql_where=text("state = 'held'")),
)
"""`unsure`: it was tried, and what came of it is not known. `state`: held (until `due_at`) -> pending -> sent | failed; superseded,
withdrawn."""

placement = Table(
    "card_placement",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("card_key", String(120), nullable=False, index=True),
    Column("channel", String(40), nullable=False),
    Column("tenant", String(120), nullable=False),
    Column("room", String(320), nullable=False),
    Column("thread", String(200)),
    Column("reader_id", String(36)),
    Column("message_id", String(200)),
    Column("posted_thread", String(200)),
    Index("ix_card_placement_thread", "room", "posted_thread"),
)
"""One showing of a card. `id` is the id of its reply; `reader_id` the person whose language and zone it is in."""

handoff = Table(
    "handoff",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("conversation_id", String(36), ForeignKey("conversation.id"), nullable=False),
    Column("person_id", String(36), ForeignKey("person.id"), nullable=False, index=True),
    Column("request_id", String(36)),
    Column("confidence", Float),
    Column("reason", String(40), nullable=False),
    Column("sensitive", String(40)),
    Column("assignment_group", String(120), nullable=False),
    Column("state", String(12), nullable=False),
    Column("claimed_by", String(36), ForeignKey("person.id")),
    Column("resolution", Text),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
    # One open handoff a conversation.
    Index(
        "uq_handoff_open",
        "conversation_id",
        unique=True,
        sqlite_where=text("state IN ('requested', 'claimed')"),
        postgresql_where=text("state IN ('requested', 'claimed')"),
    ),
)

handoff_event = Table(
    "handoff_event",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("handoff_id", String(36), ForeignKey("handoff.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("by", String(36)),
    Column("text", Text, nullable=False, server_default=""),
    Column("relay_id", String(36)),
)
"""`relay_id`: of a note, the relay that says which message it was; its text follows that message."""

relay = Table(
    "relay",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("channel", String(40), nullable=False),
    Column("tenant", String(120), nullable=False),
    Column("message_id", String(200), nullable=False),
    Column("handoff_id", String(36), ForeignKey("handoff.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("by", String(36), nullable=False),
    Column("text", Text, nullable=False),
    Column("files", JSON, nullable=False),
    UniqueConstraint("channel", "tenant", "message_id"),
)
"""What somebody wrote in a handoff, and where. `kind`: said (to staff), reply (to the employee), note (to nobody else). On the other
side it is the card `relay:<id>`."""

held_reply = Table(
    "held_reply",
    metadata,
    Column("id", String(36), ForeignKey("relay.id"), primary_key=True),
    Column("handoff_id", String(36), ForeignKey("handoff.id"), nullable=False, index=True),
    Column("due_at", UtcDateTime, nullable=False),
    Column("state", String(10), nullable=False),
    Index("ix_held_reply_open", "state", "due_at"),
)
"""A reply of staff that can be, or could be, taken back: held -> sent | recalled. `id` is its relay's."""

attachment = Table(
    "attachment",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", String(36), nullable=False, index=True),
    Column("person_id", String(36), nullable=False),
    Column("name", String(255), nullable=False),
    Column("mime", String(127), nullable=False),
    Column("size", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("private_to", String(36)),
    Column("message_id", String(200)),
    Index("ix_attachment_person", "person_id", "at"),
)
"""A file that somebody sent; its bytes are in FOYER_HOME/files. `private_to`: the sensitive handoff that it belongs to; `message_id`:
the message that it came with, and goes with."""

feedback = Table(
    "feedback",
    metadata,
    Column("answer_id", String(36), primary_key=True),
    Column("person_id", String(36), primary_key=True),
    Column("conversation_id", String(36), nullable=False),
    Column("helpful", Boolean, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
)
"""What somebody thought of an answer; the last word counts."""

lesson = Table(
    "lesson",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("text", Text, nullable=False),
    Column("label", String(60), nullable=False),
    Column("source", String(12), nullable=False),
    Column("by", String(36), nullable=False),
    Column("conversation_id", String(36)),
    Column("at", UtcDateTime, nullable=False),
    Column("state", String(10), nullable=False, index=True),
    Column("reviewed_by", String(36)),
    Column("reviewed_at", UtcDateTime),
    Column("kept", Boolean, nullable=False, server_default=text("false")),
)
"""What an utterance should have been understood as. `state`: proposed -> accepted | rejected; `source`: staff, employee, admin;
`kept`: never trained on, so that versions can be compared on it."""

recognition_version = Table(
    "recognition_version",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("by", String(36), nullable=False),
    Column("lessons", JSON, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("accuracy", Float, nullable=False),
    Column("accuracy_before", Float, nullable=False),
    Column("calibration_error", Float, nullable=False),
    Column("state", String(10), nullable=False),
)
"""A training of the recognition. `lessons`: the ids trained on; `accuracy`, `accuracy_before`: its and its predecessor's on the
`kept` questions; `state`: active, refused, superseded."""

closed_request = Table(
    "closed_request",
    metadata,
    Column("request_id", String(36), primary_key=True),
    Column("skill", String(60), nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("encoder", String(100), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
)
"""How a request ended that began with an utterance of this vector; the words are not kept. `outcome`: open until then, fulfilled,
unwanted."""

model_use = Table(
    "model_use",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("turn_id", String(200)),
    Column("conversation_id", String(36)),
    Column("person_id", String(36)),
    Column("specialist", String(60), nullable=False),
    Column("prompt", String(60), nullable=False),
    Column("model", String(120), nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cache_read_tokens", Integer, nullable=False),
    Column("cache_written_tokens", Integer, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("took_ms", Integer, nullable=False),
    Index("ix_model_use_person", "person_id", "at"),
)
"""One call of a language model and what it spent. `prompt`: its id ("recognition-1"); `cost`: millionths of the currency of the
prices; `outcome`: ok, or the code of the error."""

model_spent = Table(
    "model_spent",
    metadata,
    Column("limit", String(20), primary_key=True),
    Column("of", String(200), primary_key=True),
    Column("period", String(10), primary_key=True),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("reached", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("against", String(60), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Index("ix_model_spent_untold", "limit", sqlite_where=text("told < reached"), postgresql_where=text("told < reached")),
)
"""What was spent of a limit so far: the sum of its rows of `model_use`, which for a month may be half a million. `limit`: turn,
conversation, person_day, specialist_month; whose (`of`), and its day or month ("2026-11", "" where it has none). `reached`: 0, 80 or
100 percent; `told`: up to which of them its owner was told; `against`: of how much that is a percentage; `at`: of the last call."""

conversation_summary = Table(
    "conversation_summary",
    metadata,
    Column("conversation_id", String(36), ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True),
    Column("upto", Integer, nullable=False, index=True),
    Column("known", Integer, nullable=False, server_default="0"),
    Column("changed", Integer, nullable=False, server_default="0"),
    Column("summary", JSON, nullable=False),
    Column("model", String(120)),
    Column("prompt", String(60)),
    Column("at", UtcDateTime),
    Column("version", Integer, nullable=False),
)
"""What a conversation comes to so far, rolled forward. `upto`: the last line of the transcript that it knows (`transcript.seq`), 0
when it knows none, or no more; `known`: how many lines there were up to it, so that one that is committed late is missed; `changed`:
the last line there was when one was changed, up to where the bot may repeat the old words; `model` and `prompt` null: made offline;
`at` null: nothing was made of it yet."""

reset_link = Table(
    "reset_link",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("person_key", String(200), nullable=False),
    Column("key", String(200), nullable=False, unique=True),
    Column("request_id", String(36)),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("state", String(10), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("sent_at", UtcDateTime),
    Column("withdrawn_by", String(200), index=True),
    Column("claim", String(36)),
    Column("claimed_at", UtcDateTime),
    Column("claimed_by", String(36)),
    Column("changed_before", UtcDateTime),
    Column("used_at", UtcDateTime),
    Column("told_at", UtcDateTime),
    Index(
        "ix_reset_link_live",
        "person_key",
        unique=True,
        sqlite_where=text("state IN ('open', 'claimed')"),
        postgresql_where=text("state IN ('open', 'claimed')"),
    ),
    Index("ix_reset_link_state", "state", "told_at"),
)
"""A one-time link to Foyer's own page for a new password; of its token the SHA-256 alone. `key`: of the call that asked for
it, `request_id`: of the request whose step that was; `state`: new (nobody knows yet whether it went out), open, claimed (a password is
being set at this moment), used, withdrawn;
`withdrawn_by`: the key of the call that withdrew it; `claim`: one attempt to set a password, `claimed_by` the id of the person, and
`changed_before`: when their password had been changed until then; `told_at`: when the person was told that it was changed."""

projection = Table(
    "projection",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("cursor", Integer, nullable=False),
)
"""How far a reader of request events has come."""
