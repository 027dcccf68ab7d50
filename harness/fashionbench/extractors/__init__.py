"""Networks that turn pictures into features, for distances between sets of pictures."""
