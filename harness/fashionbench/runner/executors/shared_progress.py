"""The progress of several workers as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fashionbench.progress import Reporter


class SharedProgress:
    """Shows the work of all workers as one part, and passes on what they note.

    :param workers: how many there are.
    """

    def __init__(self, reporter: Reporter, workers: int) -> None:
        self._reporter = reporter
        self._name = f"{workers} workers"
        self._left: dict[int, dict[str, int]] = {}
        self.go_on()

    def note(self, text: str) -> None:
        """Pass a line on."""
        self._reporter.note(text)

    def show(self, number: int, said: list[Any]) -> None:
        """Take what a worker reports, as the name of a method of a reporter and its arguments."""
        left = self._left.setdefault(number, {})
        match said:
            case ["begin", _, items]:
                self._drop(number)
                if items:
                    self._left[number] = {"": items}
                    self._reporter.expect_work("", items)
            case ["expect_work", str() as kind, int() as count]:
                left[kind] = left.get(kind, 0) + count
                self._reporter.expect_work(kind, count)
            case ["advance", int() as count, str() as kind]:
                left[kind] = max(0, left.get(kind, 0) - count)
                self._reporter.advance(count, kind)
            case ["note", text]:
                self.note(str(text))

    def over(self, number: int) -> None:
        """Forget what a worker had announced."""
        self._drop(number)

    def go_on(self) -> None:
        """Begin the part again, with what is left, after the line on a cell that is over."""
        self._reporter.begin(self._name)
        for left in self._left.values():
            for kind, count in left.items():
                if count:
                    self._reporter.expect_work(kind, count)

    def _drop(self, number: int) -> None:
        self._left.pop(number, None)
