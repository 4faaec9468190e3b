"""What an object's record tells of the sessions that worked on it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from object_tasks import begin_session, past_cost


def test_a_killed_session_counts_until_the_last_file_that_it_left(tmp_path: Path) -> None:
    assert begin_session(tmp_path, 100.0) == []
    (tmp_path / "checkpoints").mkdir()
    for path, written in ((tmp_path / "checkpoints" / "1.pt", 130.0), (tmp_path / "sessions.json", 100.0)):
        path.touch()
        os.utime(path, (written, written))
    assert begin_session(tmp_path, 200.0) == [(100.0, 130.0)]
    os.utime(tmp_path / "sessions.json", (200.0, 200.0))  # it was killed before it left anything else
    assert begin_session(tmp_path, 300.0) == [(100.0, 130.0), (200.0, 200.0)]


def test_objects_worked_on_side_by_side_share_their_time() -> None:
    cost = past_cost(
        [
            {"worked": [(0.0, 10.0), (50.0, 60.0)], "peak_memory_mb": 300.0},
            {"worked": [(5.0, 15.0)], "peak_memory_mb": 700.0},
            {"error": "failed"},
        ]
    )
    assert cost == {"seconds": pytest.approx(25.0), "peak_memory_mb": 700.0}
