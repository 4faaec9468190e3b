"""What a run's record tells of time and memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scene.runlog import Stopwatch, covered, peak_memory_mb


def test_a_stage_whose_work_was_done_before_tells_what_it_cost_then() -> None:
    watch = Stopwatch()
    with watch.stage("extract"):
        watch.recall(12.3456, 700.0)
    with watch.stage("score"):
        pass
    extract, score = watch.stages
    assert extract == {"stage": "extract", "seconds": 12.346, "peak_memory_mb": 700.0, "earlier_run": True}
    assert "earlier_run" not in score
    assert score["seconds"] < 5


@pytest.mark.parametrize(
    ("intervals", "length"),
    [([], 0.0), ([(5.0, 7.0), (1.0, 2.0)], 3.0), ([(0.0, 10.0), (2.0, 3.0), (8.0, 12.0)], 12.0)],
)
def test_time_in_which_several_worked_counts_once(intervals: list[tuple[float, float]], length: float) -> None:
    assert covered(intervals) == length


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux forgets what a process once held")
def test_a_stage_tells_its_own_peak_memory_and_the_process_the_largest() -> None:
    watch = Stopwatch()
    with watch.stage("large"):
        np.ones(200 * 2**17).sum()  # 200 MB
    with watch.stage("small"):
        np.ones(2**17).sum()
    large, small = (stage["peak_memory_mb"] for stage in watch.stages)
    assert small < large - 150
    assert peak_memory_mb() >= large - 0.1  # rounded
