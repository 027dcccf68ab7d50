"""The two-phase trainer of UniFashion."""
