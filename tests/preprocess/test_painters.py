"""The painters: crops and pictures there and back, surfaces continued, seeds, and a tiny diffusion model end to end."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.inpaint import inpaint
from preprocess.paint_crop import SquareCrop, crop_round
from preprocess.paint_pictures import DepthRange, depth_range, normal_of_picture, picture_of_normal
from preprocess.painters import ClassicalPainter, DiffusionPainter, seed_of
from preprocess.painting import PaintView
from preprocess.settings import InpaintSettings
from scene.camera import Intrinsics
from scene.records import Fact
from tests.preprocess.boarded_box import NoiseModel, boarded_box

CAMERA = Intrinsics(121, 91, 110.0, 108.0, 61.0, 44.5)


def plane_view(plane: tuple[float, float, float] = (0.3, -0.2, -0.93), seed: int = 0) -> tuple[PaintView, np.ndarray]:
    """A plane n . P = -2 that fills the image, with a bar of something nearer over its middle; and its true depth."""
    normal = np.array(plane) / np.linalg.norm(plane)
    true_m = (-2.0 / (CAMERA.directions().astype(np.float64) @ normal)).astype(np.float32)
    rng = np.random.default_rng(seed)
    hidden = np.zeros(true_m.shape, bool)
    hidden[20:75, 52:70] = True
    bar_m = rng.uniform(0.7, 1.2, true_m.shape).astype(np.float32)
    color = np.where(hidden[..., None], rng.integers(0, 256, (*hidden.shape, 3)), [200, 60, 90]).astype(np.uint8)
    view = PaintView(
        index=3,
        label="table",
        camera=CAMERA,
        world_from_camera=np.eye(4),
        color=color,
        depth_m=np.where(hidden, bar_m, true_m),
        fact=np.where(hidden, Fact.OTHER, Fact.OBJECT).astype(np.uint8),
        hidden=hidden,
        mean_color=np.uint8([200, 60, 90]),
    )
    return view, true_m


def replaced(view: PaintView, **parts) -> PaintView:  # type: ignore[no-untyped-def]
    return PaintView(**{**vars(view), **parts})


@pytest.mark.parametrize("plane", [(0.0, 0.0, -1.0), (0.3, -0.2, -0.93), (-0.5, 0.4, -0.77)])
def test_classical_depth_and_normals_are_exact_on_a_plane(plane: tuple[float, float, float]) -> None:
    view, true_m = plane_view(plane)
    depth_m = ClassicalPainter().depth(view)
    np.testing.assert_allclose(depth_m[view.hidden], true_m[view.hidden], atol=1e-4)
    assert not depth_m[~view.hidden].any()
    normal = ClassicalPainter().normal(view, np.zeros((*true_m.shape, 3), np.float32))
    known = view.hidden & (normal != 0).any(axis=-1)
    assert known.sum() > 0.95 * view.hidden.sum()
    np.testing.assert_allclose(
        normal[known], np.broadcast_to(plane / np.linalg.norm(plane), (known.sum(), 3)), atol=4e-3
    )


def test_nothing_of_the_occluder_flows_in() -> None:
    painter = ClassicalPainter()
    (one, _), (other, _) = plane_view(seed=1), plane_view(seed=2)
    assert (one.color != other.color).any()
    np.testing.assert_array_equal(painter.color(one), painter.color(other))
    own = np.array([200, 60, 90])
    assert np.abs(painter.color(one) - own).max() < 5  # Telea's method rounds
    np.testing.assert_array_equal(painter.depth(one), painter.depth(other))
    # Nor of what stands round the hidden pixels without being the object: a frame of OTHER, red and nearer.
    frame = np.zeros(one.hidden.shape, bool)
    frame[15:80, 49:60] = True
    frame &= ~one.hidden
    framed = replaced(
        one,
        color=np.where(frame[..., None], np.uint8([255, 0, 0]), one.color),
        depth_m=np.where(frame, np.float32(0.5), one.depth_m),
        fact=np.where(frame, np.uint8(Fact.OTHER), one.fact),
    )
    assert np.abs(painter.color(framed) - own)[one.hidden].max() < 5
    told = painter.depth(framed) > 0
    assert told.sum() > 0.8 * one.hidden.sum()
    np.testing.assert_allclose(painter.depth(framed)[told], painter.depth(one)[told], atol=1e-3)


def test_classical_fill_follows_the_part_that_is_near() -> None:
    """Two faces that meet: above the edge the fill goes on as the upper one, below as the lower one."""
    view, _ = plane_view((0.0, 0.0, -1.0))
    rows = np.arange(91)[:, None]
    true_m = np.broadcast_to(np.where(rows < 45, 2.0, 2.0 / (1 + 0.006 * (rows - 45))), view.depth_m.shape)
    view = replaced(view, depth_m=np.where(view.hidden, 1.0, true_m).astype(np.float32))
    depth_m = ClassicalPainter().depth(view)
    error_m = np.abs(depth_m - true_m)[view.hidden]
    assert error_m.mean() < 0.02
    assert error_m.max() < 0.06


def test_classical_painter_tells_nothing_where_it_can_tell_nothing() -> None:
    view, _ = plane_view()
    painter = ClassicalPainter()
    unseen = replaced(view, fact=np.full_like(view.fact, Fact.OTHER))
    assert not painter.depth(unseen).any()
    assert (painter.color(unseen)[view.hidden] == view.mean_color).all()  # other views show it
    np.testing.assert_array_equal(painter.color(unseen)[~view.hidden], view.color[~view.hidden])
    corner = np.full_like(view.fact, Fact.OTHER)
    corner[:12, :12] = Fact.OBJECT
    far = replaced(view, fact=corner)
    assert not painter.depth(far).any()  # its border is far from the hidden pixels
    near = np.zeros_like(view.hidden)
    near[2:10, 12:40] = True
    told = painter.depth(replaced(far, hidden=near)) > 0
    assert told[5, 13]
    assert not told[:, 25:].any()
    guess = np.broadcast_to(np.float32([0, 0, -1]), (*view.hidden.shape, 3))
    np.testing.assert_array_equal(painter.normal(view, guess), guess)  # what is known already stays


@given(
    st.integers(0, 10**6), st.integers(2, 70), st.integers(2, 70), st.floats(0, 1.5), st.sampled_from([8, 32, 40, 64])
)
@settings(max_examples=60, deadline=None)
def test_every_hidden_pixel_comes_back_drawn(seed: int, height: int, width: int, context: float, size: int) -> None:
    """The mask at the model's size covers all that a hidden pixel is made of on the way back."""
    rng = np.random.default_rng(seed)
    hidden = np.zeros((height, width), bool)
    top, left = rng.integers(0, height), rng.integers(0, width)
    hidden[top : top + rng.integers(1, height + 1), left : left + rng.integers(1, width + 1)] = True
    hidden &= rng.random(hidden.shape) < rng.choice([0.1, 1.0])
    if not hidden.any():
        return
    crop = crop_round(hidden, context)
    mask = crop.resized_mask(hidden, size)
    drawn = np.where(mask[..., None], np.uint8(255), np.uint8(0)) * np.ones(3, np.uint8)
    assert (crop.put_back(drawn, height, width)[hidden] == 255).all()
    blocks = mask.reshape(size // 8, 8, size // 8, 8)
    assert (blocks.any(axis=(1, 3)) == blocks.all(axis=(1, 3))).all()  # whole latent pixels


def test_a_hidden_pixel_on_the_seam_of_two_blocks_takes_both() -> None:
    """Pixel 10 of 40 begins at 8 of 32, but is interpolated between pixels 7 and 8."""
    hidden = np.zeros((40, 40), bool)
    hidden[10, 10] = True
    mask = SquareCrop(0, 0, 40).resized_mask(hidden, 32)
    assert mask[:16, :16].all()
    assert not mask[16:].any()
    assert not mask[:, 16:].any()


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.floats(0, 2))
@settings(max_examples=60, deadline=None)
def test_crop_there_and_back(seed: int, height: int, width: int, context: float) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    wanted = rng.random((height, width)) < 0.1
    wanted[rng.integers(0, height), rng.integers(0, width)] = True
    crop = crop_round(wanted, context)
    assert crop.cut(wanted)[: crop.side, : crop.side].sum() >= wanted.sum()
    assert crop.side > min(height, width) or (crop.left >= 0 and crop.top >= 0)
    back = crop.put_back(crop.resized(image, crop.side), height, width)
    inside = np.zeros((height, width), bool)
    inside[max(0, crop.top) : crop.top + crop.side, max(0, crop.left) : crop.left + crop.side] = True
    np.testing.assert_array_equal(back[inside], image[inside])
    assert inside[wanted].all()


