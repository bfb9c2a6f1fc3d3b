"""Whether a file brings anything new: what is uploaded again as it was is no new version."""

import hashlib

from knowledge.model import Audience
from knowledge.store import audience_key


def content_hash(data: bytes, chosen: Audience | None) -> str:
    """SHA-256 of a file and of the audience that was chosen for it; None when none was."""
    digest = hashlib.sha256(data)
    # The length first: no audience can then look like the end of a file.
    digest.update(f"\n{len(data)}\n{'' if chosen is None else audience_key(chosen)}".encode())
    return digest.hexdigest()


def brings_nothing(stored: str | None, data: bytes, newest: Audience, audience: Audience) -> bool:
    """Whether a file and the audience it would get are those of the newest version, however that one got its audience.

    `stored`: the newest version's hash; None for versions that are older than hashes.
    """
    return audience == newest and stored in (content_hash(data, None), content_hash(data, newest))
