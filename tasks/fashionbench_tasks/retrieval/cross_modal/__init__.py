"""Cross-modal retrieval between images and texts."""
