"""What cannot be scored is named in a sentence; what is only bad is not."""

import numpy as np
import pytest
import trimesh

from evaluation.sanity import refuse_truth, refuse_unscorable
from evaluation.views import View
from scene.camera import Intrinsics
from scene.errors import UserError
from scene.raycast import RayCaster

CAMERA = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
OBJECT = 7


def place(*at: float) -> np.ndarray:
    return trimesh.transformations.translation_matrix(at)


# A chair's size, off the scan's origin, as things stand in scans.
CHAIR = trimesh.creation.box((0.5, 0.5, 0.9), place(1.0, -0.4, 0.5)).subdivide_to_size(0.1)
WALL = trimesh.creation.box((6.0, 6.0, 0.1), place(0.0, 0.0, 2.5))


def view_of_both(x: float, masks: bool = True) -> View:
    pose = np.eye(4)
    pose[:3, 3] = x, 0.0, -2.0
    depths = np.stack([RayCaster(mesh).render(CAMERA, pose)[0] for mesh in (CHAIR, WALL)])
    depths[depths == 0] = np.inf
    instance = np.where(depths.argmin(0) == 0, OBJECT, 1)
    depth_m = np.where(np.isfinite(depths.min(0)), depths.min(0), 0.0).astype(np.float32)
    return View(CAMERA, pose, depth_m, instance if masks else None)


VIEWS = [view_of_both(x) for x in (0.5, 1.0)]
WITHOUT_MASKS = [view_of_both(x, masks=False) for x in (0.5, 1.0)]


def moved(matrix: np.ndarray) -> trimesh.Trimesh:
    mesh = CHAIR.copy()
    mesh.apply_transform(matrix)
    return mesh


def scaled(factor: float) -> trimesh.Trimesh:
    """As a file in other units is read: about the origin of its frame."""
    return moved(np.diag([factor, factor, factor, 1.0]))


KNOWN_BY = {"truth": (CHAIR, []), "masks": (None, VIEWS), "scene": (None, WITHOUT_MASKS), "wrong id": (None, VIEWS)}


def refuse(mesh: trimesh.Trimesh, known_by: str) -> None:
    refuse_unscorable(mesh, *KNOWN_BY[known_by], 99 if known_by == "wrong id" else OBJECT)


@pytest.mark.parametrize("known_by", KNOWN_BY)
def test_the_true_mesh_is_scored(known_by):
    refuse(CHAIR, known_by)


@pytest.mark.parametrize(("factor", "words"), [(1000.0, "1e+03 times"), (100.0, "100 times"), (0.001, "0.001 times")])
def test_other_units_are_named_against_a_true_mesh(factor, words):
    with pytest.raises(UserError, match="give both in metres") as found:
        refuse(scaled(factor), "truth")
    assert f"the mesh is {words} as large as its true mesh" in str(found.value)
    cloud = trimesh.PointCloud(CHAIR.vertices)
    with pytest.raises(UserError, match="give both in metres"):
        refuse_unscorable(scaled(factor), cloud, [])


@pytest.mark.parametrize("factor", [1000.0, 100.0, 0.01, 0.001])
def test_other_units_are_named_against_what_the_views_saw(factor):
    with pytest.raises(UserError, match=r"as large as what the views saw of it.*give both in metres"):
        refuse(scaled(factor), "masks")


@pytest.mark.parametrize("known_by", ["scene", "wrong id"])
@pytest.mark.parametrize("factor", [1000.0, 100.0, 0.001])
def test_without_masks_the_scene_tells_units(factor, known_by):
    with pytest.raises(UserError, match="as large as all that the views saw"):
        refuse(scaled(factor), known_by)


@pytest.mark.parametrize("known_by", KNOWN_BY)
def test_another_frame_is_named_where_nothing_overlaps(known_by):
    with pytest.raises(UserError, match=r"no part of the mesh lies within.*bring it into the scan's frame"):
        refuse(moved(place(-3.0, 8.0, 2.0)), known_by)
    turned = moved(trimesh.transformations.rotation_matrix(np.pi / 2, [1, 0, 0]) @ place(0, -3.0, 3.0))
    with pytest.raises(UserError, match="no part of the mesh lies within"):
        refuse(turned, known_by)


