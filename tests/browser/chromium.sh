#!/usr/bin/env bash
# Sees to Debian's Chromium for the browser tests; says by name what it could not do.
set -euo pipefail
if [ -x /usr/bin/chromium ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "test-browser: /usr/bin/chromium is missing and there is no apt-get to install it; install Chromium there." >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "test-browser: /usr/bin/chromium is missing and only root can install it: sudo apt-get install chromium" >&2
    exit 1
fi
echo "Installing Chromium ..."
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/tmp/trueup-chromium.log 2>&1; then
    tail -n 20 /tmp/trueup-chromium.log >&2
    echo "test-browser: apt-get could not install chromium; the lines above say why." >&2
    exit 1
fi
if [ ! -x /usr/bin/chromium ]; then
    echo "test-browser: apt-get installed chromium but /usr/bin/chromium is not there." >&2
    exit 1
fi
