"""Garments as geometry: the pieces that each silhouette is made of."""
