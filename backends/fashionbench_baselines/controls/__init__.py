"""Controls: chance, the tie rule, the truth, and try-on without a model."""
