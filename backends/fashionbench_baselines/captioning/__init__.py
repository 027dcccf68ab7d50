"""Captioning baselines and controls."""
