"""Mail to the addresses that people enrolled."""
