"""What CLIP says of an object's views: how well each shows a thing of its name, and what a thing without one is.

Both look at the square about the object's box, the room round it included.  Where the square leaves the image it is
filled with CLIP's mean colour, which its normalisation turns to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import normalize

from models.pretrained.encoder import ImageTextEncoder
from preprocess.views import Namer, Scorer, ViewCrop, sharpness_times_area
from scene.errors import UserError
from scene.scannet_labels import UNNAMED

VOCABULARY = Path(__file__).with_name("vocabulary.txt")
PROMPTS = ("a photo of a {name}", "a {name} in a room")  # a name's feature is their mean (Radford et al. 2021)
TOP = 5  # names that are kept

_MEAN_COLOR = (123, 117, 104)  # 255 times the mean that CLIP's images were normalised with
_AT_ONCE = 32  # images in the network together


def clip_scorer(clip: ImageTextEncoder) -> Scorer:
    """Cosine between the square crop and the class name, as O2-Recon scores views; one frame's crops together.

    What has no name is like none: its views are scored by sharpness and visible area.
    """
    # Frames are read in threads, and the network keeps all cores busy by itself.
    lock = Lock()

    @cache
    def feature_of(label: str) -> Float[Tensor, " d"]:
        return clip.texts([label])[0]

    def score(crops: Sequence[ViewCrop]) -> list[float]:
        scores = sharpness_times_area(crops)
        named = [i for i, crop in enumerate(crops) if crop.label != UNNAMED]
        if named:
            with lock:
                texts = torch.stack([feature_of(crops[i].label) for i in named])
                cosines = (image_features(clip, [crops[i] for i in named]) * texts).sum(-1)
            for i, cosine in zip(named, cosines.tolist(), strict=True):
                scores[i] = cosine
        return scores

    return score


def clip_namer(clip: ImageTextEncoder, names: Sequence[str] | None = None) -> Namer:
    """Zero-shot names: the cosine between the mean feature of a thing's crops and that of every name's prompts.

    ``names`` are those of ``preprocess/vocabulary.txt`` unless given; their features are made when first asked for.
    """
    known = list(names) if names is not None else read_vocabulary(VOCABULARY)

    @cache
    def vocabulary() -> Float[Tensor, "names d"]:
        texts = clip.texts([prompt.format(name=name) for prompt in PROMPTS for name in known])
        return normalize(texts.reshape(len(PROMPTS), len(known), -1).mean(0), dim=-1)

    def name(crops: Sequence[ViewCrop]) -> Mapping[str, float]:
        seen = normalize(image_features(clip, crops).mean(0), dim=-1)
        cosines = vocabulary() @ seen
        order = torch.argsort(cosines, descending=True, stable=True)[:TOP].tolist()
        return {known[i]: float(cosines[i]) for i in order}

    return name


def read_vocabulary(path: Path) -> list[str]:
    """Names, one a line; what is empty or begins with # does not count.  Raises UserError when there are none."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a list of names ({error}); write one name a line") from error
    names = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not names:
        raise UserError(f"{path}: holds no name; write one a line")
    return names


@torch.no_grad()
def image_features(clip: ImageTextEncoder, crops: Sequence[ViewCrop]) -> Float[Tensor, "n d"]:
    """Unit vectors of the crops' squares."""
    parts = []
    for start in range(0, len(crops), _AT_ONCE):
        squares = [square_crop(crop) for crop in crops[start : start + _AT_ONCE]]
        pixels = [clip.preprocess(torch.from_numpy(square).permute(2, 0, 1)[None]) for square in squares]
        parts.append(clip.encode(torch.cat(pixels)))
    return torch.cat(parts)


def square_crop(crop: ViewCrop) -> UInt8[np.ndarray, "s s 3"]:
    """The square about the middle of the object's box, as wide as the box's longer side."""
    rows, columns = crop.box
    height, width = rows.stop - rows.start, columns.stop - columns.start
    side = max(height, width)
    top, left = rows.start - (side - height) // 2, columns.start - (side - width) // 2
    square = np.empty((side, side, 3), np.uint8)
    square[:] = _MEAN_COLOR
    inside = crop.image[max(top, 0) : top + side, max(left, 0) : left + side]
    y, x = max(-top, 0), max(-left, 0)
    square[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return square
