"""Baselines of style transfer."""
