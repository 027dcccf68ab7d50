"""Trainers of small models by the layouts of transformers."""
