"""Networks that turn images into features, for distances between sets of images."""
