"""The object as it looks from where no camera stood, through the eyes of an image and text network.

Places are drawn as O2-Recon draws them: turned from a training view about the middle of the object's box by a normally
distributed yaw and pitch, and between the box's radius and 0.9 of the farthest camera away.  The box is that of the
field as it is, so that it shrinks as the surface settles.  Nothing is kept from one view to the next.

Frames: normalised; a rotation takes camera axes (OpenCV) to the normalised frame's.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from models.empty_space import Occupancy, find_occupancy
from models.pretrained.encoder import ImageTextEncoder
from models.rays import intersect_sphere
from models.records import FieldFunctions, Likeness, NovelView, RayBatch
from models.renderer import render
from models.settings import RenderSettings
from scene.errors import UserError
from scene.records import Fact, ObjectViews
from scene.view_notes import spoken
from training.batches import Cameras
from training.render_view import normal_colors
from training.settings import FitSettings

TURN_RAD = 0.5  # standard deviation of yaw and pitch
FARTHEST = 0.9  # of the distance of the farthest camera
STEEPEST_RAD = math.radians(85.0)  # straight above there is no upright picture
COLOR_TEXT, NORMAL_TEXT = "a photo of a {label}", "a normal map of a {label}"


@dataclass(frozen=True)
class Place:
    """Where a camera stands and how it is turned."""

    rotation: Float[Tensor, "3 3"]
    eye: Float[Tensor, " 3"]


def wanted_novel_views(
    views: ObjectViews, settings: FitSettings, clip: ImageTextEncoder | None, device: torch.device
) -> NovelViews | None:
    """What the clip loss looks at, where a phase has one.  Raises UserError where it has and there is no network."""
    wanting = [name for name, phase in settings.phases.items() if "clip" in phase.losses]
    if not wanting:
        return None
    if clip is None:
        raise UserError(
            f"fit.phases.{wanting[0]}.losses.clip: needs CLIP's weights; run python scripts/download_weights.py clip, "
            "or take this loss out"
        )
    return NovelViews(views, clip, settings.render, device)


class NovelViews:
    """Draws places, renders the field from there, and has the network look at it."""

    def __init__(
        self, views: ObjectViews, clip: ImageTextEncoder, settings: RenderSettings, device: torch.device
    ) -> None:
        self._views, self._clip, self._settings, self._device = views, clip, settings, device
        self._cameras = Cameras.of(views, device)
        up = views.up if views.up is not None else -views.world_from_camera[:, :3, 1].mean(0)
        self._up = torch.from_numpy(np.asarray(up / np.linalg.norm(up), np.float32)).to(device)

    def see(self, field: FieldFunctions, generator: torch.Generator, size: int, samples: int) -> NovelView:
        """A novel view of ``size`` x ``size`` pixels; differentiable to all that the field is made of.

        At most ``size`` x ``size`` x ``samples`` points of the field are held at once.
        """
        occupancy = find_occupancy(field, self._device)
        place = draw_place(self._cameras, self._up, occupancy, generator)
        color, normal = self.render(field, place, occupancy, generator, size, samples)
        features = self._clip.images(torch.stack([color, normal]))
        return NovelView(features[0], features[1], self._wanted)

    def render(
        self,
        field: FieldFunctions,
        place: Place,
        occupancy: Occupancy,
        generator: torch.Generator | None,
        size: int,
        samples: int,
    ) -> tuple[Float[Tensor, "3 {size} {size}"], Float[Tensor, "3 {size} {size}"]]:
        """Colour and normals (as (n + 1) / 2) of the square in the middle of a view, empty space skipped."""
        rays, meets = _shortened(self._rays(place, size), occupancy)
        settings = dataclasses.replace(self._settings, samples=samples, upsamples=0)
        color = torch.full((size * size, 3), self._background, device=self._device)
        normal = torch.full((size * size, 3), 0.5, device=self._device)
        if len(rays):
            pixels = render(field, rays, settings, generator)
            color = color.index_put((meets,), pixels.color)
            normal = normal.index_put((meets,), normal_colors(pixels, place.rotation))
        as_image = (size, size, 3)
        return color.reshape(as_image).permute(2, 0, 1), normal.reshape(as_image).permute(2, 0, 1)

    def _rays(self, place: Place, size: int) -> RayBatch:
        camera = self._views.camera
        pixel_size = min(camera.width, camera.height) / size
        at = (torch.arange(size, device=self._device) - 0.5 * (size - 1)) * pixel_size
        y, x = torch.meshgrid(at / camera.fy, at / camera.fx, indexing="ij")
        local = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(-1, 3)
        directions = torch.nn.functional.normalize(local @ place.rotation.T, dim=-1)
        origins = place.eye.expand_as(directions)
        return _blank_rays(origins, directions, *intersect_sphere(origins, directions))

    @property
    def _background(self) -> float:
        return 1.0 if self._settings.background == "white" else 0.0

    @cached_property
    def _wanted(self) -> Likeness:
        """What renders are compared with: the same for all of them."""
        with torch.no_grad():
            color, normal = reference_images(self._views, self._background)
            label = spoken(self._views.label)
            texts = self._clip.texts([text.format(label=label) for text in (COLOR_TEXT, NORMAL_TEXT)])
            seen_normal = None if normal is None else self._feature(normal)
            return Likeness(self._feature(color), seen_normal, texts[0], texts[1])

    def _feature(self, image: UInt8[np.ndarray, "s s 3"]) -> Float[Tensor, " d"]:
        return self._clip.images(torch.from_numpy(image).permute(2, 0, 1)[None])[0]


def draw_place(cameras: Cameras, up: Float[Tensor, " 3"], occupancy: Occupancy, generator: torch.Generator) -> Place:
    """A place near some camera's way round the object, from where one looks upright at the middle of its box."""
    low, high = occupancy.box()
    centre, radius = 0.5 * (low + high), 0.5 * (high - low).norm()
    device = generator.device  # other kinds of device draw other numbers from the same seed
    view = int(torch.randint(len(cameras.centre), (1,), generator=generator, device=device))
    yaw, pitch = (TURN_RAD * torch.randn(2, generator=generator, device=device)).to(centre)
    share = torch.rand(1, generator=generator, device=device).to(centre)

    away = cameras.centre - centre
    # Axes about which to turn: any two level ones, and the one upwards.
    other = torch.eye(3, device=up.device)[up.abs().argmin()]
    ahead = torch.nn.functional.normalize(torch.linalg.cross(up, other), dim=0)
    aside = torch.linalg.cross(up, ahead)
    start = torch.nn.functional.normalize(away[view], dim=0)
    yaw = yaw + torch.atan2(start @ aside, start @ ahead)
    pitch = (pitch + torch.asin((start @ up).clamp(-1.0, 1.0))).clamp(-STEEPEST_RAD, STEEPEST_RAD)
    outward = pitch.cos() * (yaw.cos() * ahead + yaw.sin() * aside) + pitch.sin() * up

    distance = torch.lerp(radius, torch.maximum(radius, FARTHEST * away.norm(dim=-1).max()), share)
    right = torch.nn.functional.normalize(torch.linalg.cross(-outward, up), dim=0)
    down = torch.linalg.cross(-outward, right)
    return Place(torch.stack([right, down, -outward], dim=1), centre + distance * outward)


