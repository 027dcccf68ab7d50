"""Image generation tasks: virtual try-on and garment design."""
