"""What may be done: Cedar policies behind `decide()`. No policy means no."""

from specialists.policy.decide import InvalidPolicy, Policy
from specialists.policy.model import Outcome, PolicyDecision, PolicyQuery

__all__ = ["InvalidPolicy", "Outcome", "Policy", "PolicyDecision", "PolicyQuery"]
