"""Options of backends that are composed of several models."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench_models.device_map import NAMED
from fashionbench_models.endpoint.options import EndpointOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Options of an endpoint that a pipeline takes under their own names; what is asked, and how long, it decides itself.
ENDPOINT = tuple(field.name for field in fields(EndpointOptions) if field.name != "prompt")


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineOptions:
    """What every pipeline is made of.

    :param captioner: the folder of an image-text-to-text model; empty for the endpoint.
    :param encoder: the folder of an encoder of images, and where texts are encoded of texts too.
    :param prompt: what the captioner is told; empty for the task's instruction.
    :param max_new_tokens: the longest text that a model writes, in tokens.
    :param dtype: of the weights of folders.
    :param device_map: how modules of the folders' models lie on several devices, by name: ``auto``, ``balanced``,
        ``balanced_low_0`` or ``sequential``; empty for one device. A model that cannot be divided stays on one.
    :param trust_remote_code: run Python code that lies beside the weights. Off unless you say so.
    """

    captioner: str = ""
    encoder: str = ""
    prompt: str = ""
    max_new_tokens: int = 64
    dtype: str = "float32"
    device_map: str = ""
    trust_remote_code: bool = False

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return all options with their defaults, those of the endpoint among them."""
        own = {field.name: field.default for field in fields(cls)}
        return own | {f.name: f.default for f in fields(EndpointOptions) if f.name in ENDPOINT}

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Take the options of the pipeline from those of a configuration.

        :raises UnknownNameError: on a name that is no option.
        :raises ConfigError: on places by module, of which each model has others.
        """
        known = cls.defaults()
        for name in given:
            if name not in known:
                raise UnknownNameError("option", name, known)
        if given.get("device_map", "") not in ("", *NAMED):
            msg = f"the option device_map of a pipeline is {given['device_map']!r}"
            raise ConfigError(msg, remedy=f"its models differ in their modules; it is one of {', '.join(NAMED)}")
        return cls(**{name: value for name, value in given.items() if name not in ENDPOINT})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalAugmentedOptions(PipelineOptions):
    """Options of a captioner that is shown captions of similar photos.

    :param examples: how many captions it is shown.
    :param template: what it is told, with ``{examples}``, a line each, and ``{instruction}``.
    """

    examples: int = 4
    template: str = "Captions of similar products:\n{examples}\n{instruction} Write it in the style of these captions."

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ConfigError(f"the option examples is {self.examples}", remedy="show one caption or more")
        _require_fields("template", self.template, ("examples", "instruction"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeOptions(PipelineOptions):
    """Options of caption-then-compose.

    :param prompt: what the captioner is told of the reference image.
    :param language_model: the folder of a causal language model; empty for the endpoint.
    :param caption_model: the endpoint's model that captions, where it is another than that of the option ``model``.
    :param template: what the language model is told, with ``{caption}`` and ``{text}``.
    :param prefix: put before what it wrote, for the text encoder.
    """

    prompt: str = "Describe the product in the photo in one sentence."
    language_model: str = ""
    caption_model: str = ""
    template: str = (
        "A photo shows: {caption}\nA customer wants this instead: {text}\n"
        "Describe in one short sentence the photo that the customer wants. Answer with the description alone."
    )
    prefix: str = ""

    def __post_init__(self) -> None:
        _require_fields("template", self.template, ("caption", "text"))


def _require_fields(option: str, template: str, names: tuple[str, ...]) -> None:
    lacking = [f"{{{name}}}" for name in names if f"{{{name}}}" not in template]
    if lacking:
        raise ConfigError(f"the option {option} has no {' and no '.join(lacking)}", remedy="write where it goes")


def filled(template: str, **values: str) -> str:
    """Put values in their places in one pass: what looks like a place within a value stays as it is."""
    import re  # noqa: PLC0415

    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)
