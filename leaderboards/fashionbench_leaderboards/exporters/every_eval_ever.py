"""Every Eval Ever, schema 0.3.0: one file a record, with intervals, directions, and the hashes of what was measured."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from fashionbench.canonical import canonical_json, digest
from fashionbench.errors import ConfigError
from fashionbench.files import slug
from fashionbench.specs import Export

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.records.schema import MetricPart, Record

SCHEMA_VERSION: Final = "0.3.0"
_RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")


def export(records: Sequence[Record], options: Mapping[str, str]) -> Export:
    """Write ``data/<task>/<backend>/<uuid>.json`` for each record that has values.

    :raises ConfigError: where the relationship is none that the schema knows.
    """
    if options.get("relationship", "other") not in _RELATIONSHIPS:
        raise ConfigError(
            f"the relationship is {options['relationship']!r}", remedy=f"one of {', '.join(_RELATIONSHIPS)}"
        )
    files: dict[str, str] = {}
    left_out: list[str] = []
    for record in sorted(records, key=lambda r: r.record_id):
        name = f"{record.task.id} × {record.backend.id}"
        if not record.metrics:
            reason = record.error.message if record.error else "it has no values"
            left_out.append(f"{name}: {reason}")
            continue
        left_out += [f"{name}, {absent.id}: absent: {absent.reason}" for absent in record.absent]
        path = f"data/{slug(record.task.id)}/{slug(record.backend.id)}/{_uuid(record)}.json"
        files[path] = json.dumps(_evaluation(record, options), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return Export(files, tuple(left_out))


def _evaluation(record: Record, options: Mapping[str, str]) -> dict[str, Any]:
    ended = str(datetime.fromisoformat(record.provenance.ended).timestamp())
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{record.task.id}/{record.backend.id}/{ended}-{_uuid(record)}",
        "evaluation_timestamp": ended,
        # Of the record, not of this file: another export of it is the same evaluation.
        "retrieved_timestamp": ended,
        "source_metadata": {
            "source_name": "FashionBench",
            "source_type": "documentation" if record.attestation == "paper-reported" else "evaluation_run",
            "source_organization_name": options.get("organization", "unknown"),
            "evaluator_relationship": options.get("relationship", "other"),
            "additional_details": _details(
                record_id=record.record_id,
                attestation=record.attestation,
                status=record.status,
                cell=record.cell,
                supersedes=record.supersedes,
            ),
        },
        "eval_library": {"name": "fashionbench", "version": record.provenance.packages.get("fashionbench", "unknown")},
        "model_info": _model(record),
        "evaluation_results": [_result(record, part) for part in record.metrics],
    }


def _model(record: Record) -> dict[str, Any]:
    backend = record.backend
    return {
        "name": backend.id,
        "id": backend.id,
        "additional_details": _details(
            deployment_type="self_deployed" if record.attestation == "measured" else "unknown",
            model_availability="unknown",
            revision=backend.revision,
            source=backend.source,
            provider=backend.provider,
            options=canonical_json(backend.options),
            options_hash=backend.config_hash,
            weights_hash=backend.weights_hash,
            parameters=backend.parameters,
            control=backend.control,
            privileged=backend.privileged,
            training=canonical_json(record.training.model_dump(mode="json")) if record.training else None,
            training_data=canonical_json([part.model_dump(mode="json") for part in backend.training_data]),
        ),
    }


def _result(record: Record, part: MetricPart) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {"num_samples": part.n}
    if part.interval is not None:
        low, high = part.interval
        uncertainty["confidence_interval"] = {
            "lower": low, "upper": high, "confidence_level": 0.95, "method": part.interval_method,
        }  # fmt: skip
    if part.standard_error is not None:
        uncertainty["standard_error"] = {"value": part.standard_error, "method": part.interval_method}
    data = record.dataset
    return {
        "evaluation_result_id": digest([record.record_id, part.id, part.slice]),
        "evaluation_name": record.task.id + ("" if part.slice == "all" else f" [{part.slice}]"),
        "source_data": {
            "dataset_name": data.id if data else "unknown",
            "source_type": "other",
            "additional_details": _details(
                revision=data and data.revision,
                fingerprint=data and data.fingerprint,
                synthetic=data and data.synthetic,
                licence=data and data.licence.id,
                licence_source=data and data.licence.source,
                sizes=data and canonical_json(data.sizes),
                missing=data and len(data.missing),
            ),
        },
        "metric_config": {
            "metric_id": f"fashionbench.{part.id}",
            "metric_name": part.id,
            "metric_unit": "proportion" if part.unit == "fraction" else part.unit,
            "lower_is_better": not part.higher_is_better,
            "score_type": "continuous",
            # No metric states its bounds, and null says so.
            "min_score": None,
            "max_score": None,
            "additional_details": _details(
                implementation=part.implementation,
                weights=part.weights,
                biased_below=part.biased_below or None,
                protocol=record.protocol.hash,
                protocol_card=canonical_json(record.protocol.card),
            ),
        },
        "score_details": {
            "score": part.value,
            "details": _details(
                slice=part.slice,
                bound=part.bound,
                no_interval=part.interval_method if part.interval is None else None,
                seed=record.decoding.seed,
                limit=record.decoding.limit,
                embedding_dtype=record.decoding.embeddings and record.decoding.embeddings.dtype,
                predictions=record.predictions and record.predictions.sha256,
            ),
            "uncertainty": uncertainty,
        },
    }


def _details(**facts: object) -> dict[str, str]:
    """Write facts as the texts that the schema asks for; what is not known is left out."""
    said = {
        name: str(fact).lower() if isinstance(fact, bool) else str(fact)
        for name, fact in facts.items()
        if fact is not None
    }
    return {name: text for name, text in said.items() if text}


def _uuid(record: Record) -> UUID:
    """Derive the id of a file from its record, in the form of a random UUID, which the schema asks for."""
    return UUID(bytes=bytes.fromhex(record.record_id.removeprefix("sha256:"))[:16], version=4)
