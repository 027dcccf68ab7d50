"""Composed image retrieval: a reference image and a modification text as the query."""
