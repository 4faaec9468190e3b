"""What pixels say: against a brute-force count and scenes whose truth is known."""

import numpy as np

from scene.camera import Intrinsics, unproject
from scene.cells import CellGrid, grown
from scene.facts import find_doubts, object_facts, sure_points
from scene.records import Fact, Frame

CAMERA = Intrinsics(40, 30, 120.0, 120.0, 19.5, 14.5)
GRID = CellGrid(np.zeros(3), 0.05)


def frame_of(depth_m: np.ndarray, instance: np.ndarray) -> Frame:
    color = np.zeros((*depth_m.shape, 3), np.uint8)
    return Frame(0, CAMERA, np.eye(4), color, depth_m.astype(np.float32), instance.astype(np.uint8))


def two_walls() -> tuple[np.ndarray, np.ndarray]:
    """An object (instance 5) at 1 m in the left half, something else (3) at 2 m in the right."""
    depth = np.full((30, 40), 2.0, np.float32)
    depth[:, :20] = 1.0
    return depth, np.where(depth < 1.5, 5, 3).astype(np.uint8)


def everywhere() -> np.ndarray:
    depth, _ = two_walls()
    return grown(np.unique(GRID.keys(unproject(depth, CAMERA, np.eye(4)).reshape(-1, 3))))


def facts(depth: np.ndarray, instance: np.ndarray, instance_id: int = 5) -> np.ndarray:
    frame = frame_of(depth, instance)
    return object_facts(frame, instance_id, find_doubts(frame), GRID, everywhere())


def test_a_sharp_edge_with_an_exact_mask_leaves_no_doubt() -> None:
    depth, instance = two_walls()
    np.testing.assert_array_equal(facts(depth, instance), np.where(instance == 5, Fact.OBJECT, Fact.OTHER))
    np.testing.assert_array_equal(facts(depth, instance, 3), np.where(instance == 3, Fact.OBJECT, Fact.OTHER))


def test_flying_pixels_say_nothing() -> None:
    depth, instance = two_walls()
    depth[:, 20] = np.linspace(1.2, 1.8, 30)  # a column that hangs between the two
    fact = facts(depth, instance)
    assert (fact[:, 20] == Fact.UNKNOWN).all()
    np.testing.assert_array_equal(fact[:, :20], np.full((30, 20), Fact.OBJECT))
    np.testing.assert_array_equal(fact[:, 21:], np.full((30, 19), Fact.OTHER))


def test_a_mask_that_bleeds_says_nothing_where_it_bleeds() -> None:
    depth, instance = two_walls()
    instance[:, 20] = 5  # one column too far
    fact = facts(depth, instance)
    assert (fact[:, 20] == Fact.UNKNOWN).all()
    assert (fact[:, :20] == Fact.OBJECT).mean() > 0.99
    depth, instance = two_walls()
    instance[:, 19] = 3  # one column short: the object's rim is not "something else"
    fact = facts(depth, instance)
    assert (fact[:, 19] == Fact.UNKNOWN).all()
    assert (fact[:, 20:] == Fact.OTHER).all()


def test_between_labels_on_one_surface_the_rim_is_unknown_for_both() -> None:
    instance = two_walls()[1]
    depth = np.full((30, 40), 1.0, np.float32)
    fact = facts(depth, instance)
    assert (fact[:, 18:22] == Fact.UNKNOWN).all()
    assert (fact[:, :18] == Fact.OBJECT).all()
    assert (fact[:, 22:] == Fact.OTHER).all()
    assert (facts(depth, instance, 9) == Fact.OTHER).all()  # of a third thing both are simply others


def test_a_thin_pole_is_kept() -> None:
    depth = np.full((30, 40), 2.0, np.float32)
    depth[:, 15:17] = 1.0
    instance = np.where(depth < 1.5, 5, 3).astype(np.uint8)
    cells = grown(np.unique(GRID.keys(unproject(depth, CAMERA, np.eye(4)).reshape(-1, 3))))
    frame = frame_of(depth, instance)
    fact = object_facts(frame, 5, find_doubts(frame), GRID, cells)
    assert (fact[1:-1, 15:17] == Fact.OBJECT).all()


def test_missing_depth() -> None:
    depth, instance = two_walls()
    depth[10:20, 5:10] = 0
    depth[10:20, 19:25] = 0
    fact = facts(depth, instance)
    assert (fact[10:20, 5:10] == Fact.OBJECT_NO_DEPTH).all()
    assert (fact[10:20, 19:25] == Fact.UNKNOWN).all()  # the mask's rim, and beyond it nothing was sensed


def test_leaks_say_nothing() -> None:
    depth, instance = two_walls()
    instance[10:20, 30:38] = 5  # painted on to the wall behind
    frame = frame_of(depth, instance)
    near = grown(np.unique(GRID.keys(unproject(depth, CAMERA, np.eye(4))[:, :20].reshape(-1, 3))))
    fact = object_facts(frame, 5, find_doubts(frame), GRID, near)
    assert (fact[10:20, 30:38] == Fact.UNKNOWN).all()
    assert (fact[:, :20] == Fact.OBJECT).all()


def test_doubts_against_brute_force() -> None:
    random = np.random.default_rng(0)
    camera = Intrinsics(14, 12, 600.0, 600.0, 7.0, 6.0)  # long enough for the least tolerance of 2 %
    depth = random.choice([0.0, 1.0, 1.01, 1.5], (12, 14)).astype(np.float32)
    label = random.integers(0, 3, (12, 14)).astype(np.uint8)
    doubts = find_doubts(Frame(0, camera, np.eye(4), np.zeros((12, 14, 3), np.uint8), depth, label))
    for v in range(12):
        for u in range(14):
            around = [
                (y, x)
                for y in range(max(0, v - 2), min(12, v + 3))
                for x in range(max(0, u - 2), min(14, u + 3))
                if (y, x) != (v, u)
            ]
            ring = [(y, x) for y, x in around if abs(y - v) <= 1 and abs(x - u) <= 1]
            if depth[v, u] == 0:
                assert not doubts.flying[v, u]
                assert (doubts.rival[v, u] >= 0) == any(label[p] != label[v, u] for p in ring)
                continue
            agree = [p for p in around if depth[p] > 0 and abs(depth[p] - depth[v, u]) <= 0.02 * depth[v, u]]
            same = sum(label[p] == label[v, u] for p in agree)
            assert doubts.flying[v, u] == (sum(p in ring for p in agree) < 3)
            assert (doubts.rival[v, u] >= 0) == (4 * (len(agree) - same) > same)


def test_sure_points_are_a_sparse_sample_of_what_is_not_doubtful() -> None:
    depth, instance = two_walls()
    depth[:, 20] = 1.5
    frame = frame_of(depth, instance)
    points, labels = sure_points(frame, find_doubts(frame))
    assert 0.8 * depth.size / 9 < len(points) < 1.3 * depth.size / 9
    np.testing.assert_allclose(points[:, 2], np.where(labels == 5, 1.0, 2.0), rtol=1e-6)
