"""Options of models that are named by a folder or a hub id."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench_models.device_map import check_places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench_models.device_map import Places

DTYPES = ("float32", "bfloat16", "float16")
POOLINGS = ("", "last", "mean")
COMPOSITIONS = ("sum", "image", "text", "inversion")
REGIONS = ("image", "box")
#: The weight of the text in a sum that nobody tuned.
ALPHA = 0.5


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How a model is loaded and asked.

    :param model: the folder of its weights; found by the address, and part of the identity by its content.
    :param revision: a branch, tag or commit in the cache of huggingface_hub; empty for what ``main`` was last.
    :param dtype: of weights and activations: ``float32``, ``bfloat16`` or ``float16``.
    :param device: a torch device for this model alone; empty for that of the run.
    :param device_map: which module lies on which device, for a model that one device cannot hold: ``auto``,
        ``balanced``, ``balanced_low_0`` or ``sequential`` of accelerate, or a mapping from names of modules to devices;
        empty for one device.
    :param max_memory: the most that such a name puts on a device: a mapping from devices to bytes or texts such as
        ``20GiB``; empty for what is free.
    :param tensor_parallel: among how many processes, each with a device, the layers of a language model are divided.
    :param batch_size: the most items that the network is given at once; 0 for as many as the run hands over,
        and on a CPU for eight images.
    :param trust_remote_code: run Python code that lies beside the weights. Off unless you say so.
    :param prefix: put before each text, such as ``a photo of a``.
    :param rerank: how many of the best candidates of a query are ordered anew by image-text matching; 0 for none.
    :param composition: what a composed query is to two towers: the ``sum`` of the features of image and text, or
        ``image`` or ``text`` alone, or the ``inversion`` of the image to a word of the text.
    :param inversion: the folder that ``fashionbench train textual-inversion`` wrote, for that composition.
    :param region: what of the reference two towers are shown: the whole ``image``, or what lies in the ``box`` where a
        query has one.
    :param alpha: the weight of the text in the sum; another than 0.5 is part of the model's name.
    :param pooling: of a language model that embeds, ``last`` or ``mean`` over the tokens; empty where it does not.
    :param instruction: what a language model that embeds is told before each item.
    :param prompt: what a captioner is told; empty for the task's instruction, or for none where the model takes none.
        What an inpainting pipeline is told of a try-on; empty for no words.
    :param max_new_tokens: the longest caption, in tokens.
    :param negative_prompt: what an inpainting pipeline is told to keep away from.
    :param steps: of its sampling.
    :param guidance: its classifier-free guidance; 1 for none.
    :param size: the longer side, in pixels, at which it paints; 0 for that of the photo.
    :param adapter: the folder of an IP-Adapter that is shown the garment, with its ``image_encoder``.
    :param adapter_file: the file of its weights; empty for the only one in the folder.
    :param attention: weights of self-attention that was trained on garments beside persons; a file or a folder.
    :param adapter_scale: how much the adapter counts beside the words.
    """

    model: str = ""
    revision: str = ""
    dtype: str = "float32"
    device: str = ""
    device_map: Places = ""
    max_memory: Places = ""
    tensor_parallel: int = 1
    batch_size: int = 0
    trust_remote_code: bool = False
    prefix: str = ""
    rerank: int = 0
    composition: str = "sum"
    region: str = "image"
    alpha: float = ALPHA
    inversion: str = ""
    pooling: str = ""
    instruction: str = ""
    prompt: str = ""
    max_new_tokens: int = 64
    negative_prompt: str = ""
    steps: int = 30
    guidance: float = 7.5
    size: int = 0
    adapter: str = ""
    adapter_file: str = ""
    adapter_scale: float = 1.0
    attention: str = ""

    def __post_init__(self) -> None:
        choices = (("dtype", DTYPES), ("pooling", POOLINGS), ("composition", COMPOSITIONS), ("region", REGIONS))
        for name, known in choices:
            if getattr(self, name) not in known:
                listed = ", ".join(value for value in known if value)
                raise ConfigError(f"the option {name} is {getattr(self, name)!r}", remedy=f"it is one of {listed}")
        if not 0 < self.alpha < 1:
            remedy = "give a number between 0 and 1; for one side alone, composition=image or composition=text"
            raise ConfigError(f"the option alpha is {self.alpha}", remedy=remedy)
        if self.alpha != ALPHA and self.composition != "sum":
            raise ConfigError(f"composition={self.composition} has no alpha", remedy="leave alpha out")
        if bool(self.inversion) != (self.composition == "inversion"):
            remedy = "say composition=inversion and inversion=FOLDER, or neither"
            raise ConfigError(f"composition={self.composition} with inversion={self.inversion!r}", remedy=remedy)
        if self.batch_size < 0 or self.max_new_tokens < 1:
            raise ConfigError("batch_size is less than 0, or max_new_tokens less than 1", remedy="give a larger number")
        if self.steps < 1 or min(self.size, self.guidance, self.adapter_scale) < 0:
            msg = "steps is less than 1, or size, guidance or adapter_scale less than 0"
            raise ConfigError(msg, remedy="give a larger number")
        check_places(self.device_map, self.max_memory, self.device)
        if self.tensor_parallel < 1:
            raise ConfigError(
                f"the option tensor_parallel is {self.tensor_parallel}", remedy="give 1 or more processes"
            )
        if self.tensor_parallel > 1 and (self.device_map or self.device):
            msg = "tensor_parallel has its own devices, and device_map or device names others"
            raise ConfigError(msg, remedy="leave one of them out")


#: Options of every model.
COMMON = ("model", "revision", "dtype", "device", "batch_size", "trust_remote_code")
#: Options of models whose modules may lie on several devices.
PLACED = ("device_map", "max_memory")


def read_options(given: Mapping[str, Any]) -> ModelOptions:
    """Fill the options from those of a configuration; what is not given keeps its default.

    :raises UnknownNameError: on a name that is no option.
    :raises ConfigError: on a value of another type, or out of its range.
    """
    defaults: dict[str, Any] = {field.name: field.default for field in fields(ModelOptions)}
    for name, value in given.items():
        if name not in defaults:
            raise UnknownNameError("option", name, defaults)
        if type(defaults[name]) is float and type(value) is int:
            continue
        if name in PLACED and isinstance(value, dict):
            continue
        if type(value) is not type(defaults[name]):
            wanted = type(defaults[name]).__name__
            raise ConfigError(f"the option {name} is {value!r}", remedy=f"give a value of the type {wanted}")
    values: dict[str, Any] = {n: float(v) if type(defaults[n]) is float else v for n, v in given.items()}
    return ModelOptions(**values)
