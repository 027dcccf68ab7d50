"""Read records of older schema versions.

Version 1 was the draft: it said ``model`` for the backend, ``ci95`` and ``ci_method`` for the interval, counted missing
files without naming them, and had no cell id. Version 2 said the git state of the folder where the run was started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.errors import StoreError
from fashionbench.records.schema import SCHEMA_VERSION, Record, content_id

if TYPE_CHECKING:
    from collections.abc import Callable


def load(fields: dict[str, Any]) -> Record:
    """Check the id of a record, bring it to the current schema, and validate it.

    A record of an older schema keeps the id that it was published under.

    :raises StoreError: where the content does not match the id, or the version is unknown.
    :raises pydantic.ValidationError: where the fields are not those of a record.
    """
    claimed = fields.get("record_id")
    if claimed != content_id(fields):
        msg = "the content does not match the record id: it was altered or damaged"
        raise StoreError(msg, remedy="restore the file from its source, or delete it and run the cell again")
    version = fields.get("schema_version")
    while version != SCHEMA_VERSION:
        if version not in _STEPS:
            msg = f"the record has schema version {version!r}; this release reads up to {SCHEMA_VERSION}"
            raise StoreError(msg, remedy="install a newer fashionbench")
        fields = _STEPS[version](fields)
        version = fields["schema_version"]
    return Record.model_validate({**fields, "record_id": claimed})


def _from_1(old: dict[str, Any]) -> dict[str, Any]:
    new = {name: value for name, value in old.items() if name != "model"}
    new["schema_version"] = 2
    new["backend"] = old["model"]
    new["cell"] = ""
    if old["dataset"] is not None:
        count = old["dataset"]["missing"]
        new["dataset"] = {**old["dataset"], "missing": [f"unnamed-{i}" for i in range(count)]}
    new["metrics"] = [_metric_from_1(metric) for metric in old["metrics"]]
    return new


def _metric_from_1(old: dict[str, Any]) -> dict[str, Any]:
    new = {name: value for name, value in old.items() if name not in {"ci95", "ci_method"}}
    return {**new, "interval": old.get("ci95"), "interval_method": old.get("ci_method", "")}


def _from_2(old: dict[str, Any]) -> dict[str, Any]:
    provenance = {name: value for name, value in old["provenance"].items() if name != "git"}
    provenance["code"] = [{"package": "fashionbench", "git": old["provenance"]["git"]}]
    # What a training part of version 2 said was never written.
    return {**{k: v for k, v in old.items() if k != "training"}, "schema_version": 3, "provenance": provenance}


_STEPS: dict[Any, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1, 2: _from_2}
