#!/bin/sh
# Installs what the tests of this folder need: Debian's Chromium, a font where the system has none, and the OAuth clients of
# js in the versions that the lock file names. What is there already stays; a second run takes a moment. LATCHKEY_CHROMIUM
# names another Chromium for the tests.
set -eu
cd "$(dirname "$0")"

missing=
command -v npm >/dev/null || missing="nodejs npm"
[ -x /usr/bin/chromium ] || [ -n "${LATCHKEY_CHROMIUM:-}" ] || missing="$missing chromium"
[ -n "$(find /usr/share/fonts -name '*.ttf' -print -quit 2>/dev/null)" ] || missing="$missing fonts-liberation"
if [ -n "$missing" ]; then
	if [ "$(id -u)" -ne 0 ]; then
		echo "install.sh: needs root to install: $missing" >&2
		exit 1
	fi
	apt-get update -q
	# shellcheck disable=SC2086 # package names, one word each
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
fi

stamp=js/node_modules/.installed
if ! cmp -s js/package-lock.json "$stamp"; then
	(cd js && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
	cp js/package-lock.json "$stamp"
fi
