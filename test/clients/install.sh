#!/bin/sh
# Installs the clients that the tests of this folder drive, in the versions that the lock files name:
# js/*/node_modules and python/.venv/*. What is there already stays; a second run takes a moment.
# The Go clients need no installation, the tests build them.
set -eu
cd "$(dirname "$0")"

# Node.js and Python come from the distribution where they are missing.
missing=
command -v npm >/dev/null || missing="$missing nodejs npm"
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3 python3-venv"
if [ -n "$missing" ]; then
	command -v apt-get >/dev/null || { echo "install.sh: please install:$missing" >&2; exit 1; }
	apt-get update -qq
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || {
	echo "install.sh: Node.js $(node --version) is too old; the newest AWS SDK needs 20 or newer" >&2
	exit 1
}

# stamped FILE COPY: COPY was left by an installation from this very FILE.
stamped() { cmp -s "$1" "$2"; }

for version in newest oldest; do
	lock=js/$version/package-lock.json
	stamp=js/$version/node_modules/.installed
	if ! stamped "$lock" "$stamp"; then
		(cd "js/$version" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
		cp "$lock" "$stamp"
	fi

	lock=python/$version.txt
	venv=python/.venv/$version
	stamp=$venv/.installed
	if ! stamped "$lock" "$stamp"; then
		rm -rf "$venv"
		python3 -m venv "$venv"
		"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --requirement "$lock"
		cp "$lock" "$stamp"
	fi
done
