"""Orders hardware from the catalogue for the employee."""
