"""Outfit tasks: fill in the blank, and compatibility."""
