"""Try-on and design by inpainting pipelines of diffusers."""
