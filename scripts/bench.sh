#!/usr/bin/env bash
# Measures the reconstruction beside other methods, in one go: python -m scripts.bench --help tells the options.
#   bash scripts/bench.sh [--only scene9101_00] [--objects 5,6] [--methods fusion,ours] [--out DIR]
#   bash scripts/bench.sh --generated 10
# Reads the scans in ../shared/data unless told otherwise; a whole run writes docs/bench.md, or docs/generated_rooms.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
exec .venv/bin/python -m scripts.bench "$@"
