"""Metrics of outfit compatibility."""
