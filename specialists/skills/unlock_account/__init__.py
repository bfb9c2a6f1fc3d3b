"""Unlocks the employee's own account."""
