"""Slack: everything that knows this platform, from its signature to its blocks. Nothing outside this folder does."""
