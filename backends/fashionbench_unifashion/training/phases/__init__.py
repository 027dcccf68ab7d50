"""Training phases: one module a kind, each with its losses, trainable parts, examples and validation measure."""
