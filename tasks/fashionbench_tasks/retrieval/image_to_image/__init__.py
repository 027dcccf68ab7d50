"""Image retrieval by images."""
