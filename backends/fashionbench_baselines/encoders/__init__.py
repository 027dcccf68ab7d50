"""Small pretrained encoders of images and texts, and the cache of their features."""
