#!/bin/sh
# Installs the peer of the benchmark, and the Node.js that runs it, in the versions that the lock file names:
# node_modules. What is there already stays; a second run takes a moment.
set -eu
cd "$(dirname "$0")"

cmp -s package-lock.json node_modules/.installed && exit 0

# npm comes from the distribution where it is missing.
if ! command -v npm >/dev/null; then
	command -v apt-get >/dev/null || { echo "install.sh: please install npm" >&2; exit 1; }
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
cp package-lock.json node_modules/.installed
