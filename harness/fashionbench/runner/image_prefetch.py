"""Image files of a batch decoded side by side, and those of the next batch while a model works on this one.

Decoders let go of the interpreter lock. No more is in memory than the batch that is worked on and the one after it.
What comes out is what reading one after the other gives, errors included.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

from fashionbench.cores import threads_to_use
from fashionbench.data.lazy_items import ComposedFile, ImageFile, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.items import Item
    from fashionbench.data.lazy_items import Source

#: Threads at most: a model beside them needs cores too.
_MOST = 8


class ImagePrefetch:
    """Opens the items of batches; those that are image files in threads.

    Other items are opened one after the other: nobody knows what those of plugins do side by side.
    """

    def __init__(self) -> None:
        self._ahead: dict[int, Future[Item]] = {}

    def open(self, batch: Sequence[Source], following: Sequence[Source] = ()) -> list[Item]:
        """Return the items of a batch, and begin with those of the batch that probably follows.

        :param following: the sources of that batch, the same objects that will be handed over then; empty for none.
        :raises DataError: of the first item that cannot be read.
        """
        asked = [self._ahead.pop(id(source), None) or _begun(source) for source in batch]
        for stale in self._ahead.values():  # of a batch that was in the cache after all, or was made smaller
            stale.cancel()
        self._ahead = {id(source): begun for source in following if (begun := _begun(source)) is not None}
        return [opened(s) if begun is None else begun.result() for s, begun in zip(batch, asked, strict=True)]


def _begun(source: Source) -> Future[Item] | None:
    threads = threads_to_use(_MOST)
    if threads < 2 or not isinstance(source, (ImageFile, ComposedFile)):
        return None
    return _pool(os.getpid(), threads).submit(opened, source)


@lru_cache(maxsize=1)
def _pool(_process: int, threads: int) -> ThreadPoolExecutor:
    # By process, for one that was forked has the threads of its parent no more.
    return ThreadPoolExecutor(threads, thread_name_prefix="decode")
