"""Requests and the specialists that fulfil them: skills, policy, approvals, grants and audit."""
