"""What a run's record tells of time."""

from __future__ import annotations

import pytest

from scene.runlog import Stopwatch, covered


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
