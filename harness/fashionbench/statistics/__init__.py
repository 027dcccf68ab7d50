"""Statistics on per-item values: intervals, paired tests and corrections for many tests."""
