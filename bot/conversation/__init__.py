"""The dialogue: what a conversation is, what is remembered of it, and where it is kept."""