def reference_images(
    views: ObjectViews, background: float
) -> tuple[UInt8[np.ndarray, "s s 3"], UInt8[np.ndarray, "s s 3"] | None]:
    """The object alone in its best-scored view, in the square about it: in colour, and its normals as (n + 1) / 2.

    What was in-painted of it counts as seen.  Raises UserError when no view shows the object.
    """
    mask = np.isin(views.fact, (Fact.OBJECT, Fact.OBJECT_NO_DEPTH))
    if views.hidden is not None:
        mask = mask | (views.hidden.confidence > 0)
    area = mask.sum((1, 2))
    if not area.any():
        raise UserError(f"{views.name}: no pixel of its views shows the object; check its masks and depth images")
    scores = np.asarray(views.scores if len(views.scores) else area, np.float64)
    best = int(np.where(area > 0, scores, -np.inf).argmax())
    color = _alone(views.color[best], mask[best], round(255 * background))
    shown = np.zeros_like(mask[best]) if views.normal is None else mask[best] & views.normal[best].any(-1)
    if views.normal is None or not shown.any():
        return color, None
    as_color = np.rint(127.5 * (views.normal[best].astype(np.float32) + 1.0)).clip(0, 255).astype(np.uint8)
    return color, _alone(as_color, shown, 128)


def _alone(image: UInt8[np.ndarray, "h w 3"], mask: np.ndarray, background: int) -> UInt8[np.ndarray, "s s 3"]:
    """What the mask shows, in the middle of the smallest square that holds it."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    shown = np.where(mask[box][..., None], image[box], np.uint8(background))
    height, width = shown.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), background, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = shown
    return square


def _shortened(rays: RayBatch, occupancy: Occupancy) -> tuple[RayBatch, Tensor]:
    """The rays that may meet something, between where they do; and which they are of all."""
    near, far, meets = occupancy.shortened(rays.origins, rays.directions, rays.near, rays.far)
    return dataclasses.replace(rays, near=near, far=far)[meets], meets


def _blank_rays(
    origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"], near: Float[Tensor, " n"], far: Float[Tensor, " n"]
) -> RayBatch:
    """Rays of pixels that nobody saw."""
    blank = torch.zeros_like(near)
    return RayBatch(
        origins=origins,
        directions=directions,
        near=near,
        far=far,
        color=torch.zeros_like(origins),
        depth=blank,
        fact=torch.full_like(near, int(Fact.UNKNOWN), dtype=torch.uint8),
        normal=torch.zeros_like(origins),
        confidence=blank,
    )
