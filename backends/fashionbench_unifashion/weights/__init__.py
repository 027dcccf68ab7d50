"""Published weights: read, renamed, and given to modules by name."""
