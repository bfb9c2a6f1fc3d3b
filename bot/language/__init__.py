"""What stands between Foyer and a language model, whoever asks: budgets, privacy, a breaker, and the record of what was spent."""