# What scans are given by mistake: other axes up, or turned, about the scan's origin.
FRAMES = {
    "y and z swapped": np.eye(4)[[0, 2, 1, 3]],
    "-90 about x": trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0]),
    "90 about z": trimesh.transformations.rotation_matrix(np.pi / 2, [0, 0, 1]),
    "180 about z": trimesh.transformations.rotation_matrix(np.pi, [0, 0, 1]),
    "camera axes": np.diag([1.0, -1.0, -1.0, 1.0]),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_other_axes_are_named_although_a_corner_comes_near(frame):
    def turned_beside(gap_m: float) -> tuple[trimesh.Trimesh, trimesh.Trimesh]:
        """A true chair, and the same in the other frame where that leaves ``gap_m`` between their boxes."""
        mesh = moved(FRAMES[frame])
        mesh.apply_translation(CHAIR.bounds[1] + gap_m - mesh.bounds[0])
        return CHAIR, mesh

    truth, mesh = turned_beside(0.05)  # a corner at a corner, 9 cm apart
    with pytest.raises(UserError, match=r"of the mesh lies within 0\.1 m of its true mesh.*bring it into the scan's"):
        refuse_unscorable(mesh, truth, [])
    truth, mesh = turned_beside(-0.2)  # as a bad reconstruction: 20 cm within each other
    refuse_unscorable(mesh, truth, [])


@pytest.mark.parametrize("known_by", KNOWN_BY)
def test_a_mesh_that_is_only_bad_is_scored(known_by):
    blob = trimesh.creation.icosphere(2, 0.3).apply_transform(place(1.2, -0.4, 0.4))
    refuse(blob, known_by)
    refuse(moved(place(0.3, 0.2, 0.0)), known_by)  # off by half of it
    refuse(scaled(1.5), known_by)
    stray = CHAIR.copy()
    stray.vertices[0] += 80.0  # one wild vertex makes the box large, not the mesh
    refuse(stray, known_by)
    scrap = CHAIR.submesh([np.argsort(CHAIR.triangles_center[:, 2])[:20]], append=True)  # of the side that is seen
    refuse(scrap, known_by)


def test_an_object_of_which_a_speck_was_seen_is_not_taken_for_one_in_other_units():
    view = VIEWS[0]
    v, u = (part[0] for part in np.nonzero(view.instance == OBJECT))
    speck = np.zeros_like(view.instance)
    speck[v : v + 2, u : u + 2] = OBJECT
    refuse_unscorable(CHAIR, None, [View(CAMERA, view.world_from_camera, view.depth_m, speck)], OBJECT)


def test_a_broken_mesh_is_named_before_anything_is_measured():
    with pytest.raises(UserError, match="the mesh holds no triangles"):
        refuse_unscorable(trimesh.Trimesh(CHAIR.vertices), None, [])
    lost = CHAIR.copy()
    lost.vertices[:2] = np.nan
    with pytest.raises(UserError, match=rf"the mesh holds 2 of {len(CHAIR.vertices)} vertices that are not finite"):
        refuse_unscorable(lost, CHAIR, VIEWS)
    endless = CHAIR.copy()
    endless.vertices[0, 1] = -np.inf
    with pytest.raises(UserError, match="not finite"):
        refuse_unscorable(endless, None, VIEWS, OBJECT)
    flat = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False)
    with pytest.raises(UserError, match="the mesh has no area: its 1 triangles"):
        refuse_unscorable(flat, None, [])
    with pytest.raises(UserError, match="its true mesh has no area"):
        refuse_truth(flat, [])
    with pytest.raises(UserError, match="the points of its true mesh all lie at one place"):
        refuse_truth(trimesh.PointCloud(np.ones((9, 3))), [])


def test_with_nothing_to_compare_nothing_is_refused():
    refuse_unscorable(scaled(1000.0), None, [])
    blind = View(CAMERA, np.eye(4), np.zeros((120, 160), np.float32))
    refuse_unscorable(scaled(1000.0), None, [blind], OBJECT)


@pytest.mark.parametrize("views", [VIEWS, WITHOUT_MASKS, []])
def test_a_truth_in_other_units_is_blamed_itself(views):
    refuse_truth(CHAIR, views, OBJECT)
    with pytest.raises(UserError, match=r"its true mesh is .* m large, as nothing in a room is; give it in metres"):
        refuse_truth(scaled(1000.0), views, OBJECT)
    refuse_truth(trimesh.PointCloud(CHAIR.vertices), views, OBJECT)


def test_a_truth_that_is_not_where_the_views_saw_it_is_blamed_itself():
    for views, of in ((VIEWS, "what the views saw of it"), (WITHOUT_MASKS, "all that the views saw")):
        with pytest.raises(UserError, match=rf"its true mesh is 0\.00\S+ times as large as {of}"):
            refuse_truth(scaled(0.0005), views, OBJECT)
    with pytest.raises(UserError, match=r"no part of its true mesh lies within 0\.1 m of what the views saw of it"):
        refuse_truth(moved(place(50, 50, 50)), VIEWS, OBJECT)
    with pytest.raises(UserError, match=r"its true mesh lies within 0\.5 m of anything that the views saw"):
        refuse_truth(moved(place(50, 50, 50)), WITHOUT_MASKS, OBJECT)
    refuse_truth(moved(place(50, 50, 50)), [], OBJECT)  # nothing tells
