"""The checks, by name: each takes a backend and one of its capabilities, and raises where the backend fails."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.conformance.inputs import example, examples, extreme_images, extreme_texts, ordinary_items, renamed
from fashionbench.conformance.subject import Subject, require_equal
from fashionbench.errors import BackendError
from fashionbench.specs.capabilities import GENERATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from fashionbench.specs import BackendSpec
    from fashionbench.specs.capabilities import Capability


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    :param applies: to which backends and capabilities.
    """

    name: str
    run: Callable[[Subject, Capability], None]
    applies: Callable[[BackendSpec, Capability], bool] = lambda _spec, _capability: True


def _same_twice(subject: Subject, capability: Capability) -> None:
    """Compare two fresh objects with one seed."""
    items = ordinary_items(capability)
    again = subject.answers(capability, items, fresh=True)
    require_equal(subject.ordinary_answers(capability), again, items, "the second time")


def _any_batch_size(subject: Subject, capability: Capability) -> None:
    """Compare with other batch sizes: the neighbours in a batch change no answer."""
    items = ordinary_items(capability)
    whole = subject.ordinary_answers(capability)
    for size in (1, 3):
        others = subject.answers(capability, items, batch_size=size, fresh=size == 1)
        require_equal(whole, others, items, f"in batches of {size}")


def _any_order(subject: Subject, capability: Capability) -> None:
    """Compare with the other order of the items."""
    items = ordinary_items(capability)
    turned = subject.answers(capability, items[::-1], fresh=True)[::-1]
    require_equal(subject.ordinary_answers(capability), turned, items, "in the other order")


def _ids_unread(subject: Subject, capability: Capability) -> None:
    """Compare with the same contents under other ids, which carry no meaning to a contender."""
    items = ordinary_items(capability)
    others = subject.answers(capability, renamed(items))
    require_equal(subject.ordinary_answers(capability), others, items, "under another id")


def _contents_matter(subject: Subject, capability: Capability) -> None:
    """Refuse one and the same answer to items that differ."""
    answers = subject.ordinary_answers(capability)
    first = answers[0]
    if all(np.array_equal(np.asarray(first), np.asarray(other)) for other in answers[1:]):
        msg = f"{len(answers)} different items have one and the same answer"
        raise BackendError(msg, remedy="see that weights are loaded, and that the input reaches the network")


def _extreme_images(subject: Subject, capability: Capability) -> None:
    """Ask with images of one pixel, of one row, and of several megapixels, together and each alone."""
    rng = np.random.default_rng(7)
    rows = [example(f"of {one.id}", one.image, "a red dress", rng) for one in extreme_images()]
    items = [row.item(capability) for row in rows]
    alone = subject.answers(capability, items, batch_size=1, fresh=True)
    require_equal(subject.answers(capability, items), alone, items, "alone")


def _extreme_texts(subject: Subject, capability: Capability) -> None:
    """Ask with empty, blank, long and right-to-left texts, emoji and control characters, together and each alone."""
    rng = np.random.default_rng(8)
    image = examples()[0].image.image
    rows = [example(f"of {one.id}", image, one.text, rng) for one in extreme_texts()]
    items = [row.item(capability) for row in rows]
    with warnings.catch_warnings():
        # Where warnings are errors, a backend must still be free to say that it cuts a text.
        warnings.simplefilter("ignore", UserWarning)
        together = subject.answers(capability, items)
        alone = subject.answers(capability, items, batch_size=1, fresh=True)
    require_equal(together, alone, items, "alone")


_SEES_TEXT = frozenset({"encode-text", "encode-composed", "score-pairs", "design", "style-transfer"})


def _contender(spec: BackendSpec, _: Capability) -> bool:
    return not spec.control


CHECKS: tuple[Check, ...] = (
    Check("same-twice", _same_twice),
    Check("any-batch-size", _any_batch_size),
    Check("any-order", _any_order),
    # What draws noise draws it by the id of its item.
    Check("ids-unread", _ids_unread, lambda s, c: c not in GENERATES and _contender(s, c)),
    Check("contents-matter", _contents_matter, _contender),
    Check("extreme-images", _extreme_images, lambda s, c: c != "encode-text" and _contender(s, c)),
    Check("extreme-texts", _extreme_texts, lambda s, c: c in _SEES_TEXT and _contender(s, c)),
)
