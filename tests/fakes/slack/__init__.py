"""A Slack of our own, stricter than Slack, that the tests of the channel run against."""

from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.state import FakeFile, FakeMessage, Refusal, Sent

__all__ = ["FakeFile", "FakeMessage", "FakeSlack", "Refusal", "Sent"]