def test_beyond_the_image_the_crop_is_its_mirror() -> None:
    image = np.arange(30, dtype=np.uint8).reshape(5, 6)
    np.testing.assert_array_equal(SquareCrop(-2, -3, 11).cut(image), np.pad(image, ((3, 3), (2, 3)), mode="reflect"))
    np.testing.assert_array_equal(SquareCrop(-9, -9, 22).cut(image), np.pad(image, ((9, 8), (9, 7)), mode="reflect"))


def test_depth_there_and_back_within_half_a_step() -> None:
    span = DepthRange(1.2, 2.2)
    assert span.step_m == pytest.approx(1 / 255)
    depth_m = np.random.default_rng(0).uniform(1.2, 2.2, (40, 50)).astype(np.float32)
    np.testing.assert_allclose(span.decode(span.encode(depth_m)), depth_m, atol=span.step_m / 2 + 1e-6)
    beyond = span.decode(span.encode(np.float32([[0.5, 3.0]])))
    np.testing.assert_allclose(beyond, [[1.2, 2.2]], atol=1e-6)
    holes = depth_m.copy()
    holes[10:20, 10:20] = 0
    filled = span.decode(span.encode(holes))
    assert np.abs(filled[11:19, 10] - depth_m[11:19, 9]).max() < span.step_m
    third = np.uint8([[[100, 101, 101]]])  # channels that disagree are finer than one step
    assert span.decode(third)[0, 0] == pytest.approx(1.2 + span.step_m * (100 + 2 / 3), abs=1e-6)


