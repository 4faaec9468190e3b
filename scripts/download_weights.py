"""Fetches the pretrained networks that confs/pretrained.conf names, from the Hugging Face hub.

    python scripts/download_weights.py [clip] [inpainter] [normals] [--to FOLDER] [--conf CONF] [--set KEY=VALUE ...]

They go into the hub's cache (HF_HOME), where every run finds them, or with --to into a folder each, to be carried to
another machine and named there.  Files that are here already are left alone, so that the same command goes on where
it was stopped.  HF_TOKEN (for gated networks) and HF_HUB_OFFLINE are respected.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

if not __package__:  # run by its path: the project is this folder's parent
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from models.pretrained.register import REGISTER, hub_request, is_on_hub, presence, read_register
from models.pretrained.settings import Weights
from scene.errors import UserError
from scene.runlog import log, run_cli
from scripts.disk import check_space


def main() -> int:
    """0 where every part asked for is here in the end, else 1."""
    arguments = _parser().parse_args()
    register = read_register(arguments.conf, arguments.set)
    unknown = sorted(set(arguments.parts) - set(register))
    if unknown:
        raise UserError(f"{unknown[0]} is no part; there are {', '.join(register)}")
    failed = [part for part in arguments.parts or register if not fetch(part, register[part], arguments.to)]
    return 1 if failed else 0


def fetch(part: str, weights: Weights, to: Path | None = None) -> bool:
    """Have the network of a part here; where it cannot be had, say why in one sentence.  Returns whether it is here."""
    if not weights.id or (not is_on_hub(weights) and presence(weights).folder is None):
        log.error("%s: %s", part, presence(weights).reason)
        return False
    folder = to / weights.id.replace("/", "--") if to is not None and is_on_hub(weights) else None
    here = replace(weights, id=str(folder)) if folder is not None else weights
    if (found := presence(here)).folder is not None:
        log.info("%s: is here already, %s", part, found.folder)
        return True
    try:
        _download(part, weights, folder)
    except UserError as error:
        log.error("%s: %s", part, error)
        return False
    found = presence(here)
    if found.folder is None:
        log.error("%s: %s was fetched, but %s; %s", part, weights.repository, found.reason, _instead(part, weights))
        return False
    named = f"; name it as pretrained.{part}.id" if folder is not None else ""
    log.info("%s: is here now, %s%s", part, found.folder, named)
    return True


def _download(part: str, weights: Weights, folder: Path | None) -> None:
    """Fetch what is missing, into ``folder`` or the hub's cache.  Raises UserError where that fails."""
    from huggingface_hub import constants, snapshot_download

    from scripts.hub import FAILURES, explain, silence_retries

    silence_retries()
    log.info("%s: asking the hub for %s", part, weights.repository)
    request = hub_request(weights) | ({"local_dir": folder} if folder is not None else {})
    try:
        plan = snapshot_download(**request, dry_run=True)
        missing = sum(file.file_size or 0 for file in plan if file.will_download)
        check_space([(folder or Path(constants.HF_HUB_CACHE), missing)], "set HF_HOME to a folder on another disk")
        log.info(
            "%s: %.1f GB of %s (licence: %s)", part, missing / 1e9, weights.repository, weights.licence or "see there"
        )
        snapshot_download(**request)
    except FAILURES as error:
        instead, carry = _instead(part, weights), "fetch it with --to FOLDER where there is one and carry it here"
        raise UserError(explain(error, weights.repository, weights.revision, instead, carry)) from error
    if weights.revision == "main" and plan:
        log.info("%s: to pin what came, write %s@%s", part, weights.repository, plan[0].commit_hash)


def _instead(part: str, weights: Weights) -> str:
    if weights.alternative:
        return f'take another, such as --set pretrained.{part}.id="{weights.alternative}", here and in the run'
    return f"name another network or a local folder as pretrained.{part}.id"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help="clip, inpainter or normals (default: all)")
    parser.add_argument("--to", type=Path, help="folder to fetch into, instead of the hub's cache")
    parser.add_argument("--conf", type=Path, default=REGISTER, help="configuration that names the networks")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of its settings")
    return parser


if __name__ == "__main__":
    run_cli(main)
