"""Measures Foyer on anybody's own data, with the very code that serves employees; the installation is left alone."""