def test_depth_range_holds_the_object_and_is_tight() -> None:
    view, true_m = plane_view()
    span = depth_range(view.depth_m, view.fact == Fact.OBJECT, view.hidden, CAMERA)
    assert span.near_m < np.percentile(true_m, 1)
    assert span.far_m > np.percentile(true_m, 99)
    width_m = 2 * 121 / 110
    assert span.far_m - span.near_m < np.ptp(true_m) + width_m


def test_normals_there_and_back_within_a_quantum() -> None:
    normal = np.random.default_rng(0).normal(size=(60, 50, 3))
    normal[..., 2] = -np.abs(normal[..., 2])
    normal = (normal / np.linalg.norm(normal, axis=-1, keepdims=True)).astype(np.float32)
    normal[:5] = 0
    back = normal_of_picture(picture_of_normal(normal))
    assert not back[:5].any()
    np.testing.assert_allclose(back[5:], normal[5:], atol=1.5 / 255)
    assert not normal_of_picture(np.full((2, 2, 3), 127, np.uint8)).any()
    facing = picture_of_normal(np.broadcast_to(np.float32([0, 0, -1]), (1, 1, 3)))
    assert facing[0, 0].tolist() == [128, 128, 255]  # the blue of normal maps


class Shifted:
    """Draws one even picture of the brightest colour it is shown, ten levels brighter than that."""

    size = 64

    def __call__(self, image: np.ndarray, **rest: object) -> np.ndarray:
        return np.full_like(image, image.max() + 10)


def test_drawn_depth_is_tied_to_the_sensed_one() -> None:
    view, true_m = plane_view((0.0, 0.0, -1.0))
    painter = DiffusionPainter(Shifted(), InpaintSettings())
    depth_m = painter.depth(view)
    np.testing.assert_allclose(depth_m[view.hidden], true_m[view.hidden], atol=1e-5)
    assert not depth_m[~view.hidden].any()
    unseen = replaced(view, fact=np.full_like(view.fact, Fact.OTHER))
    assert not painter.depth(unseen).any()


def test_what_the_model_is_asked() -> None:
    model, how = NoiseModel(), InpaintSettings(negative_prompt="people", steps=7, strength=0.9, guidance=3.0, seed=5)
    view, _ = plane_view()
    painter = DiffusionPainter(model, how)
    color = painter.color(view)
    painter.depth(view)
    painter.normal(view, np.zeros((*view.hidden.shape, 3), np.float32))
    assert (painter.confidence, painter.least_grey) == (how.confidence, how.least_grey) == (0.5, 10)
    asked = {key: model.calls[0][key] for key in ("prompt", "negative_prompt", "steps", "strength", "guidance")}
    assert asked == {
        "prompt": "a table, no background",
        "negative_prompt": "people",
        "steps": 7,
        "strength": 0.9,
        "guidance": 3.0,
    }
    assert [call["seed"] for call in model.calls] == [seed_of(5, 3, kind) for kind in ("color", "depth", "normal")]
    assert len({seed_of(s, v, kind) for s in (0, 1) for v in range(5) for kind in ("color", "depth", "normal")}) == 30
    np.testing.assert_array_equal(color[~view.hidden], view.color[~view.hidden])
    np.testing.assert_array_equal(painter.color(view), color)
    assert (painter.color(replaced(view, index=4)) != color).any()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Networks this small lose their time in waiting for threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_a_tiny_diffusion_model_end_to_end(inpainter_folder: Path) -> None:
    """Through the adapter and diffusers themselves: the same seed gives the same bits, another one other colours."""
    from models.pretrained.inpainter import load_inpainter
    from models.pretrained.settings import Weights

    inpainter = load_inpainter(Weights(id=str(inpainter_folder)), "cpu")
    scene = boarded_box(1, half_angle=0.0)
    outs = []
    for seed in (0, 0, 1):
        how = InpaintSettings(steps=2, seed=seed, least_grey=0, contradictions=100)
        outs.append(inpaint(scene.views, scene.views.color, scene.hidden, DiffusionPainter(inpainter, how), how))
    filled = [out.hidden.confidence > 0 for out in outs if out.hidden is not None]
    assert len(filled) == 3
    assert filled[0].any()
    assert outs[0].color.tobytes() == outs[1].color.tobytes() != outs[2].color.tobytes()
    assert outs[0].color[~filled[0]].tobytes() == scene.views.color[~filled[0]].tobytes()
