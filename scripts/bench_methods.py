"""What is compared: each method's name, what it stands for, and how it makes a scan's meshes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scene.errors import UserError
from scripts.bench_base import OURS, Base, Options
from scripts.bench_make import Record, fuse_objects, run_program
from scripts.bench_published import Published
from settings import Settings

FUSION, PUBLISHED, NO_PRIORS = "fusion", "published", "no-priors"
BRIEF = (FUSION, OURS)  # what is worth its time where many scans are measured, or one without true meshes


@dataclass(frozen=True)
class Method:
    """One line of every table; ``make(base, out)`` fills ``out/meshes`` and gives a record an object."""

    name: str
    meaning: str  # of its name, as the page tells it
    make: Callable[[Base, Path], list[Record]]


def methods_of(settings: Settings, published: Published) -> list[Method]:
    """Every method, the fit's priors one by one in the order of the configuration, all of them last."""
    priors = [name for name, prior in settings.fit.priors.items() if prior.enabled]
    methods = [
        Method(
            FUSION,
            "TSDF fusion of the object's own pixels at 1 cm, other pixels only saying what is free "
            "(`evaluation/baselines.py`): an open surface, nothing completed; its time runs from the training folder "
            "to the mesh",
            fuse_objects,
        ),
        Method(
            PUBLISHED,
            "`confs/scannet-inpainted-default-stage2.conf`, both stages and their schedules shortened in one "
            "proportion so that its steps alone fill the seconds that *ours* took in all for the object; views and "
            "meshing are ours",
            published.make,
        ),
    ]
    for k in range(len(priors)):
        name, meaning = NO_PRIORS, "the same fit; what nobody saw is outside, 3 cm behind the seen surface at most"
        if k:
            name, meaning = (
                f"+{priors[k - 1]}",
                f"the same fit with the prior `{priors[k - 1]}`" + (" besides" if k > 1 else ""),
            )
        methods.append(Method(name, meaning, partial(run_program, settings=with_priors(settings, priors[:k]))))
    last = f", with all priors, `{priors[-1]}` the last" if priors else ""
    return [*methods, Method(OURS, f"`reconstruct.py` as it is{last}", lambda base, out: base.record["objects"])]


def with_priors(settings: Settings, names: Sequence[str]) -> Settings:
    """The settings with these of the fit's priors, and no others."""
    priors = {
        name: replace(prior, enabled=prior.enabled and name in names) for name, prior in settings.fit.priors.items()
    }
    return replace(settings, fit=replace(settings.fit, priors=priors))


def variant(text: str, options: Options) -> Method:
    """A method of one's own, ``NAME=KEY=VALUE KEY=VALUE``: the program with these settings.  Raises UserError."""
    name, _, words = text.partition("=")
    try:
        pairs = shlex.split(words)
    except ValueError as error:
        raise UserError(f"--variant {text}: {error}") from error
    if not re.fullmatch(r"[\w+.-]*\w[\w+.-]*", name) or not pairs:
        raise UserError(
            f"--variant {text}: write it as NAME='KEY=VALUE KEY=VALUE', for example fine='mesh.voxel_m=0.005'"
        )
    settings = options.settings(pairs)
    if settings.segment != options.settings().segment:
        raise UserError(f"--variant {text}: all methods measure the same objects; give segment's settings with --set")
    return Method(name, f"`reconstruct.py` with `{shlex.join(pairs)}`", partial(run_program, settings=settings))


def choose(methods: Sequence[Method], names: Sequence[str]) -> list[Method]:
    """Those of these names, in their own order.  Raises UserError on a name that none has."""
    known = [method.name for method in methods]
    if unknown := [name for name in names if name not in known]:
        raise UserError(f"--methods {','.join(unknown)}: there is no such method; there are {','.join(known)}")
    return [method for method in methods if method.name in names]


def refuse_same_names(methods: Sequence[Method]) -> None:
    """Raise UserError where two methods would share a folder and a line of the table."""
    names = [method.name for method in methods]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"--variant {twice[0]}: there is a method of that name already; choose another")
