"""Teams' own tables: where the bot can speak, whom it can reach, what was posted under which key, files that await consent.

Teams tells a bot nothing afterwards: neither where it was installed nor what it said. So it is written down when it is heard.
"""

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table

from connectors.ports.records import UtcDateTime

metadata = MetaData()

room = Table(
    "teams_rooms",
    metadata,
    Column("tenant", String(120), primary_key=True),
    Column("room", String(320), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("conversation_id", String(320), nullable=False),
    Column("service_url", String(500), nullable=False),
    Column("bot_id", String(200), nullable=False),
    Column("bot_name", String(200), nullable=False, server_default=""),
    Column("team_id", String(320)),
    Column("group_id", String(64)),
    Column("name", String(320), nullable=False, server_default=""),
    Column("shared", Boolean, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
"""A conversation reference. `kind`: personal, group or channel; `room` as in an Address. `team_id` is the conversation id of the
channel's team, `group_id` its id on Graph; `shared`: a channel that other organisations share; `gone`: the app was removed there."""

account = Table(
    "teams_accounts",
    metadata,
    Column("tenant", String(120), primary_key=True),
    Column("external_id", String(120), primary_key=True),
    Column("user_id", String(320), nullable=False),
    Column("name", String(320), nullable=False),
    Column("email", String(320)),
    Column("found_in", String(320), nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Index("ix_teams_accounts_email", "email"),
)
"""Somebody as Teams knows them. `external_id` is their Entra object id, `user_id` Teams' own ("29:..."); `email` in lower case;
`found_in`: the room whose members they are one of."""

post = Table(
    "teams_posts",
    metadata,
    Column("delivery_key", String(200), primary_key=True),
    Column("tenant", String(120), nullable=False),
    Column("room", String(320), nullable=False),
    Column("thread", String(200)),
    Column("stream_id", String(200)),
    Column("activity_id", String(200)),
    Column("text", String(4000), nullable=False, server_default=""),
    Column("began_at", UtcDateTime, nullable=False),
    Column("whole", Boolean, nullable=False),
    Index("ix_teams_posts_activity", "tenant", "room", "activity_id"),
)
"""A message that is being posted, or was. `stream_id`: begun, to be completed under this id; `activity_id`: it is there; `whole`: with
all that belongs to it; `text`: how it begins, to know it again. A reply of several messages has a row for each: key, key#2, ..."""

belonging = Table(
    "teams_belongings",
    metadata,
    Column("tenant", String(120), primary_key=True),
    Column("room", String(320), primary_key=True),
    Column("activity_id", String(200), primary_key=True),
    Column("message", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("source", String(200), nullable=False, server_default=""),
    Column("number", Integer, nullable=False, server_default="0"),
    Index("ix_teams_belongings_message", "tenant", "room", "message"),
)
"""What else was posted with a reply whose first message is `message`. `kind`: message (a further part), file (a file's card)."""

consent = Table(
    "teams_consents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant", String(120), nullable=False),
    Column("person", String(120), nullable=False),
    Column("source", String(200), nullable=False),
    Column("name", String(255), nullable=False),
    Column("state", String(12), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
)
"""A file that somebody was asked to take. `person`: their Entra object id; `source`: the attachment. asked -> sent | declined."""
