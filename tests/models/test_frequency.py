"""Positional encoding against its formula, and its pull-back against autograd."""

import math

import torch

from models.encodings.frequency import frequency_encode, frequency_pull_back, frequency_width


def test_channels_are_the_formula() -> None:
    encoded = frequency_encode(torch.tensor([[0.3]]), 2)
    expected = [0.3, math.sin(0.3), math.cos(0.3), math.sin(0.6), math.cos(0.6)]
    torch.testing.assert_close(encoded, torch.tensor([expected]))
    assert encoded.shape[1] == frequency_width(1, 2)
    assert frequency_width(3, 6) == 39


def test_pull_back_is_autograd_s() -> None:
    torch.manual_seed(0)
    x = torch.randn(20, 3, dtype=torch.float64, requires_grad=True)
    encoded = frequency_encode(x, 4)
    g = torch.randn_like(encoded)
    (expected,) = torch.autograd.grad(encoded, x, g)
    torch.testing.assert_close(frequency_pull_back(g, encoded, 4), expected)
