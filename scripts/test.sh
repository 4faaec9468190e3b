#!/usr/bin/env bash
# Everything that must hold: lint, format, types, tests.
#   bash scripts/test.sh [--browser] [PYTEST ARGUMENTS]      for example: bash scripts/test.sh tests/scene -k fusion
# --browser: the tests in a real browser too; installs Playwright, and a Chromium where none is found.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/help.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
extent=--dev marks="not browser"
if [ "${1:-}" = --browser ]; then
  extent=--browser marks=""
  shift
fi
bash scripts/setup.sh "$extent"

failed=()
run() {
  echo "== $*" >&2
  .venv/bin/python -m "$@" || failed+=("$*")
}
run ruff check
run ruff format --check
run mypy --no-error-summary
run pytest -m "$marks" "$@"
if [ "${#failed[@]}" -gt 0 ]; then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
