"""A field whose every answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.rays import intersect_sphere
from models.records import RayBatch
from scene.records import Fact

# The tests' tensors are small: a second thread gains nothing, and waits for seconds where other work holds its core.
torch.set_num_threads(1)


class SphereField:
    """A sphere about the origin, coloured by its normal; trainable radius, centre offset and sharpness."""

    def __init__(self, radius: float = 0.5, inv_s: float = 2000.0, dtype: torch.dtype = torch.float32) -> None:
        self.radius = torch.tensor(radius, dtype=dtype, requires_grad=True)
        self.centre = torch.zeros(3, dtype=dtype, requires_grad=True)
        self.log_inv_s = torch.tensor(inv_s, dtype=dtype).log().requires_grad_()

    def sdf(self, x: Tensor) -> Tensor:
        return (x - self.centre).norm(dim=-1) - self.radius

    def gradient(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.sdf(x), torch.nn.functional.normalize(x - self.centre, dim=-1), x[:, :1]

    def color(self, x: Tensor, normal: Tensor, direction: Tensor, feature: Tensor) -> Tensor:
        return 0.5 + 0.5 * normal

    def inv_s(self) -> Tensor:
        return self.log_inv_s.exp()


def make_rays(count: int = 64, dtype: torch.dtype = torch.float32, seed: int = 0, **given: Tensor) -> RayBatch:
    """Rays from 2.5 away towards the unit sphere, bounded by it; their pixels say UNKNOWN unless ``given``."""
    generator = torch.Generator().manual_seed(seed)
    origins = (
        torch.nn.functional.normalize(torch.randn(count, 3, generator=generator, dtype=torch.float64), dim=-1) * 2.5
    )
    targets = (torch.rand(count, 3, generator=generator, dtype=torch.float64) - 0.5) * 1.2
    directions = torch.nn.functional.normalize(targets - origins, dim=-1)
    origins, directions = origins.to(dtype), directions.to(dtype)
    near, far = intersect_sphere(origins, directions)
    values = {
        "origins": origins,
        "directions": directions,
        "near": near,
        "far": far,
        "color": torch.zeros(count, 3, dtype=dtype),
        "depth": torch.zeros(count, dtype=dtype),
        "fact": torch.full((count,), int(Fact.UNKNOWN), dtype=torch.uint8),
        "normal": torch.zeros(count, 3, dtype=dtype),
        "confidence": torch.ones(count, dtype=dtype),
        **given,
    }
    return RayBatch(**values)


@pytest.fixture
def sphere_field() -> type[SphereField]:
    return SphereField


@pytest.fixture
def rays_from() -> object:
    return make_rays
