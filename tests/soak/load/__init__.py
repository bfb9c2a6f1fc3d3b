"""Slack events by the thousand, against a Foyer of its own process that is killed and started again; with a negative control."""
