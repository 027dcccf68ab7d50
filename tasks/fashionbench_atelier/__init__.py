"""Atelier: a parametric fashion world, rendered from a seed, in which the truth of every task is known exactly."""
