"""Pretrained encoders small enough to travel inside packages, and the joint space trained on top of them."""
