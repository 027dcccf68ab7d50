"""The whole UniFashion model and its configuration."""
