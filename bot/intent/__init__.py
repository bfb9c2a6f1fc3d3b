"""From an utterance to steps: recognise (with confidence), fill slots, route. Deciding is pure."""
