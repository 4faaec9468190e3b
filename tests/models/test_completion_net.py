"""The completion network: sizes, reach, and weights that are whole or refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.completion_net import WEIGHTS, CompletionNet, CompletionNetSettings, load_completion_net
from scene.errors import UserError

SMALL = CompletionNetSettings(channels=3, kinds=2, widths=(4, 6), blocks=(1, 1))

UNKNOWN = torch.zeros(1, dtype=torch.int64)


def small_net(share: float = 1.0) -> CompletionNet:
    """A network of random weights whose branches count ``share``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = CompletionNet(SMALL)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith("share"):
                value.fill_(share)
    return net.eval()


def grid(*shape: int) -> torch.Tensor:
    return torch.randn(1, 3, *shape, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
@pytest.mark.parametrize("shape", [(8, 8, 8), (7, 9, 5), (1, 2, 3)])
def test_any_grid_keeps_its_shape_and_distances_are_shares(shape: tuple[int, int, int]) -> None:
    distance, logit = small_net()(grid(*shape), UNKNOWN)
    assert distance.shape == logit.shape == (1, *shape)
    assert distance.abs().max() < 1


@torch.inference_mode()
def test_odd_sides_count_as_padded_with_zeros_and_cropped() -> None:
    odd, even = grid(7, 9, 5), torch.zeros(1, 3, 8, 10, 6)
    even[:, :, :7, :9, :5] = odd
    for one, other in zip(small_net()(odd, UNKNOWN), small_net()(even, UNKNOWN), strict=True):
        assert torch.equal(one, other[:, :7, :9, :5])


def test_branches_begin_at_zero() -> None:
    net = CompletionNet(SMALL)
    shares = [value for name, value in net.named_parameters() if name.endswith("share")]
    assert len(shares) == 2
    assert all(float(share.detach()) == 0 for share in shares)
    block, features = net.coarser[0], torch.randn(1, 6, 4, 4, 4)
    assert torch.equal(block(features), features), "a block that passes everything on"


@torch.inference_mode()
def test_what_a_thing_is_matters_only_once_it_was_learned() -> None:
    net, channels, desk = small_net(), grid(8, 8, 8), torch.ones(1, dtype=torch.int64)
    unknown = net(channels, UNKNOWN)[0]
    assert torch.equal(net(channels, desk)[0], unknown)
    net.kind[1].weight[1] += 1.0
    assert torch.equal(net(channels, UNKNOWN)[0], unknown)
    assert not torch.allclose(net(channels, desk)[0], unknown)


@torch.inference_mode()
def test_empty_space_beyond_reach_changes_nothing() -> None:
    net, near = small_net(), grid(40, 8, 8)
    far = torch.zeros(1, 3, 64, 8, 8)
    far[:, :, :40] = near
    change = (net(far, UNKNOWN)[0][0, :40] - net(near, UNKNOWN)[0][0]).abs().amax(dim=(1, 2))
    assert change[-1] > 1e-4, "at the border the grid goes on now"
    assert change[:26].max() < 1e-6


@pytest.mark.parametrize(("channels", "widths", "blocks"), [(0, (4,), (1,)), (1, (4, 4), (1,)), (1, (4, 0), (1, 1))])
def test_impossible_sizes_are_refused(channels: int, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="as many widths as blocks"):
        CompletionNetSettings(channels, 1, widths, blocks)


def write(folder: Path, widths: tuple[int, ...]) -> Path:
    """Weights of the small network beside a JSON that claims ``widths``."""
    weights = folder / "net.safetensors"
    save_file(small_net().state_dict(), weights)
    network = {"channels": 3, "kinds": 2, "widths": widths, "blocks": (1, 1)}
    weights.with_suffix(".json").write_text(json.dumps({"network": network}))
    return weights


@torch.inference_mode()
def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    net, channels = load_completion_net(write(tmp_path, (4, 6))), grid(6, 6, 6)
    assert not net.training
    assert torch.equal(net(channels, UNKNOWN)[0], small_net()(channels, UNKNOWN)[0])


def test_weights_that_are_not_whole_are_refused_in_one_sentence(tmp_path: Path) -> None:
    weights = write(tmp_path, (4, 8))
    broken = [(weights, "not of the size")]
    for name, content in (("cut", weights.read_bytes()[:-9]), ("text", b"weights?"), ("empty", b"")):
        broken.append((tmp_path / f"{name}.safetensors", "cannot be read"))
        broken[-1][0].write_bytes(content)
        broken[-1][0].with_suffix(".json").write_bytes(weights.with_suffix(".json").read_bytes())
    for name, about in (("list", "[]"), ("bare", "{}"), ("torn", '{"network')):
        broken.append((tmp_path / f"{name}.safetensors", "cannot be read"))
        broken[-1][0].write_bytes(weights.read_bytes())
        broken[-1][0].with_suffix(".json").write_text(about)
    broken.append((tmp_path / "absent.safetensors", "No such file"))
    for path, why in broken:
        with pytest.raises(UserError, match=why) as refused:
            load_completion_net(path)
        assert str(refused.value).startswith(str(path))
        assert "fit.priors.learned.enabled=false" in str(refused.value)
        assert "\n" not in str(refused.value)


def test_the_shipped_weights_are_whole_small_and_tell_how_they_were_made() -> None:
    net = load_completion_net()
    assert all(bool(value.isfinite().all()) for value in net.state_dict().values())
    assert WEIGHTS.stat().st_size <= 8e6
    about = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert about["command"].startswith("python -m training.shape_prior.train --out DIR")
    assert about["step"] > 0
    assert {"seed", "steps", "minutes", "learning_rate"} <= set(about["training"])
    assert about["held_out"]["objects"] > 100
    scores = {"hidden_recall", "hidden_precision", "hidden_f", "hidden_iou", "sureness"}
    assert all(0 < about["held_out"][score] <= 1 for score in scores)
