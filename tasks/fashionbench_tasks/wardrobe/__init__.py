"""The embedded data set ``wardrobe-emoji``: 47 garments, each drawn by three artists, with labels and keyword tags."""
