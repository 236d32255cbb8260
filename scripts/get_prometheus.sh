#!/bin/sh
# Puts Debian's prometheus binary into the virtual environment, for the tests that query a real server.
# The package is unpacked and not installed: no service is started. Usage: get_prometheus.sh VENV_DIR
set -eu
venv=$1
if command -v prometheus >/dev/null 2>&1 || [ -x "$venv/prometheus/usr/bin/prometheus" ]; then exit 0; fi
echo "prometheus is missing; unpacking it from Debian's packages into $venv/prometheus" >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
fetch() { (cd "$work" && apt-get download -qq prometheus); }
if ! fetch 2>/dev/null; then
    # A fresh machine has no package lists yet.
    if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
    $sudo apt-get update -qq
    fetch
fi
dpkg-deb --extract "$work"/prometheus_*.deb "$work/unpacked"
mkdir -p "$venv/prometheus/usr/bin"
cp "$work/unpacked/usr/bin/prometheus" "$venv/prometheus/usr/bin/prometheus"
