"""How many features metrics of images will ask for."""

from __future__ import annotations

from fashionbench.plugins.manager import Plugins
from fashionbench.runner.workload import image_counts


def counted(*names, loaded=True):
    metrics = Plugins(strict=True).metrics
    return image_counts([metrics[name] for name in names], lambda _name: loaded, generated=10, real=4)


def test_features_are_counted_once_for_each_extractor_and_what_it_looks_at():
    assert counted("kd-efficientnet-lite0", "fd-efficientnet-lite0") == {"features": 14}
    assert counted("garment-consistency-efficientnet-lite0") == {"features": 20}  # photos and regions
    assert counted("kd-efficientnet-lite0", "garment-consistency-efficientnet-lite0") == {"features": 34}
    assert counted("clip-s") == {"features": 10}
    assert counted("clip-s", "cmmd-clip-vit-base-patch32", "fid") == {"features": 28}
    assert counted("fid", "ssim", loaded=False) == {"comparison": 10}
