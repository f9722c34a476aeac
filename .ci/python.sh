# Sourced by run and full: finding Pythons, making environments.
# shellcheck shell=bash

# The minor versions that are supported from this one on.
readonly oldest="3.11"

# Whether $1 is a Python that T-800 supports and that can make virtual environments.
usable() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < tuple(map(int, "'"$oldest"'".split("."))))' \
    >/dev/null 2>&1
}

# Every usable Python, one for each minor version, oldest first.
pythons() {
  local candidate
  {
    for candidate in python3 python3.{11..20} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do
      candidate=$(command -v "$candidate") || continue
      usable "$candidate" && echo "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])') $candidate"
    done
  } | sort -t. -k2,2n -k1,1 -u -s | awk '!seen[$1]++ { print $2 }'
}

# The Python to use where one is enough: $PYTHON, else python3, else the oldest that is usable.
one_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3; do
    usable "$candidate" && command -v "$candidate" && return
  done
  candidate=$(pythons | head -n1)
  [ -n "$candidate" ] && echo "$candidate" && return
  echo "needs Python $oldest or newer, with venv" >&2
  return 1
}

# Makes a virtual environment of Python $1 in folder $2 and enters it; packages come in the versions of the constraints.
enter_environment() {
  "$1" -m venv "$2"
  # shellcheck disable=SC1091
  source "$2/bin/activate"
  export PIP_CONSTRAINT="$PWD/.ci/constraints.txt" PIP_DISABLE_PIP_VERSION_CHECK=1
  echo "== $(python --version), $(cargo --version)"
}

# Runs a command with its name above it.
step() {
  echo "== $*"
  "$@"
}
