"""Which pretrained networks are here, which are not, and what stands in for those.

python -m models.pretrained [--conf CONF] [--set pretrained.clip.id=FOLDER ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from models.pretrained.register import REGISTER, is_on_hub, presence, read_register, remedy
from models.pretrained.settings import Weights
from scene.runlog import run_cli


def table(register: Mapping[str, Weights]) -> str:
    """A paragraph a part: its network and where that lies, or why it does not and what stands in."""
    lines = []
    for part, weights in register.items():
        found = presence(weights)
        size = f", {weights.size_gb:g} GB" if weights.size_gb else ""
        facts = {
            "": f"{weights.repository or 'no network'}{size}",
            "revision": weights.revision if is_on_hub(weights) else "",
            "licence": weights.licence or "not known here",
            "purpose": weights.purpose,
            "present" if found.folder else "absent": str(found.folder or found.reason),
            "stands in": "" if found.folder else weights.stand_in,
            "to have it": "" if found.folder else remedy(weights, part),
        }
        lines += [f"{part if not name else '':<11}{name:<11}{fact}" for name, fact in facts.items() if fact]
    return "\n".join(lines)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m models.pretrained", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--conf", type=Path, default=REGISTER, help="configuration that names the networks")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of its settings")
    arguments = parser.parse_args()
    print(table(read_register(arguments.conf, arguments.set)))
    return 0


if __name__ == "__main__":
    run_cli(main)
