"""Worker processes end with the process they work for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Two workers that say that they are there and then would work for ever; the parent waits for them.
PARENT = """
import os, sys, threading
sys.path.insert(0, {root!r})
from scene.runlog import run_cli
from scene.workers import worker_pool

def work_for_ever():
    os.write(1, b"at work\\n")
    threading.Event().wait()

def main():
    with worker_pool(2) as pool:
        for future in [pool.submit(work_for_ever) for _ in range(2)]:
            future.result()

if __name__ == "__main__":
    run_cli(main)
"""


def _heed_interrupts() -> None:
    """A shell's background jobs, and all they start, are made deaf to Ctrl-C; the tests may be such a job."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_a_parent_that_is_stopped(tmp_path: Path, how: signal.Signals) -> None:
    program = tmp_path / "parent.py"
    program.write_text(PARENT.format(root=str(ROOT)))
    parent = subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_interrupts,
    )
    assert parent.stdout is not None
    assert [parent.stdout.readline() for _ in range(2)] == ["at work\n"] * 2
    os.kill(parent.pid, how)
    # The workers share the parent's stdout: it ends only when all of them have.
    _, said = parent.communicate(timeout=60)
    assert "Traceback" not in said
    assert parent.returncode == (130 if how is signal.SIGINT else -how)


CHILD = """
import os, sys
sys.path.insert(0, {root!r})
from scene.workers import warm_up, worker_pool

def threads_and_module():
    return os.environ.get("NUMBA_NUM_THREADS"), "scene.camera" in sys.modules

def main():
    warm_up(["scene.camera"])
    with worker_pool(1) as pool:
        found = pool.submit(threads_and_module).result()
    print(found, os.environ.get("NUMBA_NUM_THREADS"))

if __name__ == "__main__":
    main()
"""


def test_workers_compute_in_one_thread_with_imports_in_their_hands(tmp_path: Path) -> None:
    program = tmp_path / "warm.py"
    program.write_text(CHILD.format(root=str(ROOT)))
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    (tmp_path / "scene").mkdir()  # where a command is given from says nothing of what is imported
    (tmp_path / "scene" / "__init__.py").write_text("raise RuntimeError('the wrong scene')")
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, env=environment, check=True, cwd=tmp_path
    )
    assert "wrong scene" not in done.stderr
    assert done.stdout.splitlines()[-1] == "('1', True) 2"
