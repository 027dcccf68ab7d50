"""Predictions that were made elsewhere: read them, and score them as if a backend had answered."""
