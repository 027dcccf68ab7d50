"""Measurements that look inside a UniFashion model, by what they are called in progress and failures."""

from __future__ import annotations

from types import MappingProxyType

from fashionbench_unifashion.diagnosis.adapters import measure_adapters
from fashionbench_unifashion.diagnosis.alignments import measure_alignments
from fashionbench_unifashion.diagnosis.condition import measure_condition
from fashionbench_unifashion.diagnosis.matching_loss import measure_matching_loss
from fashionbench_unifashion.diagnosis.plain_text import measure_plain_text
from fashionbench_unifashion.diagnosis.queries import measure_queries

PROBES = MappingProxyType(
    {
        "queries": measure_queries,
        "loss of matching": measure_matching_loss,
        "adapters": measure_adapters,
        "alignments": measure_alignments,
        "plain text": measure_plain_text,
        "condition": measure_condition,
    }
)
