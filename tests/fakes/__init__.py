"""Platforms that nobody here runs, played for the tests."""
