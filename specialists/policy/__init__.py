"""What may be done: Cedar policies behind `decide()`. No policy means no."""
