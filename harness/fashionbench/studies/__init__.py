"""Studies over records: two systems compared item by item."""
