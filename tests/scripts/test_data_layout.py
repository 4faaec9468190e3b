"""Where published files belong, however deep and in whatever archives their folders lie."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from scripts.data_layout import PARTS, Place, is_litter

SCAN, OBJECT = "scannet/scene0005_00_scannet", "scannet/object_original_with_clip/scene0008_00_scannet_obj_10"
TRAINING = "dataset/indoor-paper/scene0005_00_scannet_obj_9_inpainted"
RUN = "exps-paper/indoor-paper/neus/scene0005_00_scannet_obj_9_inpainted"
COLLECTED = "exps-paper/indoor-paper/collected_meshes_per_scene"
MESH = "scene0005_00_scannet_obj_9_full_mesh.ply"


@pytest.mark.parametrize(
    ("path", "unit", "inside"),
    [
        ("example-input/scene0005_00_scannet_obj_9_inpainted/image/0000.png", TRAINING, "image/0000.png"),
        ("example-input/x/indoor-paper/scene0005_00_scannet_obj_9_inpainted/pose/0.txt", TRAINING, "pose/0.txt"),
        ("example-input/README.md", None, None),
        ("scannet/scene0005_00_scannet/color/0.jpg", SCAN, "color/0.jpg"),
        ("scannet/scene0005_00_scannet/scene0005_00_scannet/color/0.jpg", SCAN, "color/0.jpg"),
        ("scannet/some/scene0005_00/depth/0.png", SCAN, "depth/0.png"),
        ("scannet/scene0005_00/scene0005_00_vh_clean_2.ply", SCAN, "scene0005_00_vh_clean_2.ply"),
        ("scannet/scene0005_00_vh_clean_2.ply", None, None),
        ("scannet/scannetv2-labels.combined.tsv", "scannet/scannetv2-labels.combined.tsv", "."),
        ("scannet/object_original_with_clip/scene0008_00_scannet_obj_10/mask/0.png", OBJECT, "mask/0.png"),
        (
            "scannet/scene0008_00_scannet/scene0008_00_scannet_obj_10/only-seg-0008-obj10/0_class_inpaint mask.png",
            OBJECT,
            "only-seg-0008-obj10/0_class_inpaint mask.png",
        ),
        (
            "annotated_masks/only-seg-0008-obj10/3_class_inpaint mask.png",
            f"{OBJECT}/only-seg-0008-obj10",
            "3_class_inpaint mask.png",
        ),
        (
            "annotated_masks/scene0008_01_scannet_obj_10/only-seg-0008-obj10/3.png",
            "scannet/object_original_with_clip/scene0008_01_scannet_obj_10/only-seg-0008-obj10",
            "3.png",
        ),
        ("annotated_masks/scene0005_01/only-seg-0008-obj10/3.png", f"{OBJECT}/only-seg-0008-obj10", "3.png"),
        ("annotated_masks/only-seg-0008-obj10-old/3.png", None, None),
        ("groundtruth/scannet_gt/scene0005_00/gt/obj_3.ply", "groundtruth/scannet_gt/scene0005_00", "gt/obj_3.ply"),
        ("groundtruth/0005/gt/obj_3.ply", "groundtruth/scannet_gt/scene0005_00", "gt/obj_3.ply"),
        ("groundtruth/gt/scene0461_00/obj_3.ply", "groundtruth/scannet_gt/scene0461_00", "gt/obj_3.ply"),
        (
            "groundtruth/meshes-scan2cad-cleaned/scene0005_00/scannet_3_pointcloud.ply",
            "groundtruth/meshes-scan2cad-cleaned/scene0005_00",
            "obj_3.ply",
        ),
        ("groundtruth/scan2cad/5/obj_3.ply", None, None),
        (f"example-results/ours/scene0005_00/{MESH}", f"{COLLECTED}/ours", f"scene0005_00/{MESH}"),
        (f"example-results/scene0005_00/{MESH}", f"{COLLECTED}/scene0005_00", MESH),
        (
            f"example-results/exps-paper/indoor-paper/collected_meshes_per_scene/ours/scene0005_00/{MESH}",
            f"{COLLECTED}/ours",
            f"scene0005_00/{MESH}",
        ),
        (
            "example-results/neus/scene0005_00_scannet_obj_9_inpainted/exp_of/meshes/0.ply",
            RUN,
            "exp_of/meshes/0.ply",
        ),
        ("example-results/metrics.txt", None, None),
    ],
)
def test_folders_are_found_by_their_names(path: str, unit: str | None, inside: str | None) -> None:
    place = PARTS[path.split("/")[0]].place(PurePosixPath(path))
    assert place == (Place(PurePosixPath(unit), PurePosixPath(inside)) if unit and inside else None)


def test_litter_is_no_data() -> None:
    assert is_litter(PurePosixPath("__MACOSX/scene0005_00/._obj_3.ply"))
    assert is_litter(PurePosixPath("scene0005_00/.DS_Store"))
    assert not is_litter(PurePosixPath("scene0005_00/obj_3.ply"))
