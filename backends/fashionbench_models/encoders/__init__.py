"""Encoders of images and texts: two towers, BLIP-2, vision towers, and embedders made of language models."""
