"""Frames in order, a few ahead, failures passed on."""

import threading

import numpy as np
import pytest

from scene.camera import Intrinsics
from scene.records import Frame, Scan
from scene.stream import ahead, stream_frames

CAMERA = Intrinsics(2, 2, 1.0, 1.0, 0.5, 0.5)


def scan_of(count: int, unreadable: int) -> Scan:
    def load(k: int) -> Frame | None:
        if k == unreadable:
            return None
        return Frame(10 * k, CAMERA, np.eye(4), np.zeros((2, 2, 3), np.uint8), np.ones((2, 2), np.float32))

    return Scan("s", range(0, 10 * count, 10), np.tile(np.eye(4), (count, 1, 1)), CAMERA, load)


def test_frames_come_in_order_without_those_that_cannot_be_read() -> None:
    scan = scan_of(30, unreadable=7)
    assert [(k, frame.frame_id) for k, frame in stream_frames(scan, "x")] == [(k, 10 * k) for k in range(30) if k != 7]
    assert [k for k, _ in stream_frames(scan, "x", [9, 7, 3])] == [9, 3]


def test_no_more_than_a_few_are_computed_ahead() -> None:
    started, lock = [0], threading.Lock()

    def count(item: int) -> int:
        with lock:
            started[0] += 1
        return item

    results = ahead(count, range(1000))
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert started[0] <= 5 + 2 * 8 + 1
    results.close()  # type: ignore[attr-defined]
    assert started[0] < 1000


def test_what_fails_in_a_thread_is_raised_in_its_turn() -> None:
    results = ahead(lambda x: 1 // x, [2, 1, 0, 1])
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
