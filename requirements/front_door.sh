#!/bin/sh
# Set Trueup up from nothing with one version of pip, as `make demo` and `make test` do, in a temporary folder.
# Usage: front_door.sh PIP [PYTHON] -- PIP is a version such as 22.3, or "newest".
set -eu
cd "$(dirname "$0")/.."
pip=$1
python=${2:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

# pip before 23.1.2 does not start on Python 3.12 and later: nobody can have that pair.
if [ "$pip" = 22.3 ] && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
    echo "pip 22.3 does not work on Python 3.12 and later; taking 23.1.2, the oldest that does"
    pip=23.1.2
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1
for lists in "run test" peer; do
    place="$folder/$(echo "$lists" | tr ' ' -)"
    "$python" -m venv "$place"
    if [ "$pip" = newest ]; then
        "$place/bin/python" -m pip install --quiet --upgrade pip
    else
        "$place/bin/python" -m pip install --quiet "pip==$pip"
    fi
    "$place/bin/python" -m pip --version
    for list in $lists; do
        "$place/bin/python" -m pip install --quiet --no-deps --require-hashes -r "requirements/$list.txt"
    done
    if [ "$lists" = "run test" ]; then
        # Not editable: a checkout in use keeps its own. A copy: building must leave nothing behind here.
        mkdir "$folder/checkout"
        tar --exclude='./.venv*' --exclude=./data/runs --exclude=./data/demo --exclude=./data/bench \
            --exclude=./.git -cf - . | tar -xf - -C "$folder/checkout"
        "$place/bin/python" -m pip install --quiet --no-deps --no-build-isolation --no-index -e "$folder/checkout"
        (cd "$folder" && "$place/bin/trueup" --version)
    fi
    "$place/bin/python" -m pip check
done
