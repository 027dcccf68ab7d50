"""Metrics: pure functions from predictions to per-query or per-image values."""
