"""What the bench compares: derived from the configuration, picked and added to by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from scene.errors import UserError
from scripts.bench_base import Options
from scripts.bench_make import run_program
from scripts.bench_methods import Method, choose, methods_of, refuse_same_names, variant
from scripts.bench_published import Published, published, shortened
from settings import Settings

PRIORS = "fit.priors={ second {}, off { enabled = false }, first {}, third { options { a = 1 } } }"


def options_with(tmp_path: Path, text: str) -> Options:
    conf = tmp_path / "some.conf"
    conf.write_text(text)
    return Options(conf)


def all_methods(settings: Settings) -> list[Method]:
    return methods_of(settings, Published(Path("pace.json")))


def enabled(method: Method) -> list[str]:
    assert isinstance(method.make, partial)
    assert method.make.func is run_program
    priors = method.make.keywords["settings"].fit.priors
    return [name for name, prior in priors.items() if prior.enabled]


def names(methods: Sequence[Method]) -> list[str]:
    return [method.name for method in methods]


def test_each_enabled_prior_is_added_in_turn_and_ours_is_the_last(tmp_path: Path) -> None:
    methods = all_methods(options_with(tmp_path, PRIORS).settings())
    assert names(methods) == ["fusion", "published", "no-priors", "+second", "+first", "ours"]
    assert [enabled(method) for method in methods[2:5]] == [[], ["second"], ["second", "first"]]
    assert "`third`" in methods[-1].meaning


def test_without_priors_ours_is_the_fit_without_priors(tmp_path: Path) -> None:
    assert names(all_methods(options_with(tmp_path, "mesh.resolution = 64").settings())) == [
        "fusion",
        "published",
        "ours",
    ]


def test_the_default_configuration_names_all_its_priors() -> None:
    settings = Options().settings()
    chosen = names(all_methods(settings))
    assert chosen[3:-1] == [f"+{name}" for name, prior in settings.fit.priors.items() if prior.enabled][:-1]


def test_methods_are_picked_by_name_in_their_own_order(tmp_path: Path) -> None:
    methods = all_methods(options_with(tmp_path, PRIORS).settings())
    assert names(choose(methods, ["ours", "+first", "fusion"])) == ["fusion", "+first", "ours"]
    with pytest.raises(UserError, match=r"--methods poisson: there is no such method; there are fusion,"):
        choose(methods, ["fusion", "poisson"])


def test_a_variant_is_the_program_with_settings_of_its_own(tmp_path: Path) -> None:
    options = options_with(tmp_path, "mesh { resolution = 64, components = 2 }")
    own = variant("fine=mesh.resolution=128 score.seed=3", options)
    settings = own.make.keywords["settings"]  # type: ignore[attr-defined]
    assert (own.name, settings.mesh.resolution, settings.mesh.components, settings.score.seed) == ("fine", 128, 2, 3)
    assert "mesh.resolution=128 score.seed=3" in own.meaning


@pytest.mark.parametrize(
    "text", ["fine", "fine=", "=mesh.resolution=64", "../fine=mesh.resolution=64", "..=a=1", "x='a"]
)
def test_a_variant_without_name_or_settings_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--variant"):
        variant(text, Options())


def test_a_variant_may_neither_be_mistyped_nor_find_other_objects() -> None:
    with pytest.raises(UserError, match=r"mesh\.voxel_m"):
        variant("fine=mesh.voxel=0.005", Options())
    with pytest.raises(UserError, match="same objects"):
        variant("other=segment.surface.voxel_m=0.5", Options())


def test_two_methods_of_one_name_are_refused() -> None:
    one = variant("ours=mesh.voxel_m=0.02", Options())
    with pytest.raises(UserError, match="--variant ours"):
        refuse_same_names([*all_methods(Options().settings()), one])


def test_the_published_fit_is_shortened_to_its_budget_in_proportion() -> None:
    fit = published().fit
    pace = {"stage1": 0.5, "stage2": 1.0}  # seconds a step
    short = shortened(fit, pace, budget_s=40.005)  # a thousandth of 20,010 x 0.5 + 30,000 x 1.0
    one, two = short.phases["stage1"], short.phases["stage2"]
    assert (one.steps, two.steps) == (20, 30)
    assert one.steps * pace["stage1"] + two.steps * pace["stage2"] <= 40.005
    assert (one.warm_up_steps, two.schedule_offset) == (5, 20)
    assert one.loss("normal").warm_up_steps == 20
    assert one.loss("normal").weight == fit.phases["stage1"].loss("normal").weight


def test_a_published_fit_has_a_step_of_each_stage_at_least_and_no_more_than_all() -> None:
    fit = published().fit
    pace = {"stage1": 0.5, "stage2": 1.0}
    assert [phase.steps for phase in shortened(fit, pace, 0.0).phases.values()] == [1, 1]
    assert [phase.steps for phase in shortened(fit, pace, 1e9).phases.values()] == [20010, 30000]
