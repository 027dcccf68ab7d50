"""Checks that every backend must pass, for authors of backends: the plugin of pytest ``conformance.plugin``."""
