"""Loaders of the field's data sets, one module each, for every on-disk layout in use."""
