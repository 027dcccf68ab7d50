"""Measurements of a diagnosis that look inside a UniFashion model."""
