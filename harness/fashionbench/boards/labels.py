"""Names of rows: short ones by what tells a row from others, and what those leave out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fashionbench.boards.selection import configuration_of, trained_with_its_seed
from fashionbench.canonical import short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.records.schema import Record

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
#: How many digits of a hash a label has.
_DIGITS = 8


def row_label(record: Record, records: Sequence[Record]) -> str:
    """Name a row by its backend, the options in which rows of it differ, and a run's limit or rounding of embeddings.

    A model that was trained on demand goes by the name of its trainer and by what was changed of the trainer's
    configuration; by its hash only where that does not tell it from another one.
    """
    own, row = record.backend.options, configuration_of(record)
    same = [other for other in records if other.backend.id == record.backend.id]
    same = [o for o in same if o is record or not trained_with_its_seed(o) or configuration_of(o) != row]
    said: list[str] = []
    for name in sorted(own):
        if all(name in other.backend.options and _told(other, name) == _told(record, name) for other in same):
            continue
        training = _training(own[name])
        said += [f"{name}={_brief(own[name])}"] if not training else _training_words(name, record, same)
    others = {other.backend.revision for other in same if other.task.id == record.task.id}
    if record.attestation == "imported" and len(others) > 1:
        said.append(f"file {short(record.backend.revision, _DIGITS)}")
    if record.decoding.limit is not None:
        said.append(f"limit={record.decoding.limit}")
    if record.decoding.embeddings is not None:
        said.append(f"embedding_dtype={record.decoding.embedding_dtype}")
    return record.backend.id + (f" ({', '.join(said)})" if said else "")


def row_title(record: Record) -> str:
    """Say all options of a row, with hashes in full."""
    options = record.backend.options
    lines = [f"{record.backend.id}, revision {record.backend.revision}"]
    return "\n".join([*lines, *(f"{name} = {options[name]}" for name in sorted(options))])


def _told(record: Record, name: str) -> object:
    """Return what tells an option of one row from that of another: of a training that follows the seed, all but it."""
    value, training = record.backend.options[name], record.training
    if training is not None and _training(value) and trained_with_its_seed(record):
        return training.apart_from_seed
    return value


def _training_words(name: str, record: Record, same: Sequence[Record]) -> list[str]:
    """Name a trained model by its trainer, what was changed of its configuration, and its hash where that is equal."""
    trainer, training = _training(record.backend.options[name])
    own = _changed(record)
    others = [o for o in same if _training(o.backend.options.get(name)) and _told(o, name) != _told(record, name)]
    configurations = [_changed(other) for other in others]
    differing = sorted(
        key for key in own if any(key not in other or other[key] != own[key] for other in configurations)
    )
    words = [trainer, *(f"{key}={own[key]}" for key in differing)]
    alike = any(
        other == own and _training(o.backend.options.get(name))[0] == trainer
        for o, other in zip(others, configurations, strict=True)
    )
    return [*words, f"training {short(training, _DIGITS)}"] if alike else words


def _training(value: object) -> tuple[str, ...]:
    """Return trainer and hash of an option that is a model trained on demand; nothing for any other."""
    if isinstance(value, dict) and value.keys() == {"trainer", "training"}:
        return str(value["trainer"]), str(value["training"])
    return ()


def _changed(record: Record) -> dict[str, str]:
    """Return what was changed of a trainer's configuration, by dotted name, without a seed that is the cell's."""
    if record.training is None:
        return {}
    changed = dict(_leaves(record.training.config))
    if trained_with_its_seed(record):
        changed.pop("seed", None)
    return changed


def _leaves(config: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in config.items():
        nested = isinstance(value, dict) and bool(value)
        found += (
            _leaves(value, f"{before}{name}.")
            if nested
            else [(f"{before}{name}", "off" if value is None else str(value))]
        )
    return found


def _brief(value: object) -> str:
    """Cut hashes short; a folder or a file goes by that of its content."""
    if isinstance(value, dict) and value.keys() == {"content"}:
        value = value["content"]
    return _DIGEST.sub(lambda digest: short(digest.group(), _DIGITS), str(value))
