#!/usr/bin/env bash
# Everything that must hold: lint, format, types, tests.
#   bash scripts/test.sh [PYTEST ARGUMENTS]      for example: bash scripts/test.sh tests/scene -k fusion
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/help.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh --dev

failed=()
run() {
  echo "== $*" >&2
  .venv/bin/python -m "$@" || failed+=("$*")
}
run ruff check
run ruff format --check
run mypy --no-error-summary
run pytest "$@"
if [ "${#failed[@]}" -gt 0 ]; then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
