"""Composed retrieval baselines."""
