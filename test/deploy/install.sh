#!/bin/sh
# Installs what reads the files of deploy/, so that the tests of this folder can ask it: promtool, nginx, Caddy and umoci
# from Debian (unpacked into build/deploy, so that no service of theirs is set up or started), kubeconform by Go, the
# schemas of Kubernetes by pip, the types of Grafana by npm. What is there already stays; a second run takes a moment.
set -eu
cd "$(dirname "$0")"
tools=$(cd ../.. && pwd)/build/deploy
mkdir -p "$tools"

# The programs that must be installed, and libraries of those that are unpacked.
missing=
command -v systemd-analyze >/dev/null || missing="$missing systemd"
command -v strace >/dev/null || missing="$missing strace"
command -v npm >/dev/null || missing="$missing nodejs npm"
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3 python3-venv"
for library in libpcre2-8-0 libssl3 libcrypt1 zlib1g; do
	[ -n "$(find /usr/share/doc -maxdepth 1 -name "$library" -print -quit)" ] || missing="$missing $library"
done
debs=
for program in promtool:prometheus nginx:nginx caddy:caddy umoci:umoci; do
	[ -x "$tools/${program%%:*}" ] || debs="$debs ${program##*:}"
done
if [ -n "$missing$debs" ]; then
	command -v apt-get >/dev/null || { echo "install.sh: needs apt-get for:$missing$debs" >&2; exit 1; }
	apt-get update -qq
fi
if [ -n "$missing" ]; then
	# shellcheck disable=SC2086 # package names, one word each
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
if [ -n "$debs" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	chmod 755 "$work" # apt downloads as a user of its own
	# shellcheck disable=SC2086
	(cd "$work" && apt-get download -qq $debs 2>/dev/null)
	for file in "$work"/*.deb; do
		dpkg-deb -x "$file" "$work/root"
	done
	for program in promtool nginx caddy umoci; do
		for place in usr/bin usr/sbin; do
			[ ! -x "$work/root/$place/$program" ] || cp "$work/root/$place/$program" "$tools/$program"
		done
	done
fi

# go.mod names the version of kubeconform.
GOBIN=$tools go install github.com/yannh/kubeconform/cmd/kubeconform

if ! cmp -s schemas.txt "$tools/schemas/.installed"; then
	rm -rf "$tools/schemas" "$tools/venv"
	python3 -m venv "$tools/venv"
	"$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --only-binary :all: \
		--target "$tools/schemas" --require-hashes --requirement schemas.txt
	# The schemas name each other by addresses that are not places; kubeconform wants files.
	for folder in "$tools"/schemas/kubernetes_validate/kubernetes-json-schema/*-local-strict; do
		sed -i 's#"/api/_definitions.json#"_definitions.json#; s#^  "\$id": "https://kubernetes.io#  "$comment": "#' "$folder"/*.json
	done
	cp schemas.txt "$tools/schemas/.installed"
fi

if ! cmp -s grafana/package-lock.json grafana/node_modules/.installed; then
	(cd grafana && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
	cp grafana/package-lock.json grafana/node_modules/.installed
fi
