#!/usr/bin/env bash
# Makes the environment: .venv with the packages that requirements.txt pins.
#   bash scripts/setup.sh [--dev | --browser]
# --dev: those of requirements-dev.txt too.  --browser: those, Playwright, and a Chromium where none is found.
# PYTHON may name the interpreter and CHROMIUM the browser.  Does nothing when everything is there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  echo "error: $1" >&2
  exit 2
}

wanted=(requirements.txt)
case "${1-}" in
  "") ;;
  --dev) wanted+=(requirements-dev.txt) ;;
  --browser) wanted+=(requirements-dev.txt requirements-browser.txt) ;;
  *) fail "setup.sh $1: there is no such option; there are --dev and --browser" ;;
esac

# Copies of the files that were installed, put there after the installation: what has none is half made.
installed=.venv/installed
is_current() {
  local file
  for file in "${wanted[@]}"; do
    cmp -s "$file" "$installed/$file" || return 1
  done
  .venv/bin/python -c "" 2>/dev/null
}

is_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3 python3.12 python3.13; do
    if is_python "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  fail "Python 3.11 or newer is needed and was not found; on Debian: apt-get install python3.11 python3.11-venv"
}

install_packages() {
  local python
  if [ ! -d "$installed" ] || ! is_python .venv/bin/python; then
    python="$(find_python)"
    "$python" -c "import ensurepip, venv" 2>/dev/null ||
      fail "$python cannot make a virtual environment, ensurepip is missing; on Debian: apt-get install python3.11-venv"
    echo "making .venv with $("$python" --version)" >&2
    "$python" -m venv --clear .venv || fail ".venv: could not be made; see above, mend it and run the same command again"
  fi
  rm -rf "$installed"
  echo "installing ${wanted[*]} (about a minute, 2 GB)" >&2
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --requirement "${wanted[-1]}" >&2 ||
    fail "the packages could not be installed; see above, check network and disk and run the same command again"
  echo "compiling kernels" >&2
  .venv/bin/python -m scripts.compile_kernels || echo "warning: not compiled now; the first object will" >&2
  # A rename, so that an interruption leaves either all of the copies or none.
  rm -rf "$installed.new"
  mkdir "$installed.new"
  cp "${wanted[@]}" "$installed.new"
  mv "$installed.new" "$installed"
}

# One that starts is enough, wherever it came from; Playwright's own needs no right but this user's.
starts() { .venv/bin/python -m scripts.browser; }

install_browser() {
  if starts 2>/dev/null; then return; fi
  if [ -n "${CHROMIUM-}" ]; then fail "CHROMIUM=$CHROMIUM: does not start; name another or unset CHROMIUM"; fi
  echo "installing Chromium (200 MB)" >&2
  local how=(install) is_root=false
  if [ "$(id -u)" -eq 0 ]; then is_root=true how+=(--with-deps); fi
  if .venv/bin/python -m playwright "${how[@]}" chromium >&2 && starts; then return; fi
  if "$is_root" && command -v apt-get >/dev/null; then
    if apt-get update -qq >&2 && apt-get install -y -qq chromium >&2 && starts; then return; fi
  fi
  fail "no Chromium starts; see above, install one (on Debian: apt-get install chromium) or name one in CHROMIUM"
}

is_current || install_packages
if [ "${1-}" = --browser ]; then install_browser; fi
