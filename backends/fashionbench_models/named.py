"""Models of the field as registered backends, from the table ``named.yaml``."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

from fashionbench.specs import BackendSpec, TrainingDataUse
from fashionbench.specs.validation import read_value
from fashionbench_models.families import FAMILIES, option_names
from fashionbench_models.options import ModelOptions

#: What is said of weights whose authors do not name the data.
UNDISCLOSED = TrainingDataUse(dataset="undisclosed", splits=(), disclosed=False)


@cache
def named_models() -> tuple[BackendSpec, ...]:
    """Return one backend for each row of the table; their weights are looked for when a run is planned.

    The table is read once a process: it does not change, and each run asks for it.
    """
    text = files(__package__).joinpath("named.yaml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = read_value(text, "named.yaml")
    return tuple(_backend(**row) for row in rows)


def _backend(
    *,
    id: str,  # noqa: A002 - the name of the column
    hub: str,
    family: str,
    licence: str,
    summary: str,
    options: dict[str, Any] | None = None,
    training: tuple[str, ...] = (),
    references: tuple[str, ...] = (),
) -> BackendSpec:
    known = FAMILIES[family]
    defaults = asdict(ModelOptions()) | (options or {})
    seen = [TrainingDataUse(dataset=name, splits=("train",)) for name in training]
    published = f"; published numbers: {', '.join(references)}" if references else ""
    return BackendSpec(
        id=id,
        summary=f"{summary} ({hub}){published}",
        target=known.target,
        revision="1",
        capabilities=known.capabilities,
        extra=known.extra,
        packages=known.packages,
        licence=licence,
        training_data=tuple(seen) or (UNDISCLOSED,),
        # The names of the table are those of models that nobody tuned or trained further.
        options={name: defaults[name] for name in option_names(known) if name not in {"alpha", "inversion"}},
        models=known.models,
        address=f"hf:{hub}",
        stateless=True,
    )
