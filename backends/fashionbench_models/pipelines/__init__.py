"""Backends that are composed of several models: each a folder, or a model behind an endpoint."""
