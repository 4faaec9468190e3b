"""Creases, contacts, clusters and what stands on what, on shapes with known answers."""

from __future__ import annotations

import dataclasses

import numpy as np
import trimesh

from preprocess.clusters import join_patches
from preprocess.contacts import Contacts, find_contacts
from preprocess.fragments import join_fragments
from preprocess.patches import connected_parts, cut_into_patches, find_shape
from preprocess.room_frame import RoomFrame
from preprocess.segment_settings import ObjectSettings
from preprocess.supports import Hull, join_carried, tell_stacks_apart
from tests.preprocess.analytic_room import box, surface_of

FRAME = RoomFrame.of(np.array([0.0, 0.0, 1.0]), 0.0)


def fold(angle: float) -> trimesh.Trimesh:
    """Two 40 cm squares that meet along the y axis, the second turned up by ``angle``; the upper side faces out."""
    s, c, w = np.sin(angle), np.cos(angle), 0.4
    corners = [(-w, 0, 0), (0, 0, 0), (0, w, 0), (-w, w, 0), (w * c, 0, w * s), (w * c, w, w * s)]
    return trimesh.Trimesh(corners, [(0, 1, 2), (0, 2, 3), (1, 4, 5), (1, 5, 2)], process=False)


def test_only_a_fold_that_turns_inwards_is_concave() -> None:
    for angle, concave in ((np.pi / 3, True), (0.0, False), (-np.pi / 3, False)):
        surface = surface_of(fold(angle))
        concavity = find_shape(surface).concavity
        middle = np.abs(surface.vertices[:, 1] - 0.2) < 0.12
        at_fold = middle & (np.hypot(surface.vertices[:, 0], surface.vertices[:, 2]) < 0.01)
        far = middle & (np.abs(surface.vertices[:, 0] + 0.25) < 0.05)
        assert (concavity[at_fold].min() > 5) == concave
        assert concavity[far].max() < 0.2
        if not concave:
            assert concavity[at_fold].max() < 0.2


def test_patches_end_at_a_crease() -> None:
    surface = surface_of(fold(np.pi / 2))
    shape = find_shape(surface)
    patch = cut_into_patches(surface, shape, np.arange(len(surface)), shape.edges, 0.1, 1.5)
    assert patch.min() == 0
    flat, upright = surface.vertices[:, 0] < -0.03, surface.vertices[:, 2] > 0.03
    assert not set(patch[flat]) & set(patch[upright])
    sizes = [np.ptp(surface.vertices[patch == p], axis=0).max() for p in range(patch.max() + 1)]
    assert 0.05 < np.median(sizes) < 0.2


def test_contact_is_the_length_of_the_border_and_less_across_a_crease() -> None:
    settings = ObjectSettings()
    lengths = {}
    for angle in (0.0, np.pi / 2):
        surface = surface_of(fold(angle), 0.02)
        shape = find_shape(surface)
        patch = np.where(surface.vertices[:, 0] < -1e-6, 0, 1)
        contacts = find_contacts(surface, shape, patch, np.zeros_like(patch), shape.edges, settings)
        np.testing.assert_array_equal(contacts.pairs, [[0, 1]])
        np.testing.assert_allclose(contacts.area_m2, 0.16, rtol=0.15)
        lengths[angle] = float(contacts.length_m[0])
    assert lengths[np.pi / 2] < 0.7 * lengths[0.0]
    assert 0.3 < lengths[0.0] < 1.2  # of a border of 0.4 m, with what is near on either side of it


