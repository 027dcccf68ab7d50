"""Retrieval baselines."""
