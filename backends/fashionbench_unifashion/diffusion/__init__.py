"""The diffusion half of UniFashion: latent diffusion conditioned on the Q-Former, with try-on and design conditions."""
