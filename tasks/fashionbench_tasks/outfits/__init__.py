"""Outfit tasks: fill in the blank, compatibility, and complementary item retrieval."""
