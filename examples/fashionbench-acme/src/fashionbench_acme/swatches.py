"""The data set and the task: one query for each swatch, one candidate for each name."""

from PIL import Image

from fashionbench import DataInfo, ImageItem, TextItem
from fashionbench_tasks import Fold, Retrieval

COLOURS = {"red": (200, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 200), "sand": (210, 180, 140)}


class Swatches:
    """What ``fashionbench data status acme/swatches`` asks."""

    def __init__(self, root):
        self.root = root

    def images(self):
        return {}  # drawn, not read

    def annotations(self):
        return {}

    def counts(self):
        return {"swatches": len(COLOURS)}

    def extra(self):
        return []


def find_the_name(spec, roots):
    """Make the task."""
    fold = Fold(
        name="all",
        queries=[ImageItem(name, Image.new("RGB", (8, 8), rgb)) for name, rgb in COLOURS.items()],
        gallery=[TextItem(name, name) for name in COLOURS],
        positives={name: [name] for name in COLOURS},
    )
    sizes = {"queries": len(COLOURS), "gallery": len(COLOURS)}
    return Retrieval(spec, DataInfo("acme-swatches-1", sizes), lambda: [fold])
