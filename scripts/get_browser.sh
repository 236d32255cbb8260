#!/bin/sh
# Has Debian's chromium installed, and puts what the tests of the pages run inside it into the virtual environment.
# Usage: get_browser.sh VENV_DIR
set -eu
venv=$1
here=$(dirname "$0")/../tests/browser

if ! [ -x /usr/bin/chromium ]; then
    echo "chromium is missing; installing it from Debian's packages" >&2
    if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq chromium
fi

# The stamp holds the lock file that was installed last: a second run costs nothing.
if ! cmp -s "$here/package-lock.json" "$venv/node/.installed"; then
    echo "installing the packages of tests/browser/package-lock.json into $venv/node" >&2
    mkdir -p "$venv/node"
    rm -f "$venv/node/.installed"
    cp "$here/package.json" "$here/package-lock.json" "$venv/node/"
    PATH=$(cd "$venv/bin" && pwd):$PATH npm ci --prefix "$venv/node" --no-audit --no-fund --ignore-scripts --loglevel=error
    cp "$here/package-lock.json" "$venv/node/.installed"
fi
