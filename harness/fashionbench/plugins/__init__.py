"""Plugins: the hooks, the manager that loads them, and the registries that they fill."""
