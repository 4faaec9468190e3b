"""The pretrained parts of a run: which the settings ask for, which are here, and what stands in for those that are not.

It is decided once, before any work: every stage after that reads settings that can be met, and the run's record and
page say what stood in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from models.pretrained.settings import Weights
from scene.config import to_dict
from scene.errors import UserError
from scene.files import fingerprint
from scene.runlog import log
from settings import Settings

if TYPE_CHECKING:
    from models.pretrained.clip import Clip
    from preprocess.training_folder import Learned


@dataclass(frozen=True)
class Part:
    """One pretrained network and what the settings do with it."""

    name: str  # of its section in confs/pretrained.conf
    wanted: Callable[[Settings], bool]
    without: Callable[[Settings], Settings]  # the same settings with its stand-in
    instead: Callable[[Settings], str] = lambda _: ""  # what settings that do not want it use in its place, if not that


def _has_clip_loss(settings: Settings) -> bool:
    return any("clip" in phase.losses for phase in settings.fit.phases.values())


def _without_clip(settings: Settings) -> Settings:
    phases = {
        name: replace(phase, losses={loss: weight for loss, weight in phase.losses.items() if loss != "clip"})
        for name, phase in settings.fit.phases.items()
    }
    extract = replace(settings.extract, scorer="sharpness", name_by_clip=False)
    return replace(settings, extract=extract, fit=replace(settings.fit, phases=phases))


def _without_inpainter(settings: Settings) -> Settings:
    inpaint = replace(settings.prepare.inpaint, painter="none")
    return replace(settings, prepare=replace(settings.prepare, inpaint=inpaint))


PARTS = (
    Part(
        "clip",
        lambda s: s.extract.scorer == "clip" or s.extract.name_by_clip or _has_clip_loss(s),
        _without_clip,
    ),
    Part(
        "inpainter",
        lambda s: s.prepare.inpaint.painter == "diffusion",
        _without_inpainter,
        lambda s: (
            "the classical painter, which continues the seen surface"
            if s.prepare.inpaint.painter == "classical"
            else ""
        ),
    ),
    Part(
        "normals",
        lambda s: s.prepare.normals == "predicted",
        lambda s: replace(s, prepare=replace(s.prepare, normals="depth")),
        lambda s: {"none": "no normals", "folder": "those in the object folders"}.get(s.prepare.normals, ""),
    ),
)


ALL = tuple(part.name for part in PARTS)


def choose_parts(settings: Settings, names: Sequence[str] = ALL) -> tuple[Settings, list[dict[str, Any]]]:
    """Settings in which a stand-in takes the place of every part whose weights are absent, and a record a part.

    A stand-in for a part that was asked for is logged in one line.  Raises UserError where absent weights are not the
    register's: whoever names others wants those.
    """
    from models.pretrained.register import presence, read_register, remedy

    records = []
    for part in PARTS:
        if part.name not in names:
            continue
        weights: Weights = getattr(settings.pretrained, part.name)
        wanted = part.wanted(settings)
        found = presence(weights) if wanted else None
        used = found is not None and found.folder is not None
        off = f"{part.instead(settings) or weights.stand_in} (the network is switched off)"
        says = f"{weights.id} is used" if used else off
        if found is not None and not used:
            if weights.id != read_register()[part.name].id:
                raise UserError(f"pretrained.{part.name}.id={weights.id}: {found.reason}; {remedy(weights, part.name)}")
            says = f"{weights.stand_in}: {found.reason}"
            log.warning("%s: %s; to have it, %s", part.name, says, remedy(weights, part.name))
            settings = part.without(settings)
        records.append({"part": part.name, "wanted": wanted, "used": used, "says": says})
    return settings, records


def without_parts(settings: Settings) -> Settings:
    """The settings with every stand-in: what they come to where no weights are."""
    for part in PARTS:
        settings = part.without(settings) if part.wanted(settings) else settings
    return settings


def memory_of(settings: Settings) -> int:
    """Bytes that a process may take to prepare and to fit an object on the CPU.

    Two GiB do for all that was seen without in-painting; with it 40 views of 1296 x 968 took 3.3.
    """
    from models.pretrained.layout import parameters_of
    from models.pretrained.register import presence

    in_process = {
        "clip": _has_clip_loss(settings),
        "inpainter": settings.prepare.inpaint.painter == "diffusion",
        "normals": settings.prepare.normals == "predicted",
    }
    folders = [presence(getattr(settings.pretrained, name)).folder for name, used in in_process.items() if used]
    weights = sum(4 * parameters_of(folder) for folder in folders if folder is not None)
    return (2 if settings.prepare.inpaint.painter == "none" else 4) * 2**30 + weights


def extraction_mark(settings: Settings) -> str:
    """A fingerprint of the weights that views are looked at with."""
    used = settings.extract.scorer == "clip" or settings.extract.name_by_clip
    return _mark_of(settings, ["clip"] if used else [])


def weights_of_fit(settings: Settings) -> str:
    """A fingerprint of the weights that the fit looks with."""
    return _mark_of(settings, ["clip"] if _has_clip_loss(settings) else [])


def _mark_of(settings: Settings, names: Sequence[str]) -> str:
    from models.pretrained.register import weights_mark

    return fingerprint([[name, weights_mark(getattr(settings.pretrained, name))] for name in names])


def preparing_mark(settings: Settings) -> str:
    """A fingerprint of all that preparing depends on beside its own settings."""
    # What hides an object is found with a first idea of its shape, which evidence and priors give.
    shape = None
    if settings.prepare.inpaint.painter != "none":
        shape = [to_dict(settings.fit.evidence), [(name, to_dict(one)) for name, one in settings.fit.priors.items()]]
    used = [part.name for part in PARTS if part.name != "clip" and part.wanted(settings)]
    return fingerprint([_mark_of(settings, used), shape])


def clip_of_fit(settings: Settings, device: str) -> Clip | None:
    """What the CLIP loss sees with, where the fit has one."""
    if not _has_clip_loss(settings):
        return None
    from models.pretrained.clip import load_clip

    return load_clip(settings.pretrained.clip, device)


def looks_of(settings: Settings, device: str) -> dict[str, Any]:
    """The scorer and the namer of views that ``preprocess.object_mask_with_clip.extract`` is told to use."""
    if settings.extract.scorer != "clip" and not settings.extract.name_by_clip:
        return {}
    from models.pretrained.clip import load_clip
    from preprocess.clip_views import clip_namer, clip_scorer

    clip = load_clip(settings.pretrained.clip, device)
    looks: dict[str, Any] = {"scorer": clip_scorer(clip)} if settings.extract.scorer == "clip" else {}
    return looks | ({"namer": clip_namer(clip)} if settings.extract.name_by_clip else {})


def learned_of(settings: Settings, device: str) -> Learned:
    """What ``preprocess.training_folder.prepare`` gets of the in-painter and the normal predictor."""
    from preprocess.training_folder import Learned

    inpaint = settings.prepare.inpaint
    learned = Learned()
    if settings.prepare.normals == "predicted":
        from models.pretrained.normals import load_normals

        learned = dataclasses.replace(learned, predictor=load_normals(settings.pretrained.normals, device))
    if inpaint.painter == "none":
        return learned
    from preprocess.painters import ClassicalPainter, DiffusionPainter
    from training.completed_shape import completed_mesh

    if inpaint.painter == "classical":
        painter: Any = ClassicalPainter()
    else:
        from models.pretrained.inpainter import load_inpainter

        painter = DiffusionPainter(load_inpainter(settings.pretrained.inpainter, device), inpaint)
    return dataclasses.replace(learned, painter=painter, shape_of=lambda views: completed_mesh(views, settings.fit))
