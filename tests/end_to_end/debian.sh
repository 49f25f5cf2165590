#!/bin/sh
# What the tests marked "services" need of Debian: PostgreSQL, nginx, and systemd's own judgement of the units. As root.
set -eu
wanted=""
ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || wanted="$wanted postgresql"
command -v systemd-analyze > /dev/null || wanted="$wanted systemd"
[ -x /usr/sbin/nginx ] || wanted="$wanted nginx-light"
[ -z "$wanted" ] && exit 0
echo "Installing$wanted ..."
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq install --yes --no-install-recommends $wanted > /dev/null
