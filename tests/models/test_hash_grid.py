"""The hash grid: its layout against arithmetic, its reference against autograd's checks, its backends against it."""

import itertools

import numba
import numpy as np
import pytest
import torch

from models.encodings import build_hash_grid
from models.encodings.hash_grid import grid_layout, hash_encode_torch, hash_pull_back_torch, vertex_rows
from models.encodings.hash_grid_numba import hash_encode_numba, hash_pull_back_numba
from models.fields import build_field
from models.settings import FieldSettings, HashGridSettings
from scene.config import from_dict
from scene.errors import UserError

SMALL = HashGridSettings(levels=3, features=2, log2_table=5, base_resolution=2, finest_resolution=7)


def random_settings(rng: np.random.Generator) -> HashGridSettings:
    base = int(rng.integers(2, 9))
    return HashGridSettings(
        levels=int(rng.integers(1, 9)),
        features=int(rng.integers(1, 9)),
        log2_table=int(rng.integers(4, 13)),
        base_resolution=base,
        finest_resolution=int(rng.integers(base, 65)),
    )


def awkward_positions(rng: np.random.Generator, settings: HashGridSettings, count: int) -> torch.Tensor:
    """Inside, outside, on the cube's faces, and on cell borders of a level."""
    position = torch.tensor(rng.uniform(-0.3, 1.3, (count, 3)), dtype=torch.float32)
    scale = rng.choice(grid_layout(settings).scales)
    on_border = (np.float32(rng.integers(1, max(2, int(scale)), (count // 4, 3))) - np.float32(0.5)) / np.float32(scale)
    position[: count // 4] = torch.from_numpy(on_border)
    position[count // 4 : count // 3] = torch.tensor(rng.integers(0, 2, (count // 3 - count // 4, 3))).float()
    return position


@pytest.mark.parametrize("seed", range(12))
def test_compiled_grid_equals_reference_in_value_and_all_derivatives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    settings = random_settings(rng)
    layout = grid_layout(settings)
    position = awkward_positions(rng, settings, int(rng.integers(1, 1200)))
    torch.manual_seed(seed)
    table = torch.randn(layout.offsets[-1], settings.features)
    weight = torch.rand(layout.levels) * (torch.arange(layout.levels) != 1)  # the second level is closed
    g = torch.randn(len(position), layout.levels * settings.features)
    tangent = torch.randn(len(position), 3)

    results = []
    for encode, pull_back in [(hash_encode_torch, hash_pull_back_torch), (hash_encode_numba, hash_pull_back_numba)]:
        x, t, u = (tensor.clone().requires_grad_() for tensor in (position, table, g))
        encoded = encode(x, t, weight, layout)
        to_x, to_t = torch.autograd.grad(encoded, (x, t), u, create_graph=True)
        mixed = torch.autograd.grad(to_x, (u, t, x), tangent, retain_graph=True)
        of_table = torch.autograd.grad(to_t, (u, x), torch.sin(table))
        pulled = pull_back(u, x, t, weight, layout)
        of_pulled = torch.autograd.grad(pulled, (u, t, x), tangent)
        results.append([encoded, to_x, to_t, *mixed, *of_table, pulled, *of_pulled])
    for reference, compiled in zip(*results, strict=True):
        largest = reference.detach().abs().max().item()
        torch.testing.assert_close(compiled, reference, rtol=2e-4, atol=2e-5 * max(largest, 1e-3))


def test_reference_passes_first_and_second_derivative_checks_in_float64() -> None:
    torch.manual_seed(0)
    layout = grid_layout(SMALL)
    position = (torch.rand(3, 3, dtype=torch.float64) * 1.2 - 0.1).requires_grad_()
    table = torch.randn(layout.offsets[-1], 2, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([1.0, 0.7, 0.3], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x, t: hash_encode_torch(x, t, weight, layout), (position, table))
    assert torch.autograd.gradgradcheck(lambda x, t: hash_encode_torch(x, t, weight, layout), (position, table))
    g = torch.randn(3, layout.levels * 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda u, x, t: hash_pull_back_torch(u, x, t, weight, layout), (g, position, table))


def test_encoding_is_trilinear_between_vertices() -> None:
    layout = grid_layout(HashGridSettings(levels=1, features=1, base_resolution=5, finest_resolution=5))
    corner = torch.tensor(list(itertools.product(range(5), repeat=3)))
    table = torch.zeros(layout.offsets[-1], 1)
    values = corner.float() @ torch.tensor([1.0, 10.0, 100.0])
    table[vertex_rows(*corner.unbind(-1), layout, 0), 0] = values
    position = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) * 0.85
    on_grid = position * 4.0 + 0.5
    encoded = hash_encode_torch(position, table, torch.ones(1), layout)
    torch.testing.assert_close(encoded[:, 0], on_grid @ torch.tensor([1.0, 10.0, 100.0]), rtol=1e-5, atol=1e-3)


def test_layout_follows_instant_ngp() -> None:
    layout = grid_layout(
        HashGridSettings(levels=2, features=1, log2_table=12, base_resolution=15, finest_resolution=64)
    )
    assert layout.scales == (14.0, 63.0)
    assert layout.resolutions == (15, 64)
    assert layout.offsets == (0, 3376, 3376 + 4096)  # 15^3 = 3375 rounded up to a multiple of 8; then 2^12
    assert layout.is_dense(0)
    assert not layout.is_dense(1)
    i, j, k = torch.tensor([3]), torch.tensor([60]), torch.tensor([41])
    hashed = (3 ^ (60 * 2654435761 % 2**32) ^ (41 * 805459861 % 2**32)) % 4096
    assert int(vertex_rows(i, j, k, layout, 1)) == 3376 + hashed


def test_same_bits_for_any_number_of_threads() -> None:
    grid = build_hash_grid(HashGridSettings(levels=5), "numba")
    x = torch.rand(5000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, max(2, threads)):
            torch.set_num_threads(count)
            grid.table.grad = None
            encoded = grid(x)
            assert numba.get_num_threads() <= count
            encoded.square().sum().backward()
            assert grid.table.grad is not None
            results.append(grid.table.grad.clone())
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(results[0], results[1])


def test_levels_open_from_coarse_to_fine() -> None:
    grid = build_hash_grid(HashGridSettings(levels=4), "torch")
    for progress, expected in [(0.0, [1, 0, 0, 0]), (0.375, [1, 0.5, 0, 0]), (0.75, [1, 1, 1, 0]), (1.0, [1, 1, 1, 1])]:
        grid.open_levels(progress)
        assert grid.level_weight.tolist() == expected
    grid.open_levels(0.375)
    features = grid(torch.rand(5, 3)).reshape(5, 4, 2)
    assert features[:, 0].abs().min() > 0
    assert features[:, 2:].abs().max() == 0


def test_backends_share_a_checkpoint_and_auto_follows_the_type() -> None:
    reference, compiled, auto = (build_hash_grid(SMALL, name) for name in ("torch", "numba", "auto"))
    compiled.load_state_dict(reference.state_dict())
    auto.load_state_dict(reference.state_dict())
    x = torch.rand(40, 3)
    torch.testing.assert_close(compiled(x), reference(x))
    torch.testing.assert_close(auto.double()(x.double()), reference.double()(x.double()))


def test_unknown_backend_and_impossible_grid_are_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match="'cuda' is not known; choose one of auto, torch, numba"):
        build_hash_grid(SMALL, "cuda")
    with pytest.raises(UserError, match="base_resolution <= finest_resolution"):
        from_dict({"hash": {"grid": {"base_resolution": 200}}}, FieldSettings)


def test_a_position_that_is_no_number_does_no_harm() -> None:
    position = torch.full((10, 3), float("nan"))
    position[5:] = float("inf")
    assert torch.isfinite(build_hash_grid(SMALL, "numba")(position)).all()
    assert torch.isnan(build_field(FieldSettings(), seed=0).sdf(position[:5])).all(), "and is not hidden by the field"


def test_compiled_grid_refuses_other_types() -> None:
    with pytest.raises(TypeError, match="float32"):
        build_hash_grid(SMALL, "numba").double()(torch.rand(4, 3, dtype=torch.float64))
