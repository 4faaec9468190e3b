"""The clip loss against arithmetic: what is compared with what, how often, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.losses import loss_term
from models.records import Likeness, NovelView, Step
from scene.errors import UserError
from tests.models.conftest import SphereField

FEATURES = normalize(torch.randn(6, 5, generator=torch.Generator().manual_seed(0)), dim=-1)
COLOR, NORMAL, SEEN_COLOR, SEEN_NORMAL, COLOR_TEXT, NORMAL_TEXT = FEATURES


def step_with(asked: list[tuple[int, int]], iteration: int = 4, seen_normal: Tensor | None = SEEN_NORMAL) -> Step:
    def novel(size: int, samples: int) -> NovelView:
        asked.append((size, samples))
        return NovelView(COLOR, NORMAL, Likeness(SEEN_COLOR, seen_normal, COLOR_TEXT, NORMAL_TEXT))

    return Step(SphereField(), iteration, torch.Generator(), novel=novel)


def value(step: Step, **options: float) -> float:
    return loss_term.find({"clip": options})["clip"](step).item()


def distance(one: Tensor, other: Tensor) -> float:
    return 1.0 - float(one @ other)


def test_it_is_the_weighted_mean_of_cosine_distances() -> None:
    parts = [
        distance(COLOR, SEEN_COLOR),
        distance(COLOR, COLOR_TEXT),
        distance(NORMAL, SEEN_NORMAL),
        distance(NORMAL, NORMAL_TEXT),
    ]
    assert value(step_with([])) == pytest.approx(sum(parts) / 4)
    weights = [2.0, 0.5, 2.0 * 0.3, 0.5 * 0.3]
    expected = sum(w * part for w, part in zip(weights, parts, strict=True)) / sum(weights)
    assert value(step_with([]), image=2.0, text=0.5, normals=0.3) == pytest.approx(expected)
    assert value(step_with([], seen_normal=None), text=0.0) == pytest.approx(parts[0])


def test_a_view_is_rendered_at_every_so_many_steps_only() -> None:
    asked: list[tuple[int, int]] = []
    values = [value(step_with(asked, iteration), every=3, size=12, samples=7) for iteration in range(9)]
    assert [bool(v) for v in values] == [False, False, True] * 3, "so that steps counted from 1 are its multiples"
    assert asked == [(12, 7)] * 3


@pytest.mark.parametrize(
    "options", [{"every": 0}, {"size": 0}, {"samples": 1}, {"text": -1.0}, {"image": 0.0, "text": 0.0}]
)
def test_options_that_mean_nothing_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match="loss clip"):
        value(step_with([]), **options)
