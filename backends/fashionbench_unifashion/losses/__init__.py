"""The losses of UniFashion, and hard negatives."""
