"""Training of the completion network: batches, rooms in order, a loss that falls, and going on where it stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.completion_net import DISTANCE_M, CompletionNet, CompletionNetSettings, load_completion_net
from scene.errors import UserError
from scene.files import write_json
from training.shape_prior.generate import HELD_OUT, RoomSource
from training.shape_prior.kinds import KINDS, NAMELESS, kind_of
from training.shape_prior.learner import Learner, TrainSettings
from training.shape_prior.look import CHANNELS
from training.shape_prior.objective import completion_loss, held_out_scores
from training.shape_prior.pool import Pool
from training.shape_prior.rooms import Sample
from training.shape_prior.train import train

CPU = torch.device("cpu")
SETTINGS = TrainSettings(steps=4, warm_up_steps=2, cells=8000, most_samples=4, held_out_rooms=1, score_every=3)


def ball(seed: int, shape: tuple[int, int, int] = (16, 16, 16)) -> Sample:
    """A ball whose lower half was sensed."""
    rng = np.random.default_rng(seed)
    index = np.indices(shape).astype(np.float32)
    middle = np.array(shape)[:, None, None, None] / 2 + rng.uniform(-1, 1, (3, 1, 1, 1))
    distance = np.clip((np.linalg.norm(index - middle, axis=0) - 5.0) * 0.02 / DISTANCE_M, -1, 1)
    target = np.rint(127 * distance).astype(np.int8)
    channels = np.zeros((CHANNELS, *shape), np.int8)
    low = index[2] < shape[2] / 2
    near = low & (np.abs(distance) < 0.5)
    channels[0], channels[1] = np.where(near, target, 0), 127 * near
    channels[2] = 127 * (low & (distance > 0.2))
    return Sample(channels, target, "ball")


def room(seed: int) -> list[Sample]:
    """Two balls, or none in every fifth room."""
    return [] if seed % 5 == 4 else [ball(seed), ball(seed + 500)]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def full_pool() -> Pool:
    pool = Pool(CPU, 4)
    for seed in range(4):
        pool.add(ball(seed))
    return pool


def as_batch(sample: Sample) -> tuple[Tensor, Tensor, Tensor]:
    channels, target = torch.from_numpy(sample.channels)[None] / 127, torch.from_numpy(sample.target)[None] / 127
    return channels, target, torch.ones_like(target, dtype=torch.bool)


def test_batches_pad_samples_of_about_one_size_and_say_where_they_are() -> None:
    pool = Pool(CPU, 10)
    for seed, shape in enumerate([(16, 12, 9), (15, 13, 9), (40, 40, 40)]):
        pool.add(ball(seed, shape))
    rng = np.random.default_rng(0)
    for batch in (pool.batch(4000, rng) for _ in range(20)):
        channels, target, there = batch.channels, batch.target, batch.there
        assert channels.shape == (len(target), CHANNELS, *target.shape[1:])
        assert all(side % 8 == 0 for side in target.shape[1:])
        assert (target[~there] == 127).all(), "outside where there is nothing"
        assert (channels.movedim(1, -1)[~there] == 0).all()
        assert set(there.sum(dim=(1, 2, 3)).tolist()) <= {16 * 12 * 9, 15 * 13 * 9, 40**3}


def test_turning_names_x_and_y_anew_and_leaves_z() -> None:
    pool, sample = Pool(CPU, 1), ball(3)
    pool.add(sample)
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(60):
        batch = pool.batch(4000, rng)
        channels, target = batch.channels, batch.target
        np.testing.assert_array_equal(target[0].sum(dim=(0, 1)), sample.target.sum(axis=(0, 1), dtype=np.int64))
        assert torch.equal(channels[0, 0][channels[0, 1] > 0], target[0][channels[0, 1] > 0]), "both turn alike"
        seen.add(target.numpy().tobytes())
    assert len(seen) == 8


def test_most_samples_come_with_their_kind_and_some_without() -> None:
    pool, rng = Pool(CPU, 1), np.random.default_rng(2)
    pool.add(dataclasses.replace(ball(0), label="office chair"))
    kinds = [int(pool.batch(1, rng).kind) for _ in range(400)]
    share = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    assert 0.6 < share[kind_of("chair")] < 0.75
    assert 0.2 < share[NAMELESS] < 0.4
    assert max(kinds) < KINDS


@pytest.mark.parametrize(
    ("label", "same"),
    [("sofa", "couch"), ("nightstand", "cabinet"), ("Computer Desk", "desk"), ("trash can", "basket")],
)
def test_labels_of_a_kind(label: str, same: str) -> None:
    assert kind_of(label) == kind_of(same) != NAMELESS


@pytest.mark.parametrize("label", ["", "object", "piano"])
def test_labels_that_tell_nothing(label: str) -> None:
    assert kind_of(label) == NAMELESS


def test_a_training_may_begin_with_the_weights_of_another(tmp_path: Path) -> None:
    first, second = Learner(SETTINGS, CPU), Learner(dataclasses.replace(SETTINGS, seed=1), CPU)
    first.write_weights(tmp_path / "completion.safetensors")
    about = {"network": dataclasses.asdict(first.average.settings)}
    write_json(tmp_path / "completion.json", about)
    second.begin_with(tmp_path / "completion.safetensors")
    for one, other in zip(first.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(one.half().float(), other)
    second.save(tmp_path / "checkpoints")
    with pytest.raises(UserError, match="began_with"):
        Learner(dataclasses.replace(SETTINGS, seed=1), CPU).resume(tmp_path / "checkpoints")
    about["network"]["kinds"] = 3
    whole = {name: value.contiguous() for name, value in second.average.state_dict().items()}
    save_file({**whole, **_kinds_of(second.average, 3)}, tmp_path / "other.safetensors")
    write_json(tmp_path / "other.json", about)
    with pytest.raises(UserError, match=r"other\.safetensors: is a network of another size"):
        second.begin_with(tmp_path / "other.safetensors")


def test_kinds_may_be_all_that_is_learned() -> None:
    learner, pool, rng = (
        Learner(dataclasses.replace(SETTINGS, only_kinds=True), CPU),
        Pool(CPU, 2),
        np.random.default_rng(0),
    )
    for seed in range(2):
        pool.add(dataclasses.replace(ball(seed), label="lamp"))
    before = {name: value.clone() for name, value in learner._net.state_dict().items()}
    for _ in range(3):
        learner.learn(pool.batch(8000, rng), 0.0)
    changed = {name for name, value in learner._net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {name for name in before if name.startswith("kind.")}
    assert all(bool((scale.weight[NAMELESS] == 0).all()) for scale in learner._net.kind), "what has no kind stays"


def _kinds_of(net: CompletionNet, count: int) -> dict[str, Tensor]:
    return {f"kind.{i}.weight": scale.weight[:count].detach().clone() for i, scale in enumerate(net.kind)}


def test_the_oldest_sample_gives_way() -> None:
    pool = Pool(CPU, 2)
    for seed, side in enumerate((8, 16, 24)):
        pool.add(ball(seed, (side, 16, 16)))
    assert len(pool) == 2
    sides = {max(pool.batch(1, np.random.default_rng(k)).target.shape) for k in range(20)}
    assert sides == {16, 24}


def test_rooms_come_in_the_order_of_their_seeds(threads: ThreadPoolExecutor) -> None:
    made: list[int] = []

    def noted(seed: int) -> list[Sample]:
        made.append(seed)
        return [dataclasses.replace(ball(0), label=str(seed))]

    source = RoomSource(threads, 300, held_out=2, ahead=3, make=noted)
    assert [sample.label for sample in source.held_out()] == [str(HELD_OUT), str(HELD_OUT + 1)]
    assert [source.take()[0].label for _ in range(4)] == ["300", "301", "302", "303"]
    ready = [samples[0].label for samples in source.ready()]
    assert ready == ["304", "305", "306"][: len(ready)]
    assert {HELD_OUT, HELD_OUT + 1, *range(300, 304)} <= set(made) <= {HELD_OUT, HELD_OUT + 1, *range(300, 310)}


def test_a_room_that_fails_stops_the_training(threads: ThreadPoolExecutor) -> None:
    def failing(seed: int) -> list[Sample]:
        raise ZeroDivisionError(seed)

    with pytest.raises(ZeroDivisionError):
        RoomSource(threads, 0, held_out=1, ahead=1, make=failing).take()


def test_the_loss_is_least_for_the_truth_and_ignores_what_is_not_there() -> None:
    channels, target, there = as_batch(ball(0))
    logit = torch.zeros_like(target)
    best = completion_loss(target, logit, channels, target, there)
    for wrong in (target + 0.2, -target, torch.ones_like(target)):
        assert completion_loss(wrong, logit, channels, target, there) > best
    there[:, 8:] = False
    other = target.clone()
    other[:, 8:] = -1
    one, two = (completion_loss(0.9 * target, logit, channels, t, there) for t in (target, other))
    assert torch.equal(one, two)


def test_gradients_are_finite_even_for_extremes() -> None:
    channels, target, there = as_batch(ball(0))
    for scale in (0.0, 1.0, 1e4):
        prediction = torch.tanh(scale * target).requires_grad_()
        logit = (scale * target).requires_grad_()
        completion_loss(prediction, logit, channels, target, there).backward()
        for value in (prediction, logit):
            assert value.grad is not None
            assert bool(value.grad.isfinite().all())
    nothing = torch.zeros_like(there)
    assert completion_loss(target, target, channels, target, nothing) == 0


class Oracle(CompletionNet):
    """Knows the one target, and moves it outwards by ``off``."""

    def __init__(self, target: Tensor, off: float) -> None:
        super().__init__(CompletionNetSettings(CHANNELS, KINDS, (2, 2), (1, 1)))
        self._answer = (target + off).clamp(-1, 1)

    def forward(self, channels: Tensor, kind: Tensor) -> tuple[Tensor, Tensor]:
        return self._answer, torch.full_like(self._answer, 2.0)


def test_scores_are_whole_for_the_truth_and_fall_with_the_error() -> None:
    sample = ball(0)
    target = torch.from_numpy(sample.target)[None] / 127
    perfect, near, far = (held_out_scores(Oracle(target, off), [sample], CPU) for off in (0.0, -0.15, -0.45))
    assert {perfect[name] for name in ("hidden_recall", "hidden_precision", "hidden_f", "hidden_iou")} == {1.0}
    assert perfect["sureness"] == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-3)
    assert perfect["hidden_iou"] > near["hidden_iou"] > far["hidden_iou"]
    assert near["hidden_f"] > 0.8 > 0.2 > far["hidden_f"], "1.2 cm off is right at 2 cm, 3.6 cm off is not"
    assert held_out_scores(Oracle(target, 0.0), [], CPU)["hidden_f"] == 0


def test_a_few_steps_lower_the_loss() -> None:
    learner, pool, rng = Learner(SETTINGS, CPU), full_pool(), np.random.default_rng(0)
    losses = [float(learner.learn(pool.batch(8000, rng), 0.0)) for _ in range(14)]
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


def test_what_is_resumed_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    pool = full_pool()
    batches = [pool.batch(4000, np.random.default_rng(k)) for k in range(4)]
    learner, again = Learner(SETTINGS, CPU), Learner(SETTINGS, CPU)
    for batch in batches[:2]:
        learner.learn(batch, 0.1)
    learner.rooms, learner.seconds = 7, 3.5
    learner.save(tmp_path)
    again.resume(tmp_path)
    assert (again.step, again.rooms, again.seconds) == (2, 7, 3.5)
    for batch in batches[2:]:
        assert torch.equal(learner.learn(batch, 0.2), again.learn(batch, 0.2))
    for one, other in zip(learner.average.parameters(), again.average.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_rate_rises_then_falls_to_a_hundredth() -> None:
    settings = TrainSettings(learning_rate=1e-3, warm_up_steps=10)
    rates = [settings.rate(step, 0.0) for step in range(10)]
    assert rates == sorted(rates)
    assert rates[-1] == settings.rate(10, 0.0) == 1e-3
    assert settings.rate(10, 0.5) == pytest.approx(0.505e-3)
    assert settings.rate(10, 1.0) == pytest.approx(1e-5)


def test_training_stops_goes_on_and_leaves_weights_that_load(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    rooms_from = partial(RoomSource, threads, held_out=1, ahead=2, make=room)
    first = train(tmp_path, SETTINGS, CPU, rooms_from)
    assert (first["step"], first["held_out"]["objects"]) == (4, 2)
    longer = dataclasses.replace(SETTINGS, steps=7)
    second = train(tmp_path, longer, CPU, rooms_from)
    assert second["step"] == 7
    assert second["rooms"] > first["rooms"]
    assert second["seconds"] >= first["seconds"]
    assert [line.split(",")[0] for line in (tmp_path / "log.csv").read_text().split()] == ["step", "3", "4", "6", "7"]
    write_json(tmp_path / "completion.json", second)
    net = load_completion_net(tmp_path / "completion.safetensors")
    assert net.settings == CompletionNetSettings(CHANNELS, KINDS)
    with pytest.raises(UserError, match=r"training\.seed = 0, this run has 1"):
        train(tmp_path, dataclasses.replace(longer, seed=1), CPU, rooms_from)


def test_minutes_end_a_training_too(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    rooms_from = partial(RoomSource, threads, held_out=1, ahead=2, make=room)
    short = dataclasses.replace(SETTINGS, steps=1_000_000, minutes=1e-3)
    assert train(tmp_path, short, CPU, rooms_from)["step"] < 100


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"seed": 10}, {"seed": -1}, {"minutes": 0.0}, {"held_out_rooms": 0}])
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        TrainSettings(**wrong)