def test_surfaces_that_look_at_each_other_across_a_gap_hardly_touch() -> None:
    """Two plates 3 cm apart: one beside the other, and one over the other."""
    first = trimesh.creation.box((0.3, 0.3, 0.001))
    beside, over = first.copy(), first.copy()
    beside.apply_translation((0.33, 0, 0))
    over.apply_translation((0, 0, 0.03))
    found = []
    for second in (beside, over):
        surface = surface_of(trimesh.util.concatenate([first, second]), 0.02)
        shape = find_shape(surface)
        patch = np.concatenate([np.full(n, i) for i, n in enumerate([len(surface) // 2] * 2)])
        contacts = find_contacts(surface, shape, patch, np.zeros_like(patch), shape.edges, ObjectSettings())
        found.append(float(contacts.length_m.sum()))
    per_m2 = found[0] / 0.3, found[1] / (0.3 * 0.3 / ObjectSettings().gap_m)
    assert per_m2[1] < 0.5 * per_m2[0]


def test_patches_join_by_contact_for_their_size_and_by_colour() -> None:
    grey, red = [50.0, 0.0, 0.0], [50.0, 60.0, 40.0]
    contacts = Contacts(
        area_m2=np.array([0.2, 0.2, 0.2, 0.2]),
        color=np.array([grey, grey, red, grey]),
        pairs=np.array([[0, 1], [1, 2], [2, 3], [0, 3]]),
        length_m=np.array([0.3, 0.3, 0.3, 0.02]),
    )
    root = join_patches(contacts, ObjectSettings())
    # sqrt(0.2) = 0.45: 0 and 1 touch by 0.67 of their size; red counts a fifth of that; 0.02 m is next to nothing.
    assert root[0] == root[1]
    assert len({root[0], root[2], root[3]}) == 3
    assert len(set(join_patches(contacts, ObjectSettings(contrast_weight=1.0)))) == 1


def test_joining_two_parts_adds_up_their_contact_with_a_third() -> None:
    contacts = Contacts(
        area_m2=np.array([1.0, 1.0, 1.0]),
        color=np.zeros((3, 3)),
        pairs=np.array([[0, 1], [0, 2], [1, 2]]),
        length_m=np.array([0.5, 0.15, 0.15]),
    )
    assert len(set(join_patches(contacts, ObjectSettings()))) == 1  # 0.15 + 0.15 > 0.25
    apart = Contacts(contacts.area_m2, contacts.color, contacts.pairs, np.array([0.5, 0.15, 0.02]))
    assert len(set(join_patches(apart, ObjectSettings()))) == 2


def welded(*meshes: trimesh.Trimesh) -> trimesh.Trimesh:
    """The outer surface of overlapping boxes, in one piece as fusing makes it."""
    return trimesh.boolean.union(list(meshes), engine="manifold")


def test_what_stands_inside_a_surface_is_told_from_it_and_a_back_at_its_rim_is_not() -> None:
    seat = box((0, 0, 0), (1.6, 0.8, 0.4))
    back = box((0, 0.7, 0), (1.6, 0.9, 0.9))
    bag = box((0.5, 0.2, 0.39), (0.8, 0.5, 0.7))
    surface = surface_of(welded(seat, back, bag))
    stack = tell_stacks_apart(surface, find_shape(surface), FRAME, np.arange(len(surface)), ObjectSettings())
    x, y, z = surface.vertices.T
    on_bag = (np.abs(x - 0.65) < 0.16) & (np.abs(y - 0.35) < 0.16) & (z > 0.45)
    assert len(set(stack[on_bag])) == 1
    assert stack[on_bag][0] > 0
    assert (stack[~on_bag & ((z < 0.38) | (y > 0.75))] == 0).all()


def carried(upper: trimesh.Trimesh, lower: trimesh.Trimesh, open_between: bool = False) -> bool:
    """Whether two parts, each a box of its own, are joined."""
    surface = surface_of(trimesh.util.concatenate([upper, lower]))
    if open_between:
        surface.space.open[:] = True
    labels = np.where((surface.vertices >= upper.bounds[0] - 1e-3).all(axis=1), 0, 1)
    joined = join_carried(labels, np.zeros_like(labels), surface, FRAME, ObjectSettings())
    return len(set(joined)) == 1


def test_what_hangs_in_the_air_is_carried_by_what_stands_under_it() -> None:
    seat = box((-0.25, -0.25, 0.5), (0.25, 0.25, 0.55))
    stem = box((-0.05, -0.05, 0.0), (0.05, 0.05, 0.4))
    assert carried(seat, stem)
    assert not carried(seat, stem, open_between=True)  # a camera saw through the gap
    assert not carried(seat, box((-0.05, -0.05, 0.0), (0.05, 0.05, 0.2)))  # too far below
    assert not carried(seat, box((0.1, 0.1, 0.0), (0.6, 0.6, 0.4)))  # stands out from under it, as a chair does
    assert not carried(box((-0.25, -0.25, 0.1), (0.25, 0.25, 0.55)), stem)  # stands on the floor itself


def test_leaves_find_each_other_and_their_stem_but_nothing_of_another_colour_or_stack() -> None:
    """A stem, three leaves in a row 8 cm apart, and beside the first a large plate as near to the stem."""
    stem = box((-0.02, -0.02, 0.0), (0.02, 0.02, 0.6))
    leaves = [box((0.1 + 0.2 * i, -0.05, 0.5), (0.22 + 0.2 * i, 0.05, 0.51)) for i in range(3)]
    plate = box((-0.9, -0.4, 0.2), (-0.1, 0.4, 0.3))
    things = [stem, *leaves, plate]
    surface = surface_of(trimesh.util.concatenate(things))
    inside = [((surface.vertices >= t.bounds[0] - 1e-3) & (surface.vertices <= t.bounds[1] + 1e-3)) for t in things]
    labels = np.argmax([i.all(axis=1) for i in inside], axis=0).astype(np.int64)
    green = np.where((labels < 4)[:, None], [40, 120, 40], [150, 110, 80]).astype(np.uint8)
    surface = dataclasses.replace(surface, color=green)
    settings, stack = ObjectSettings(), np.zeros_like(labels)

    def groups(stack: np.ndarray) -> list[set[int]]:
        joined = join_fragments(labels, stack, surface, settings)
        return sorted(({int(i) for i in labels[joined == j]} for j in np.unique(joined)), key=min)

    assert groups(stack) == [{0, 1, 2, 3}, {4}]
    assert groups(np.where(labels == 2, 1, 0)) == [{0, 1}, {2}, {3}, {4}]


def test_hulls_and_connected_parts() -> None:
    hull = Hull.around(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0], [1.0, 0.5]]))
    assert hull is not None
    np.testing.assert_allclose(hull.depth_m(np.array([[1.0, 0.3], [1.0, 1.5], [0.1, 0.5]])), [0.3, -0.5, 0.1])
    assert Hull.around(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])) is None
    parts = connected_parts(7, np.array([0, 1, 2, 4, 6]), np.array([[0, 2], [4, 6]]))
    assert sorted(sorted(p.tolist()) for p in parts) == [[0, 2], [1], [4, 6]]
