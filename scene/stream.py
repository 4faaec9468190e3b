"""Frames of a scan one after another, the next few decoded meanwhile, so that no more than these are ever in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from scene.records import Frame, Scan
from scene.runlog import progress

A = TypeVar("A")
B = TypeVar("B")


def stream_frames(scan: Scan, what: str, indices: Sequence[int] | None = None) -> Iterator[tuple[int, Frame]]:
    """(k, frame k) of the scan in order, those that cannot be read left out; ``what`` names the progress bar."""
    wanted = range(len(scan)) if indices is None else indices
    loaded = ahead(lambda k: (k, scan.load_frame(k)), wanted)
    for k, frame in progress(loaded, what, total=len(wanted)):
        if frame is not None:
            yield k, frame


def ahead(function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Like ``map`` in order, with a few results computed ahead in threads (image codecs release the interpreter)."""
    workers = min(8, os.cpu_count() or 1)
    waiting: deque[Future[B]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
