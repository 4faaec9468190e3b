"""Functions found by name: options come in their default's kind, or are refused in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scene.config import load
from scene.errors import UserError
from settings import Settings
from training.priors import prior


@pytest.fixture
def taking_all() -> Iterator[None]:
    @prior("taking_all")
    def taking_all(evidence: Any, *, count: int = 2, share: float = 0.5, firmly: bool = True, how: str = "well") -> Any:
        return count, share, firmly, how

    yield
    prior.forget("taking_all")


@pytest.mark.usefixtures("taking_all")
def test_options_come_in_the_kind_of_their_defaults() -> None:
    given = {"count": 3.0, "share": 1, "firmly": False, "how": "badly"}
    taken = prior.find({"taking_all": given})["taking_all"](None)
    assert taken == (3, 1.0, False, "badly")
    assert [type(value) for value in taken] == [int, float, bool, str]


@pytest.mark.usefixtures("taking_all")
@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("count", 2.7, "a whole number, not 2.7; without it, it is 2"),
        ("count", True, "a whole number, not True"),
        ("count", float("inf"), "a whole number, not inf"),
        ("share", "much", "a number, not 'much'"),
        ("share", True, "a number, not True"),
        ("firmly", "yes", "true or false, not 'yes'"),
        ("firmly", 1.0, "true or false, not 1.0"),
        ("how", 3, "a word, not 3"),
    ],
)
def test_what_would_be_truncated_is_refused(option: str, value: Any, wanted: str) -> None:
    with pytest.raises(UserError) as refused:
        prior.find({"taking_all": {option: value}})
    assert str(refused.value).startswith(f"prior taking_all: option {option} must be {wanted}")


def test_a_configuration_hands_options_on_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("fit.priors.parsimony.options { steps = 20, free_contact = false, volume_price = 1.5 }")
    options = load(path, Settings).fit.priors["parsimony"].options
    assert prior.find({"parsimony": options})["parsimony"].keywords == {
        "steps": 20,
        "free_contact": False,
        "volume_price": 1.5,
    }
    word = load(path, Settings, ["fit.priors.parsimony.options.free_contact=yes"]).fit.priors["parsimony"].options
    with pytest.raises(UserError, match="prior parsimony: option free_contact must be true or false"):
        prior.find({"parsimony": word})
