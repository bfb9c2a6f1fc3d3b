"""Texts to vectors: one port, and the runtimes behind it."""
