"""What connectors to systems share that were not made for Foyer: their calls are bounded, their effects had once, their ends kept."""
