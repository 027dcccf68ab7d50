"""Acme's swatches: find the colour name of a swatch. One task and one backend."""

from PIL import Image

from fashionbench import BackendSpec, DatasetSpec, Licence, ProtocolCard, TaskSpec, hookimpl
from fashionbench.data.info import DataInfo
from fashionbench.data.items import ImageItem, TextItem
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

FASHIONBENCH_API = (1, 0)
RGB = {"red": (200, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 200), "sand": (210, 180, 140)}
NEEDS = frozenset({"encode-image", "encode-text"})
CARD = {"split": "all", "metrics": ["hit@1"], "average": "queries", "tie_rule": "expected", "tie_tolerance": "0.000001"}
# fmt: off
COMMON = {"id": "acme/swatches", "target": "fashionbench_acme:swatches", "summary": "name the colour of a swatch"}
DATA = DatasetSpec(**COMMON, revision="1", access="bundled", licence=Licence(id="CC0-1.0", source="Acme"))
TASK = TaskSpec(**COMMON, version="1.0.0", kind="cross-modal-retrieval", dataset=DATA.id, needs=(NEEDS,), metrics=("hit@1",),
                main_metric="hit@1", protocol=ProtocolCard.of("acme/swatches", "1.0.0", CARD))
MODEL = BackendSpec(id="acme/mean-colour", target="fashionbench_acme:MeanColour", summary="colour as vector", revision="1",
                    capabilities=NEEDS)
# fmt: on
register_datasets = hookimpl(lambda: [DATA], specname="register_datasets")
register_tasks = hookimpl(lambda: [TASK], specname="register_tasks")
register_backends = hookimpl(lambda: [MODEL], specname="register_backends")


def swatches(spec, roots):
    images = [ImageItem(name, Image.new("RGB", (8, 8), rgb)) for name, rgb in RGB.items()]
    fold = Fold(name="all", queries=images, gallery=[TextItem(n, n) for n in RGB], positives={n: [n] for n in RGB})
    return Retrieval(spec, DataInfo("acme-swatches-1", {"queries": 4, "gallery": 4}), lambda: [fold])


class MeanColour:
    def __init__(self, context):
        self.encode_images = lambda items, role: [item.image.getpixel((0, 0)) for item in items]
        self.encode_texts = lambda items, role: [RGB[item.text] for item in items]
