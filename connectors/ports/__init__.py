"""The ports: plain types and protocols, no I/O. One module a family."""
