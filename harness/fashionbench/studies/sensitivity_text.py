"""A sensitivity as Markdown or JSON, and its numbers as people read them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from fashionbench.boards.text import figure
from fashionbench.errors import counted, first_names
from fashionbench.studies.comparison_text import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.studies.sensitivity import Measured, Sensitivity, System, Variant


def heads(found: Sensitivity) -> list[str]:
    """Return the heads of the table: the variant, a column a system, and what moves."""
    return ["measured as", *(_head(system) for system in found.systems), "largest change", "order"]


def _head(system: System) -> str:
    return f"{system.label} (control)" if system.control else system.label


def rows(found: Sensitivity) -> list[list[str]]:
    """Return one row a variant."""
    return [
        [variant.label, *(cell(value, found) for value in variant.values), *_moves(found, variant)]
        for variant in found.variants
    ]


def cell(value: Measured, found: Sensitivity) -> str:
    """Write a value, or a dash."""
    return "–" if value.value is None else figure(value.value, found.unit)


def lines(found: Sensitivity) -> list[str]:
    """Say what each variant changes in the protocol, which pairs change places, and why values are missing."""
    said: list[str] = []
    for variant in found.variants[1:]:
        differs = "; ".join(f"{name}: {here!r} instead of {there!r}" for name, (here, there) in variant.differs.items())
        said.append(f"{variant.label}: {differs}")
        said += [
            f"{variant.label}: {worse} passes {better}" for better, worse in found.movement(variant).reversed_pairs
        ]
    for variant in found.variants:
        lacking: dict[str, list[str]] = {}
        for system, value in zip(found.systems, variant.values, strict=True):
            if value.reason:
                lacking.setdefault(value.reason, []).append(system.label)
        said += [f"{variant.label}: no value of {', '.join(own)}: {reason}" for reason, own in lacking.items()]
    return said


def headline(found: Sensitivity) -> str:
    """Say how far values and order move at most, over which systems; controls are told apart."""
    moves = [(found.movement(variant), variant.label) for variant in found.variants[1:]]
    known = [(move.largest, move.of, label) for move, label in moves if move.largest is not None]
    controls = [
        (move.largest_of_controls, move.control, label) for move, label in moves if move.largest_of_controls is not None
    ]
    what = f"{found.metric} of {found.task}"
    apart = f"; controls, which take no part in this, move by up to {_most(controls, found)}" if controls else ""
    if not known:
        return f"{what}: nothing to compare{apart}"
    orders = [f"{label} ({len(m.reversed_pairs)} of {m.pairs} pairs)" for m, label in moves if m.reversed_pairs]
    if not any(move.pairs for move, _ in moves):
        order = "there are no two systems to order"
    else:
        order = f"the order changes under {first_names(orders)}" if orders else "the order of systems does not change"
    over = counted(max(move.systems for move, _ in moves), "system")
    kind = " that is no control" if over == "1 system" else " that are no controls"
    said = f"{over}{kind if any(system.control for system in found.systems) else ''}"
    return f"{what} moves by up to {_most(known, found)} over {said}; {order}{apart}"


def _most(moves: Sequence[tuple[float, str, str]], found: Sensitivity) -> str:
    """Write the greatest of some changes, with the system and the variant that it is of."""
    largest, system, label = max(moves, key=lambda row: abs(row[0]))
    return f"{_signed(largest, found)} ({system}, {label})"


def markdown(found: Sensitivity) -> str:
    """Write a table and what belongs to it."""
    top = heads(found)
    table = ["| " + " | ".join(map(escaped, top)) + " |", "| --- |" + " ---: |" * (len(top) - 1)]
    table += ["| " + " | ".join(map(escaped, row)) + " |" for row in rows(found)]
    return (
        "\n".join([f"**{escaped(headline(found))}**", "", *table, "", *(f"- {escaped(x)}" for x in lines(found))])
        + "\n"
    )


def as_json(found: Sensitivity) -> str:
    """Write everything at full precision."""
    whole = {
        **asdict(found),
        "variants": [{**asdict(v), "movement": asdict(found.movement(v))} for v in found.variants],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _moves(found: Sensitivity, variant: Variant) -> tuple[str, str]:
    if variant is found.variants[0]:
        return "", ""
    move = found.movement(variant)
    largest = "–" if move.largest is None else _signed(move.largest, found)
    return largest, f"{len(move.reversed_pairs)} of {counted(move.pairs, 'pair')} reversed" if move.pairs else "–"


def _signed(value: float, found: Sensitivity) -> str:
    if value == 0:
        return "0"
    return ("+" if value > 0 else "−") + figure(abs(value), found.unit)
