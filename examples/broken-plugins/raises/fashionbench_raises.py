"""A plugin that raises when it is imported."""

raise RuntimeError("this plugin needs a driver that is not here")
