#!/bin/sh
# A package whose folders are links to folders of the checkout (pkg/rooms -> ../rooms), built by hatchling.
#
# One would guess that the archive of sources holds what the checkout holds: the folder and the link, or the folder twice.
# The wheel follows the link and has pkg/rooms. The archive of sources walks each folder once only, whatever the names it
# has: the files stand where the walk came first, the other place is missing without a word.
#
# It matters to a repository that keeps its folders at the top and imports them through a package of links: what is at the
# top is excluded, with skip-excluded-dirs, so that the walk reaches the links.
#
# Seen on 2026-11-29 with Python 3.11, hatchling 1.33.0 and build 1.3.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check hatchling==1.33.0 build==1.3.0
mkdir -p project/pkg project/rooms
cd project
touch pkg/__init__.py rooms/__init__.py
ln -s ../rooms pkg/rooms
cat > pyproject.toml <<'TOML'
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "linked"
version = "1"
[tool.hatch.build.targets.wheel]
packages = ["pkg"]
TOML
../venv/bin/python -m build --no-isolation --sdist --wheel --outdir ../out . > ../log 2>&1 || { cat ../log; exit 1; }
cd ..
venv/bin/python - <<'PY'
import glob
import tarfile
import zipfile

wheel = {name for name in zipfile.ZipFile(*glob.glob("out/*.whl")).namelist() if name.endswith(".py")}
archive = {name.split("/", 1)[1] for name in tarfile.open("out/linked-1.tar.gz").getnames() if name.endswith(".py")}
print("wheel of the checkout:", sorted(wheel))
print("archive of sources:", sorted(archive))
places = archive & {"pkg/rooms/__init__.py", "rooms/__init__.py"}
raise SystemExit("pkg/rooms/__init__.py" not in wheel or len(places) != 1)
PY
