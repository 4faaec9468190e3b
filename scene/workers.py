"""Processes that work for this one, and none that outlives it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from scene.runlog import set_up_logging


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool that gives every task a fresh process.

    The processes end with this one however it ends, and at once when the block is left by an exception (Ctrl-C).
    """
    # Spawned: numba's and torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, context, initializer=_begin_work, max_tasks_per_child=1)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    pool.shutdown(wait=False, cancel_futures=True)


def _begin_work() -> None:
    """What a worker does first.  Ctrl-C reaches it too, but it is its parent that says when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_up_logging()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker was started by another process"
    parent.join()  # waits on a pipe that the system closes when the parent ends, killed or not
    os._exit(1)  # sys.exit would end this thread alone
