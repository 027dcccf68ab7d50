"""What the parts of gpu_unifashion.py share: the training of a size on a device."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_parts import PartRun

if TYPE_CHECKING:
    from fashionbench_unifashion.training.phases.base import PhaseInputs
    from fashionbench_unifashion.training.trainer import Training

HERE = Path(__file__).parent
NANO = {
    "model": {"preset": "nano", "changes": {}},
    "limit": 24,
    "held_out": 0.2,
    "precision": "bf16",
    "recompute": True,
    "phases": {
        name: {"steps": 7, "batch": 4, "evaluate_every": 1000, "checkpoint_every": 1000}
        for name in ("vae", "1a", "1b-language", "1b-diffusion", "2", "try-on")
    },
}


class Bench(PartRun):
    """What a part is given: beside its time and folder, the data and a training on them."""

    @property
    def twin(self) -> Path | None:
        """The folder of the data; None until a part has made them, beside its own folder."""
        return self.options.twin or next((path for path in self.shared.glob("atelier-*") if path.is_dir()), None)

    def training(self, name: str, device: str = "", **changes: Any) -> Training:
        """Build the model and open the data; ``changes`` are of the recipe."""
        from fashionbench.data.roots import DataRoots
        from fashionbench.plugins.manager import Plugins
        from fashionbench.progress import Silent
        from fashionbench.specs.validation import read_yaml
        from fashionbench.training.contract import TrainingContext
        from fashionbench.training.open_part import open_part
        from fashionbench_unifashion.model.config import overlaid
        from fashionbench_unifashion.training.recipe import load_recipe
        from fashionbench_unifashion.training.trainer import Training

        named = {"atelier": self.twin} if self.twin else {}
        plugins, roots = Plugins(), DataRoots(named=named, cache=self.shared / "surveys")
        fields = NANO if self.size == "nano" else read_yaml(HERE / "gpu_unifashion.yaml")
        recipe = load_recipe("unifashion-nano", overlaid({k: v for k, v in fields.items() if k != "trainer"}, changes))
        context = TrainingContext(
            self.folder / name, lambda task: open_part(task, plugins, roots), device or self.device, Silent(), print
        )
        return Training(recipe, context)


def copied(training: Training, device: str) -> PhaseInputs:
    """Copy the model as it was made, with nothing encoded yet: cheaper than to make it anew."""
    from fashionbench_unifashion.training.feature_cache import ImageFeatureCache
    from fashionbench_unifashion.training.phases.base import PhaseInputs
    from fashionbench_unifashion.training.tryon_batches import TryOnBatches

    model, examples = deepcopy(training.model).to(device), training.examples
    cache = ImageFeatureCache(model, examples.open, keep=True)
    return PhaseInputs(model, examples, cache, TryOnBatches(model, examples), training.recipe.seed)
