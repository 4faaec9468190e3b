"""How much the object, seen from where no camera stood, looks like what it is (O2-Recon's CLIP consistency)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from models.losses import loss_term
from models.records import Step
from scene.errors import UserError


@loss_term("clip")
def clip(
    step: Step,
    *,
    every: int = 5,
    size: int = 30,
    samples: int = 32,
    image: float = 1.0,
    text: float = 1.0,
    normals: float = 1.0,
) -> Float[Tensor, ""]:
    """Mean cosine distance of renders from a novel view to the best-scored view and to the text; 0 between its steps.

    Every ``every``-th step ``size`` x ``size`` pixels are rendered with ``samples`` samples a ray, in colour and as
    normals: 30 is 1/16 of 480, as published.  ``image`` and ``text`` weigh what they are compared with, ``normals`` the
    normal renders against the coloured ones.
    """
    if min(every, size, samples - 1) < 1 or min(image, text, normals) < 0 or image + text == 0:
        raise UserError("loss clip: every and size must be 1 or more, samples 2, no weight negative, image or text > 0")
    if step.novel is None:
        raise ValueError("the clip loss was asked for in a fit without novel views")
    if (step.iteration + 1) % every:
        return step.field.inv_s().detach().new_zeros(())
    view = step.novel(size, samples)
    wanted = view.wanted
    compared = [
        (view.color, wanted.seen_color, image),
        (view.color, wanted.color_text, text),
        (view.normal, wanted.normal_text, normals * text),
    ]
    if wanted.seen_normal is not None:
        compared.append((view.normal, wanted.seen_normal, normals * image))
    distances = [weight * (1.0 - (seen * target).sum()) for seen, target, weight in compared]
    return torch.stack(distances).sum() / sum(weight for _, _, weight in compared)
