#!/bin/sh
# Builds the virtual environment from the locked versions. Usage: make_venv.sh PYTHON VENV_DIR
set -eu
python=$1
venv=$2

# Debian splits venv out of python3; without it `python3 -m venv` fails half-way.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "python3-venv is missing; installing it from Debian's packages" >&2
    if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq python3-venv
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "gonogo needs Python 3.11 or later" >&2; exit 1; }

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
