#!/bin/sh
# Installs what the tests of this folder need: Debian's Chromium, and a font where the system has none. What is there
# already stays; a second run takes a moment. LATCHKEY_CHROMIUM names another Chromium for the tests.
set -eu

missing=
[ -x /usr/bin/chromium ] || [ -n "${LATCHKEY_CHROMIUM:-}" ] || missing=chromium
[ -n "$(find /usr/share/fonts -name '*.ttf' -print -quit 2>/dev/null)" ] || missing="$missing fonts-liberation"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "install.sh: needs root to install: $missing" >&2
	exit 1
fi
apt-get update -q
# shellcheck disable=SC2086 # package names, one word each
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
