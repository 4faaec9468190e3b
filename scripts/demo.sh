#!/usr/bin/env bash
# From nothing to a page: makes the environment and a demo scan, reconstructs its objects and scores them.
#   bash scripts/demo.sh [FOLDER]      FOLDER: where to, "demo" by default, seen from the project
# Run again, it does only what is missing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/help.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
refuse_options "${1:-}"
out="${1:-demo}"
bash scripts/setup.sh
python=.venv/bin/python
scene="$("$python" -c 'from scene.synthetic import scene_name; print(scene_name(0))')"
scan="$out/scannet/${scene}_scannet" truth="$out/truth/$scene"

"$python" -m scene.synthetic --out "$out" --seed 0
"$python" reconstruct.py "$scan" --out "$out/out" --truth "$truth"
echo "record:  $out/out/run.json"
echo "The report is one page that needs no network: open it in a browser."
