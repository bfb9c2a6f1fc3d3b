"""What the system said of a connection that did not come about, however deep a library has wrapped it."""

import socket
import ssl

import pytest

from connectors.calling.transport import system_said


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), None),
        (OSError("All connection attempts failed"), None),
        (TimeoutError(), None),
    ],
)
def test_the_systems_own_words_are_found(cause: OSError, said: str | None) -> None:
    assert system_said(cause) == said
    wrapped = RuntimeError("All connection attempts failed")
    wrapped.__cause__ = OSError("All connection attempts failed")
    wrapped.__cause__.__context__ = cause
    assert system_said(wrapped) == said
