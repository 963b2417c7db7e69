#!/usr/bin/env bash
# Installs what the tests need beside Python packages: a Chromium for the pages, and PostgreSQL.
set -euo pipefail

apt() {
    command -v apt-get >/dev/null || return 1
    local root=()
    [ "$(id -u)" = 0 ] || root=(sudo -n)
    "${root[@]}" apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq "$@"
}

if ! command -v chromium-headless-shell >/dev/null; then
    apt chromium chromium-headless-shell || command -v chromium || .venv/bin/playwright install chromium \
        || { echo "No Chromium could be installed: put one on the PATH, then run make test again." >&2; exit 1; }
fi

if ! compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; then
    apt --no-install-recommends postgresql || echo "PostgreSQL could not be installed: the tests on it will be skipped." >&2
fi
