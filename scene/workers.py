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
from pathlib import Path

from scene.runlog import set_up_logging

# Never forked from this process: numba's and torch's threads do not survive that.  The server has imports, no threads.
_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"

_GRACE_S = 5.0
_ROOT = Path(__file__).resolve().parents[1]
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
# glibc goes over to keeping large blocks once some were freed, and then what is freed piles up.
_ENVIRONMENT = {**dict.fromkeys(_THREADS, "1"), "MALLOC_MMAP_THRESHOLD_": str(4 << 20)}


def warm_up(modules: Sequence[str]) -> None:
    """Import what workers will need, once and in the background: a fresh process then starts with it in its hands.

    Where the system has no fork server every worker imports for itself.
    """
    if _METHOD == "forkserver":
        multiprocessing.get_context(_METHOD).set_forkserver_preload(list(modules))
        _start_server()


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool that gives every task a fresh process, which computes in one thread.

    The processes end with this one however it ends, and at once when the block is left by an exception (Ctrl-C).
    """
    context = multiprocessing.get_context(_METHOD)
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, context, initializer=_begin_work, max_tasks_per_child=1)
    try:
        with _one_thread_each():
            if _METHOD == "forkserver":
                _start_server()
            yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        left = set(multiprocessing.active_children()) - before
        for child in left:
            child.terminate()
        for child in left:  # what does not heed the request in time is not asked again
            child.join(_GRACE_S)
            if child.is_alive():
                child.kill()
        raise
    pool.shutdown(wait=False, cancel_futures=True)


def _start_server() -> None:
    """Start the server unless it runs, with this project's modules to import and not those of the working directory."""
    path, safe = os.environ.get("PYTHONPATH"), os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *([path] if path else [])])
    os.environ["PYTHONSAFEPATH"] = "1"
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # Ctrl-C is this process's to answer
    try:
        with _one_thread_each():
            multiprocessing.forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        _restore({"PYTHONPATH": path, "PYTHONSAFEPATH": safe})


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """What is started meanwhile computes in one thread, in all libraries: processes side by side are the threads.

    More threads than cores make each other wait, and the fit several times as slow.
    """
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        _restore(before)


def _restore(environment: dict[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


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
