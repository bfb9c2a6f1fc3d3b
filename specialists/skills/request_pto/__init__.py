"""Books paid time off for the employee."""
