"""Why a connection did not come about, in the operating system's own words: libraries wrap it, and asyncio writes over it."""

import os
import ssl


def system_said(error: BaseException | None) -> str | None:
    """ "Connection refused", of the failure that is behind this one; None where the system said nothing."""
    while error is not None:
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno is not None:
            # Those of looking up a name are negative, and no numbers of the system's.
            return os.strerror(error.errno) if error.errno > 0 else error.strerror
        error = error.__cause__ or error.__context__
    return None
