"""Twins of ports that live in memory: for tests, trials and examples. The contract suites run on them, too."""
