"""Processes of ours that this one begins: the same Python, with a module or a command of ours."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PYTHON = (sys.executable, "-P")
"""``-P``: nothing in the folder we were started in passes for a module."""
COMMAND = (*_PYTHON, "-c", "from trueup.flows.commands.cli import main; main()")
"""``trueup``, to be followed by its words."""


def module(name: str, *words: str) -> tuple[str, ...]:
    """What runs ``python -m name words``."""
    return (*_PYTHON, "-m", name, *words)


def begin(command: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
    """Begin ``COMMAND`` or a ``module``, followed by words of ours; ``how`` is as for ``subprocess.Popen``."""
    # The rule fires at whatever is not spelt out where it is called. What is called is this very Python; the words are
    # handed over one by one and no shell reads them, so that none, whatever is in it, becomes a command.
    return subprocess.Popen(command, **how)  # noqa: S603 - this very Python, words handed over one by one, no shell: see above


def answered(command: Sequence[str], said: bytes, *, seconds: float, env: Mapping[str, str]) -> bytes:
    """What such a process writes to its standard output when it is told ``said``; what it complains of is not kept.

    Raises:
        OSError: it cannot be begun.
        subprocess.SubprocessError: it failed, or took longer than that and was ended.
    """
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with begin(command, stdin=pipe, stdout=pipe, stderr=nowhere, env=env) as process:
        try:
            out, _ = process.communicate(said, seconds)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return out
