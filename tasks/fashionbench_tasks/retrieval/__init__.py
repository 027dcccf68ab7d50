"""Retrieval tasks: rank a gallery, or listed candidates, for each query."""
