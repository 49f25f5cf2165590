"""The image of ``deploy/Dockerfile`` without Docker: each of its steps done in a bare Debian root, and run from there.

What Docker would do beside is done by hand: another root for each stage, nothing of the checkout but what
``.dockerignore`` lets through, an account of its own, a root file system that cannot be written. Debian 12 stands for
the base image, with its own Python 3.11. Packages come from a folder, still held to their hashes.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
IN_IMAGE = Path(__file__).with_name("in_image.sh")
_DEBIAN = {"python_version": "3.11", "python_full_version": "3.11.2"}
_OWN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Image:
    """What the last stage came to."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _OWN})
    workdir: str = "/"
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def start(self, words: list[str], home: Path, **environment: str) -> subprocess.Popen[str]:
        """``words`` as a container would run them: its user, nothing writable but ``home`` and memory."""
        inside = [str(IN_IMAGE), str(self.root), str(home), self.user, self.workdir]
        return subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", *inside, *words],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @staticmethod
    def kill(process: subprocess.Popen[str]) -> str:
        """End what ``start`` began, and all it began itself; returns what it had said.

        The first process of its namespace is killed and not ``unshare``: that it shall die with its parent is forgotten
        as it becomes another user.
        """
        if process.poll() is None:
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split():
                os.kill(int(child), signal.SIGKILL)
        return process.communicate(timeout=60)[0]

    def run(self, words: list[str], home: Path, **environment: str) -> tuple[int, str]:
        """Exit code and all that was said."""
        process = self.start(words, home, **environment)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said


def build(bare: Path, folder: Path) -> Image:
    """Do each step of the Dockerfile, beginning with copies of the root ``bare``."""
    wheels = folder / "wheels"
    _download(wheels)
    stages: dict[str, Image] = {}
    image = Image(folder)
    for line in _instructions((ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            name = rest.partition(" AS ")[2] or "final"
            image = stages[name] = Image(_base(bare, folder / name))
        elif word == "COPY":
            _copy(rest.split(), image, stages)
        elif word == "RUN":
            _run(rest, image, wheels)
        else:
            _note(word, rest, image)
    return image


def _note(word: str, rest: str, image: Image) -> None:
    """What only says how the image is to be run."""
    if word == "ENV":
        for pair in shlex.split(rest):
            key, _, value = pair.partition("=")
            image.environment[key] = value.replace("$PATH", image.environment["PATH"])
    elif word == "WORKDIR":
        image.workdir = rest
        (image.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        image.user = rest
    elif word == "ENTRYPOINT":
        image.entrypoint = json.loads(rest)
    elif word == "CMD":
        image.command = json.loads(rest)
    elif word == "HEALTHCHECK":
        image.health = json.loads(rest.partition("CMD ")[2])
    elif word != "VOLUME":
        raise ValueError(word)


def _instructions(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [line.strip() for line in joined.splitlines() if line.strip()]


def _base(bare: Path, root: Path) -> Path:
    subprocess.run(["cp", "-a", bare, root], check=True)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")  # as in the base image
    return root


def _download(wheels: Path) -> None:
    """All packages of the list for the base image's Python, each held to its hash."""
    wheels.mkdir()
    listed = wheels / "listed.txt"
    listed.write_text(_for_debian((ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")), encoding="utf-8")
    words = ["--no-deps", "--require-hashes", "--python-version", "3.11", "--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *words, "-r", str(listed)]
    subprocess.run([*command, "--dest", str(wheels)], check=True)


def _for_debian(text: str) -> str:
    """The list for Debian's Python, without conditions: pip would judge them by the Python it runs on."""
    kept = []
    for entry in re.split(r"\n(?=\S)", text):
        line, _, hashes = entry.partition(" \\\n")
        if line.startswith("#") or not line.strip():
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(dict(_DEBIAN)):
            kept.append(f"{requirement.name}{requirement.specifier} \\\n{hashes}")
    return "\n".join(kept)


def _copy(words: list[str], image: Image, stages: dict[str, Image]) -> None:
    [*options, source, to] = words
    target = image.root / os.path.normpath(os.path.join(image.workdir, to)).lstrip("/")  # noqa: PTH118 - a path inside the root
    if options:
        place = stages[options[0].removeprefix("--from=")].root / source.lstrip("/")
        shutil.copytree(place, target, symlinks=True)
        return
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    for name in let_in if source == "." else [source]:
        assert name in let_in, f"{name} is not let into the image"
        into = target / name if source == "." else target
        into.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, into, symlinks=True, ignore=leave, dirs_exist_ok=True)
        else:
            shutil.copy2(ROOT / name, into)


def _run(script: str, image: Image, wheels: Path) -> None:
    inside = image.root / "wheels"
    inside.mkdir(exist_ok=True)
    mounted = f"mount --bind {wheels} {inside} && mount -t proc proc {image.root}/proc"
    chroot = shlex.join(["chroot", str(image.root), "sh", "-ec", f"cd {image.workdir}; {script}"])
    known = {**image.environment, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", f"{mounted}; exec {chroot}"],
        env=known,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (script, done.stdout[-2000:], done.stderr[-2000:])
    inside.rmdir()
