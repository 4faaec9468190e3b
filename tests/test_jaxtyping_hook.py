"""The shapes in signatures are really checked while the tests run."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from scene.camera import transform


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(TypeCheckError):
        transform(np.eye(3), np.zeros((2, 3)))
