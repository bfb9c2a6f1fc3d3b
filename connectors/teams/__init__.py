"""Microsoft Teams as a channel. The only home of botbuilder, whose successor can take its place by touching this folder alone."""
