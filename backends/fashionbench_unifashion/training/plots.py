"""Plot of a phase's losses and measures over its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: What is no loss and has an axis of its own.
DRIFT = ("cosine", "cka language", "cka diffusion")
_QUIET = frozenset({"step", "lr", "gradient"})


def smooth(values: Sequence[float], window: int) -> list[float]:
    """Average each value with those before it, at most ``window`` of them."""
    return [
        sum(values[max(0, at - window + 1) : at + 1]) / len(values[max(0, at - window + 1) : at + 1])
        for at in range(len(values))
    ]


def draw(title: str, lines: Sequence[dict[str, float]], path: Path) -> Path:
    """Draw losses (left), what was measured on held-out examples (middle) and, where it was, the drift (right)."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    names = list(dict.fromkeys(name for line in lines for name in line if name not in _QUIET))
    groups = [
        ("loss", [name for name in names if not name.startswith("held/") and name not in DRIFT]),
        ("held out", [name for name in names if name.startswith("held/")]),
        ("drift", [name for name in names if name in DRIFT]),
    ]
    shown = [(label, members) for label, members in groups if members]
    figure = Figure(figsize=(5 * len(shown), 3.2))
    # Margins in inches: a layout that is computed takes as long as all the rest.
    width = figure.get_figwidth()
    margins = {"left": 0.6 / width, "right": 1 - 0.15 / width, "bottom": 0.16, "top": 0.91, "wspace": 0.17}
    for axes, (label, members) in zip(
        figure.subplots(1, len(shown), squeeze=False, gridspec_kw=margins)[0], shown, strict=True
    ):
        for name in members:
            points = [(line["step"], line[name]) for line in lines if name in line]
            steps, values = [p[0] for p in points], [p[1] for p in points]
            axes.plot(steps, smooth(values, max(1, len(values) // 50)), label=name.removeprefix("held/"), linewidth=1)
        axes.set_title(f"{title}: {label}", fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=7)
        axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path
