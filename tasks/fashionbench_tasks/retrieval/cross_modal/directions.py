"""The names of the two directions of cross-modal retrieval, which are slices of its results."""

IMAGE_TO_TEXT, TEXT_TO_IMAGE = "image-to-text", "text-to-image"
