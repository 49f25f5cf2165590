#!/bin/sh
# A bare Debian 12 with Python and nothing else in the folder FOLDER, for the steps of the image. As root.
# Usage: bare_root.sh FOLDER
set -eu
if ! command -v mmdebstrap > /dev/null; then
    echo "Installing mmdebstrap ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends mmdebstrap > /dev/null
fi
# What the base image of deploy/Dockerfile has beyond Debian's least: Python with venv, useradd.
exec mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,passwd,ca-certificates bookworm "$1"
