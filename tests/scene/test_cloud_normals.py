"""Clouds of points keep the normals that their sidecar vouches for, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.sampling import surface_of_truth
from scene.errors import UserError
from scene.mesh import load_mesh_or_points

RADIUS_M = 0.4


def write_cloud(path: Path, points: np.ndarray, normals: np.ndarray | None) -> None:
    names = ["x", "y", "z"] + ([] if normals is None else ["nx", "ny", "nz"])
    rows = points if normals is None else np.concatenate([points, normals], axis=1)
    header = ["ply", "format ascii 1.0", f"element vertex {len(rows)}", *(f"property float {n}" for n in names)]
    body = [" ".join(f"{x:.7f}" for x in row) for row in rows]
    path.write_text("\n".join([*header, "end_header", *body]) + "\n")


def ball(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    outward = np.random.default_rng(0).normal(size=(count, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    return RADIUS_M * outward, outward


def vouch(path: Path, **about: object) -> None:
    path.with_suffix(".json").write_text(json.dumps({"normals": "outward", "area_m2": 2.0, **about}))


def test_vouched_normals_and_area_reach_the_drawn_points(tmp_path: Path) -> None:
    path = tmp_path / "scannet_3_pointcloud.ply"
    points, outward = ball()
    write_cloud(path, points, 3.0 * outward)  # of any length
    vouch(path)
    cloud = load_mesh_or_points(path)
    assert isinstance(cloud, trimesh.PointCloud)
    surface = surface_of_truth(cloud, 50, seed=1)
    assert surface.area_m2 == 2.0
    assert surface.points.shape == (50, 3)
    assert surface.normals is not None
    np.testing.assert_allclose(surface.normals, surface.points / RADIUS_M, atol=1e-5)
    assert surface.floor_m == pytest.approx(0.5 * np.sqrt(2.0 / 50))


def test_normals_that_nobody_vouches_for_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "cloud.ply"
    write_cloud(path, *ball())
    for write_sidecar in (lambda: None, lambda: vouch(path, normals="any")):
        write_sidecar()
        surface = surface_of_truth(load_mesh_or_points(path), 1000, seed=0)
        assert surface.normals is None
        assert surface.area_m2 == 0.0


@pytest.mark.parametrize("about", [{"area_m2": "much"}, {"area_m2": -1.0}, {"area_m2": None}])
def test_an_area_that_cannot_be_is_refused(tmp_path: Path, about: dict[str, object]) -> None:
    path = tmp_path / "cloud.ply"
    write_cloud(path, *ball())
    vouch(path, **about)
    with pytest.raises(UserError, match=r"cloud\.ply"):
        load_mesh_or_points(path)


@pytest.mark.parametrize("normals", [None, np.zeros((200, 3)), np.full((200, 3), np.nan)])
def test_missing_or_zero_normals_that_were_promised_are_refused(tmp_path: Path, normals: np.ndarray | None) -> None:
    path = tmp_path / "cloud.ply"
    write_cloud(path, ball()[0], normals)
    vouch(path)
    with pytest.raises(UserError, match="normals"):
        load_mesh_or_points(path)
