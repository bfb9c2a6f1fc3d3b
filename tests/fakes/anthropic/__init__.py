"""A Messages API that is as strict as the real one about what it is sent, and breaks in every way that it can."""

from tests.fakes.anthropic.faults import Fault
from tests.fakes.anthropic.server import FakeMessages

__all__ = ["FakeMessages", "Fault"]
