"""Gives the employee a role in an application, with an end."""
