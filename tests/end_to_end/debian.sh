#!/bin/sh
# What the tests marked "services" need of Debian: PostgreSQL, nginx, systemd's own judgement of the units, and a clock
# that is wrong. As root.
set -eu
wanted=""
ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || wanted="$wanted postgresql"
command -v systemd-analyze > /dev/null || wanted="$wanted systemd"
[ -x /usr/sbin/nginx ] || wanted="$wanted nginx-light"
ls /usr/lib/*/faketime/libfaketime.so.1 > /dev/null 2>&1 || wanted="$wanted faketime"
[ -z "$wanted" ] && exit 0
echo "Installing$wanted ..."
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq install --yes --no-install-recommends $wanted > /dev/null
