"""Processes that work for this one, and none that outlives it."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from scene.runlog import set_up_logging

# Never forked from this process: numba's and torch's threads do not survive that.  The server has imports, no threads.
_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def warm_up(modules: Sequence[str]) -> None:
    """Import what workers will need, once and in the background: a fresh process then starts with it in its hands.

    Where the system has no fork server every worker imports for itself.
    """
    if _METHOD == "forkserver":
        multiprocessing.get_context(_METHOD).set_forkserver_preload(list(modules))
        multiprocessing.forkserver.ensure_running()


@contextmanager
def worker_pool(workers: int, tasks_each: int | None = 1) -> Iterator[ProcessPoolExecutor]:
    """A pool that gives every task a fresh process, or a process up to ``tasks_each`` tasks (None: all that come).

    The processes end with this one however it ends, and at once when the block is left by an exception (Ctrl-C).
    """
    context = multiprocessing.get_context(_METHOD)
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, context, initializer=_begin_work, max_tasks_per_child=tasks_each)
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
