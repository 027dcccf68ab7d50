"""Atelier on disk: one module for each layout of the field's data sets."""
