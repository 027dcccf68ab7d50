"""Baselines and controls: chance, constants, oracles, colour histograms and two small pretrained encoders."""
