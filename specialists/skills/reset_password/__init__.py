"""Sends the employee a one-time link to set a new password."""
