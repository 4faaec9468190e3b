#!/usr/bin/env bash
# Both stages of the published method and the mesh of every object of one scene.
#   bash scripts/train_0005.sh [SCENE]      SCENE as 0005 (the default) or scene0005_00
# DATASET_ROOT, EXP_ROOT, GPU, MC_RESO, and STAGE1 and STAGE2 (configurations) may be set; run again, it goes on where
# it stopped.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/help.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
refuse_options "${1:-}"
scene="${1:-0005}"
case "$scene" in scene*) ;; *) scene="scene${scene}_00" ;; esac
dataset_root="${DATASET_ROOT:-dataset/indoor-paper}"
python=.venv/bin/python
[ -x "$python" ] || python=python

run() {
  "$python" exp_runner.py "$@" --gpu "${GPU:-0}" --scene_name "$object" \
    --dataset_root "$dataset_root" --exp_root "${EXP_ROOT:-exps-paper/indoor-paper/neus}"
}

stage1="${STAGE1:-confs/scannet-inpainted-default-stage1.conf}"
stage2="${STAGE2:-confs/scannet-inpainted-default-stage2.conf}"
found=0
failed=()
for folder in "$dataset_root/${scene}"_scannet_obj_*/; do
  [ -d "$folder" ] || continue
  found=1
  object="$(basename "$folder")"
  echo "$object" >&2
  run --mode train --conf "$stage1" --is_continue &&
    run --mode train --conf "$stage2" --is_continue &&
    run --mode validate_mesh --conf "$stage2" --mc_reso "${MC_RESO:-512}" ||
    failed+=("$object")
done
if [ "$found" = 0 ]; then
  echo "error: $dataset_root/${scene}_scannet_obj_*: no such training folder; run exp_preprocess.py first" >&2
  exit 2
fi
if [ "${#failed[@]}" -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
