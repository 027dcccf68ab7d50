"""Baselines and controls: what chance, colour and two small pretrained encoders reach, and what the truth would."""
