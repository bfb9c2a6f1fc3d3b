"""What ties the versions of an article together: the name that its file came under."""

import hashlib

from knowledge.loading.registry import source_name

_MAX_PATH = 200
_DIGEST = 12


def source_path(path: str) -> str:
    """The key of a file that came in a folder: its path from that folder on, on any platform, so that two files of one name in
    different folders are two articles. A file that came alone has its own name, as `source_name` says.
    """
    parts = [source_name(part) for part in path.replace("\\", "/").split("/")]
    whole = "/".join(part for part in parts if part not in ("", ".", ".."))
    if len(whole) <= _MAX_PATH:
        return whole
    # Told apart by all of it, read by its end.
    return f"{hashlib.sha256(whole.encode()).hexdigest()[:_DIGEST]}-{whole[-(_MAX_PATH - _DIGEST - 1) :]}"
