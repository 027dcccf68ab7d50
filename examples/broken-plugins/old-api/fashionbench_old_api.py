"""A plugin that was made for another version of the plugin API."""

from fashionbench import hookimpl

FASHIONBENCH_API = (0, 7)


@hookimpl
def register_tasks():
    """Return tasks in the way of long ago."""
    return [{"name": "old"}]
