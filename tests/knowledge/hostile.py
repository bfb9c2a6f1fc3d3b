"""Readers that behave as badly as a parser can, for the tests of what bounds them."""

import os
import sys
import time

from knowledge.errors import LoadRefused
from knowledge.loading.port import Loaded


def read(data: bytes, name: str) -> Loaded:
    """Does what the file says."""
    kind = data.decode()
    match kind:
        case "loop":
            while True:
                pass
        case "sleep":
            time.sleep(60)
        case "allocate":
            held = [bytearray(64 * 1024 * 1024) for _ in range(20)]
            return Loaded("held", f"{sum(map(len, held))}")
        case "die":
            os._exit(3)
        case "crash":
            os.abort()
        case "fail":
            raise ZeroDivisionError("the words of a file")
        case "refuse":
            raise LoadRefused("no_text", name=name)
        case "print":
            print("x" * 100_000)
            sys.stdout.flush()
        case "flood":
            return Loaded("much", "x" * 30_000_000)
        case "write":
            with open("/tmp/foyer-hostile", "wb") as file:
                file.write(b"x")
        case "look":
            return Loaded(" ".join(sorted(os.environ)), " ".join(sorted(os.listdir("/proc/self/fd"))))
    return Loaded("read", str(os.getpid()))
