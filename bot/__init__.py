"""The conversation: turn, intent, memory, handoff, status, console; the only package that wires things."""
