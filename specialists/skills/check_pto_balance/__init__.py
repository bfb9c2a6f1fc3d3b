"""Tells the employee how much paid time off they have left."""
