"""What a run says while it works and leaves behind: log lines, progress with time left, provenance."""

from __future__ import annotations

import logging
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from scene.errors import UserError

T = TypeVar("T")
log = logging.getLogger("farside")


def set_up_logging(verbose: bool = False) -> None:
    """Plain lines on stderr; stdout stays free for results."""
    logging.basicConfig(format="%(message)s", level=logging.DEBUG if verbose else logging.INFO, stream=sys.stderr)
    logging.getLogger("numba").setLevel(logging.WARNING)
    logging.getLogger("trimesh").setLevel(logging.ERROR)


def run_cli(main: Callable[[], int | None], stopped: str = "the same command goes on from here") -> None:
    """Run a command's ``main`` and exit with its return value, or 130 after Ctrl-C, saying what goes on.

    A UserError, a refusal of the operating system and want of memory end in one sentence and status 2, no traceback.
    """
    set_up_logging()
    try:
        status = main() or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 2
    except OSError as error:
        print(f"error: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        status = 2
    except MemoryError:
        print(
            "error: there is not enough memory; use fewer or coarser voxels, such as --set mesh.voxel_m=0.02",
            file=sys.stderr,
        )
        status = 2
    except KeyboardInterrupt:
        print(f"stopped; {stopped}", file=sys.stderr)
        status = 130
    sys.exit(status)


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
    """Iterate with a bar that shows the time left; silent where stderr is not a terminal."""
    from tqdm import tqdm

    return tqdm(items, desc=what, total=total, disable=not sys.stderr.isatty(), leave=False, dynamic_ncols=True)


class Countdown:
    """Counts work that is done in other processes, a log line for each piece with the time left."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done, self._start = what, total, 0, time.monotonic()

    def done(self, name: str) -> None:
        """One more is done."""
        self._done += 1
        left_s = (time.monotonic() - self._start) / self._done * (self._total - self._done)
        left = f", about {left_s:.0f} s left" if self._done < self._total else ""
        log.info("%s: %d of %d %s done%s", name, self._done, self._total, self._what, left)


_PROCESS = Path("/proc/self")  # Linux; elsewhere the system's count for the whole life of the process must do


@dataclass
class _PeakMemory:
    """The most memory (MB) that this process, or any one it started and saw end, has held since it was forgotten."""

    earlier_mb: float = 0.0  # what it was until then
    children_mb: float = 0.0  # the same of those it had seen end

    def now_mb(self) -> float:
        """Those seen to end count only where one held more than all before it: of others nothing is told."""
        children_mb = _of_children_mb()
        return max(_of_this_process_mb(), children_mb if children_mb > self.children_mb else 0.0)

    def forget(self) -> None:
        self.earlier_mb = max(self.earlier_mb, self.now_mb())
        self.children_mb = _of_children_mb()
        with suppress(OSError):
            (_PROCESS / "clear_refs").write_text("5")  # see proc_pid_clear_refs(5)


_peak = _PeakMemory()


def _of_this_process_mb() -> float:
    with suppress(OSError, ValueError, IndexError):
        return int((_PROCESS / "status").read_text().split("VmHWM:")[1].split()[0]) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _of_children_mb() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0


def peak_memory_mb() -> float:
    """The most memory that this process, or any one it started and saw end, has held so far, in MB."""
    return max(_peak.earlier_mb, _peak.now_mb())


def available_memory() -> int:
    """Bytes that a new process could have; what the system only caches counts, where it tells (Linux)."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        if "MemAvailable" in lines:
            return int(lines["MemAvailable"].split()[0]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


@dataclass
class Stopwatch:
    """Seconds and peak memory a stage, in the order the stages ran; one within another is not foreseen.

    A stage that found its work done tells what that once cost (``recall``), and its record has ``earlier_run`` true.
    """

    stages: list[dict[str, Any]] = field(default_factory=list)
    _recalled: dict[str, float] | None = None
    _elsewhere_mb: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        _peak.forget()
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = round(time.perf_counter() - start, 3)
            held_mb = max(_peak.now_mb(), self._elsewhere_mb)
            record = {"stage": name, "seconds": seconds, "peak_memory_mb": round(held_mb, 1)}
            if self._recalled is not None:
                record |= {**self._recalled, "earlier_run": True}
            self._recalled, self._elsewhere_mb = None, 0.0
            self.stages.append(record)

    def held_elsewhere(self, peak_memory_mb: float) -> None:
        """The most memory of a process that works for the stage now running, and that this one does not see end."""
        self._elsewhere_mb = peak_memory_mb

    def recall(self, seconds: float, peak_memory_mb: float) -> None:
        """What the stage now running does was done before, wholly or in part, and took this in all."""
        self._recalled = {"seconds": round(seconds, 3), "peak_memory_mb": round(peak_memory_mb, 1)}


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """Length of the union of intervals (begin, end)."""
    length, reached = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        length += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return length


def provenance() -> dict[str, Any]:
    """Versions and machine: what a reader needs to repeat the run."""
    packages = ["torch", "numpy", "numba", "scipy", "trimesh", "opencv-python-headless", "PyMCubes"]
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "packages": versions,
    }
