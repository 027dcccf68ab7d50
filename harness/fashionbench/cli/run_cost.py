"""How long the cells of a dry run and the trainings that they need will take, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fashionbench.runner.driver import Preview


def duration_text(seconds: float) -> str:
    """Write a duration in seconds, from ten minutes on in minutes, and from an hour on in hours."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 600 else f"{seconds:.0f} s"


def cost_text(cells: Iterable[Preview]) -> str:
    """Say what open cells take, with each of their trainings that is not done, once; what never ran is counted."""
    left = [cell for cell in cells if not cell.reused]
    trainings = {name: seconds for cell in left for name, seconds in cell.trainings.items()}
    guesses = [cell.seconds for cell in left]
    known = [seconds for seconds in [*guesses, *trainings.values()] if seconds is not None]
    new = [
        counted(count, what)
        for count, what in ((guesses.count(None), "cell"), (list(trainings.values()).count(None), "training"))
        if count
    ]
    return f"about {duration_text(sum(known))}" + (f", and {' and '.join(new)} never run before" if new else "")
