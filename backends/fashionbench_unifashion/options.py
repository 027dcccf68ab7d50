"""Options of the UniFashion backend, with their defaults and checks; read without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench.files import expanded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Use = Literal["full", "without-captions", "without-images"]
ComposedSides = Literal["both", "image", "text"]
#: Sources of captions of a gallery, beside files.
CAPTION_SOURCES = ("image-only", "none")


@dataclass(frozen=True, slots=True)
class UniFashionOptions:
    """Options of a UniFashion backend.

    :param model: the folder of the model.
    :param use: ``without-captions`` (Table 4, "w/o cap") or ``without-images`` ("w/o img") leaves a part of a
        candidate's score out.
    :param composed: what of a composed query is asked with.
    :param caption_source: where captions of a gallery come from: ``image-only`` (the model writes them, and sees
        nothing but the image), ``none``, or a JSON file, or a folder of such, with a caption for each image.
    :param caption_instruction: what captions of a gallery are asked with; empty for that of the training captions.
    :param rerank: how many of the best candidates of a query, at most 50, image-text matching orders anew; 0 for
        none. A row is named with it.
    :param steps: of the sampler; 0 for the model's own number.
    :param guidance: of the sampler; 0 for the model's own scale.
    :param repaint: whether the person is put back outside the agnostic mask.
    :raises ConfigError: on a value of another type or out of range.
    :raises UnknownNameError: on a word that is none of those that a field takes.
    """

    model: str = ""
    use: Use = "full"
    composed: ComposedSides = "both"
    caption_source: str = "image-only"
    caption_instruction: str = ""
    rerank: int = 0
    steps: int = 0
    guidance: float = 0.0
    repaint: bool = False

    def __post_init__(self) -> None:
        """Check all fields."""
        for field in fields(self):
            kind, value = type(field.default), getattr(self, field.name)
            accepted, said = _ACCEPTED[kind]
            # True is a whole number to Python.
            if not isinstance(value, accepted) or isinstance(value, bool) != (kind is bool):
                raise ConfigError(f"the option {field.name} is {value!r}", remedy=f"give it {said}")
        for name, known in (("use", get_args(Use)), ("composed", get_args(ComposedSides))):
            if getattr(self, name) not in known:
                raise UnknownNameError(name, getattr(self, name), known)
        for name in ("rerank", "steps", "guidance"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"the option {name} is {getattr(self, name)}", remedy="give it 0 or more")
        if self.use != "full" and self.composed != "both":
            raise ConfigError("give one of use and composed, not both", remedy="leave one at its default")
        if self.caption_source not in CAPTION_SOURCES and not expanded(self.caption_source).exists():
            raise UnknownNameError(
                "caption_source", self.caption_source, CAPTION_SOURCES, where=", which is no file or folder either"
            )
        if self.use == "without-images" and self.caption_source == "none":
            raise ConfigError(
                "without images and captions nothing is left of a candidate", remedy="give one of the two"
            )

    @property
    def caption_files(self) -> Path | None:
        """The file or folder that captions of a gallery are read from; None where there is none."""
        return None if self.caption_source in CAPTION_SOURCES else expanded(self.caption_source)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read what a configuration gives; the rest keeps its defaults.

        :raises UnknownNameError: on a name that is no option.
        """
        for name in given.keys() - DEFAULTS.keys():
            raise UnknownNameError("option", name, tuple(DEFAULTS))
        return cls(**given)


#: What a field of a type takes, and how that is called.
_ACCEPTED: dict[type, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
}

#: The options by name, with their defaults.
DEFAULTS: Mapping[str, object] = MappingProxyType(asdict(UniFashionOptions()))
