"""A Teams of our own, stricter than Teams, that the tests of the channel run against."""

from tests.fakes.teams.server import FakeTeams
from tests.fakes.teams.state import FakeFile, Refusal, Sent, Shown

__all__ = ["FakeFile", "FakeTeams", "Refusal", "Sent", "Shown"]
