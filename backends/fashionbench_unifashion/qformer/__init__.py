"""The Q-Former, its tokenizer, and the adapters behind it."""
